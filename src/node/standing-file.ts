/**
 * The text of `identity.json`: a JSON object with the standing of a server, the origin of the directory, the format of its files, and a
 * checksum of the rest.
 */
import { messageOf } from '../core/message-of.ts'
import { Damage } from '../storage/log/damage.ts'
import { isReadFormat, readFormats, storedFormat } from '../storage/log/layout.ts'
import type { Origin } from '../storage/marker.ts'
import { decodeChecked, encodeChecked } from './checked-json.ts'
import type { Standing } from './home.ts'

/** The name of the file in the data directory. */
export const fileName = 'identity.json'

/** What an operator can do with a directory of another format. */
export const afterOtherFormat =
  'remove the server from the cluster, and let it join again with an empty directory; or use the version that made it'

/** The content of the file. */
export interface StoredStanding {
  readonly standing: Standing
  /** `null` in a directory of a version that stored none. */
  readonly origin: Origin | null
}

export function encodeStanding({ standing, origin }: StoredStanding): string {
  return encodeChecked({ format: storedFormat, ...(origin !== null && { origin }), ...standing })
}

/** Throws a `Damage` when the text was changed, and an `Error` when it has another format. */
export function decodeStanding(text: string): StoredStanding {
  const { format, origin = null, ...standing } = decoded(text)
  if (isReadFormat(format)) {
    return { standing: standing as unknown as Standing, origin: origin as Origin | null }
  }
  throw new Error(`its format is ${format}, and this version reads ${readFormats}: ${afterOtherFormat}`)
}

function decoded(text: string): Record<string, unknown> {
  try {
    return decodeChecked(fileName, text)
  } catch (error) {
    throw new Damage(fileName, null, messageOf(error))
  }
}
