import { crc32 } from 'node:zlib'
import type { Standing } from '../../src/node/home.ts'
import { encodeStanding } from '../../src/node/standing-file.ts'

/** The text of `identity.json` as a version that writes `format` has it. */
export function standingInFormat(format: number, standing: Standing): string {
  const { checksum: _, ...content } = { ...JSON.parse(encodeStanding({ standing, origin: null })), format }
  const checksum = crc32(JSON.stringify(content)).toString(16).padStart(8, '0')
  return JSON.stringify({ checksum, ...content })
}
