/**
 * The text of `identity.json`: a JSON object with the standing of a server, the origin of the directory, the format of its files, and a
 * checksum of the rest.
 */
import { crc32 } from 'node:zlib'
import { Damage } from '../storage/log/damage.ts'
import { isReadFormat, readFormats, storedFormat } from '../storage/log/layout.ts'
import type { Origin } from '../storage/marker.ts'
import type { Standing } from './home.ts'

/** The name of the file in the data directory. */
export const fileName = 'identity.json'

/** What an operator can do with a directory of another format. */
export const afterOtherFormat =
  'remove the server from the cluster, and let it join again with an empty directory; or use the version that made it'

interface StandingFile {
  readonly checksum: string
  readonly format: number
  readonly origin?: Origin
}

/** The content of the file. */
export interface StoredStanding {
  readonly standing: Standing
  /** `null` in a directory of a version that stored none. */
  readonly origin: Origin | null
}

export function encodeStanding({ standing, origin }: StoredStanding): string {
  const content = { format: storedFormat, ...(origin !== null && { origin }), ...standing }
  return `${JSON.stringify({ checksum: checksum(content), ...content }, null, 2)}\n`
}

/** Throws a `Damage` when the text was changed, and an `Error` when it has another format. */
export function decodeStanding(text: string): StoredStanding {
  const { checksum: stored, ...content } = parsed(text)
  const actual = checksum(content)
  if (stored !== actual) {
    throw damaged(`the checksum of its ${fileName} is ${actual}, and the file says ${stored}`)
  }
  const { format, origin = null, ...standing } = content
  if (isReadFormat(format)) return { standing: standing as unknown as Standing, origin }
  throw new Error(`its format is ${format}, and this version reads ${readFormats}: ${afterOtherFormat}`)
}

function parsed(text: string): StandingFile {
  try {
    const value = JSON.parse(text) as StandingFile | null
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Damage, as below.
  }
  throw damaged(`its ${fileName} is not a JSON object`)
}

function damaged(reason: string): Damage {
  return new Damage(fileName, null, reason)
}

function checksum(content: object): string {
  return crc32(JSON.stringify(content)).toString(16).padStart(8, '0')
}
