import type { Json } from '../../machines/batch.ts'
import { copyJson } from '../core/json.ts'
import { messageOf } from '../core/message-of.ts'
import { maxBodyDepth } from '../messages/limits.ts'
import { maxCommandBytes } from '../wire/limits.ts'
import { InvalidArgument } from './errors.ts'

/**
 * The client measures a body up to this many bytes of JSON, so that an error can give the size of a body above the command
 * limit.
 */
const longestLookedAt = 64 * maxCommandBytes

/**
 * Copies `body`: every retry must send the same body, even if the program changes its object. Throws InvalidArgument when
 * JSON cannot represent it without loss.
 */
export function asJson(body: unknown): Json {
  try {
    return copyJson(body, { depth: maxBodyDepth, bytes: longestLookedAt }, 'body')
  } catch (error) {
    const why = messageOf(error)
    throw new InvalidArgument(`the request cannot be sent: ${why}`, { cause: error })
  }
}
