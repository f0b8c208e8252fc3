/** The reason why a request failed, with the same text on every server. */
import { serviceLimits } from '../../machines/limits.ts'
import { textOf, utf8 } from '../core/bytes.ts'
import { silencePromises } from '../core/promises.ts'

/** The service returned an invalid value; `message` is the reason. */
export class ServiceFault extends Error {}

/**
 * Errors that the JavaScript engine itself throws. Their texts differ between versions of Node.js, so the reason leaves
 * them out.
 */
const engineErrors = new Map<unknown, string>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError].map((kind) => [
    kind.prototype,
    kind.name,
  ]),
)

/**
 * Returns the reason why a request failed, from the thrown value: the message of an Error, the kind of an error that the
 * engine throws, or a thrown string itself. For any other value the reason says that it was not an Error. The reason is
 * well-formed, and at most `serviceLimits.reasonLength` long. Never throws.
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
  if (!(thrown instanceof Error)) return 'the service threw a value that is not an Error'
  const kind = engineErrors.get(Object.getPrototypeOf(thrown))
  if (kind !== undefined) return `the service threw a ${kind}`
  const message: unknown = thrown.message
  if (typeof message === 'string') return shortened(message)
  silencePromises(message)
  return 'the service threw an Error whose message is not a string'
}

/**
 * `text` within the limit and in well-formed Unicode, so that any datagram can carry it: half of a surrogate pair becomes
 * U+FFFD.
 */
function shortened(text: string): string {
  const { reasonLength } = serviceLimits
  const kept = text.length <= reasonLength ? text : `${text.slice(0, reasonLength - 1)}…`
  return textOf(utf8(kept))
}

/**
 * True when the thrown value shows a bug in the service, not an intended refusal: the service returned an invalid value, the
 * engine threw the error, or it is neither an Error nor a string. Never throws.
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

/** Returns the reason of a failure, and calls `mistaken` when the failure shows a bug in the service. */
export function reasonOfFailure(thrown: unknown, mistaken: (thrown: unknown) => void): string {
  if (isMistake(thrown)) mistaken(thrown)
  const reason = reasonOf(thrown)
  silencePromises(thrown)
  return reason
}

/**
 * Describes the thrown value for the log of one server, with the text of an engine error, which a reason leaves out. Never
 * throws.
 */
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
