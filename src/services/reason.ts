/** Why a request failed, in words that are the same on every server. */
import { serviceLimits } from '../../machines/limits.ts'
import { textOf, utf8 } from '../core/bytes.ts'
import { silencePromises } from '../core/promises.ts'

/** What is wrong with what a service returned: `message` is the reason. */
export class ServiceFault extends Error {}

/** Errors that the engine itself throws. Their texts differ between versions of Node.js, so they are no part of the reason. */
const engineErrors = new Map<unknown, string>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError].map((kind) => [
    kind.prototype,
    kind.name,
  ]),
)

/**
 * The reason for which a request failed, from what was thrown: of an Error its message, of an error that the engine throws
 * its kind, of a string itself; of anything else that it was no Error. Well-formed, and at most
 * `serviceLimits.reasonLength` long. Throws nothing.
 */
export function reasonOf(thrown: unknown): string {
  try {
    return readableReason(thrown)
  } catch {
    return 'the service threw an Error that cannot be read'
  }
}

function readableReason(thrown: unknown): string {
  if (typeof thrown === 'string') return shortened(thrown)
  if (!(thrown instanceof Error)) return 'the service threw what is no Error'
  const kind = engineErrors.get(Object.getPrototypeOf(thrown))
  if (kind !== undefined) return `the service threw a ${kind}`
  const message: unknown = thrown.message
  if (typeof message === 'string') return shortened(message)
  silencePromises(message)
  return 'the service threw an Error whose message is no text'
}

/** `text` as any datagram can carry it: half of a surrogate pair becomes U+FFFD. */
function shortened(text: string): string {
  const { reasonLength } = serviceLimits
  const kept = text.length <= reasonLength ? text : `${text.slice(0, reasonLength - 1)}…`
  return textOf(utf8(kept))
}

/**
 * True when what was thrown shows a mistake in the service, not a refusal of its own: what it returned is wrong, the engine threw
 * it, or it is no Error. Throws nothing.
 */
export function isMistake(thrown: unknown): boolean {
  try {
    if (typeof thrown === 'string') return false
    if (!(thrown instanceof Error) || thrown instanceof ServiceFault) return true
    return engineErrors.has(Object.getPrototypeOf(thrown))
  } catch {
    return true
  }
}

/** What was thrown, for a log of one server: an error of the engine with its text, which is no part of a reason. Throws nothing. */
export function thrownInWords(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return reasonOf(thrown)
    const { name, message }: { readonly name: unknown; readonly message: unknown } = thrown
    silencePromises([name, message])
    return shortened(`${name}: ${message}`)
  } catch {
    return reasonOf(thrown)
  }
}
