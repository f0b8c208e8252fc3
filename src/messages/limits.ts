/** Limits on the parts of messages. src/wire/limits.ts limits datagrams and the memory that is held for them. */
import { replicatedLimits, serviceLimits } from '../../machines/limits.ts'

/**
 * The deepest nesting of arrays and objects in the body of a command. The limit applies to the body, not to the datagram: the
 * same body lies deeper in a `promise` than in a `request`, and every later message must be able to carry it.
 */
export const maxBodyDepth = 32

/** The deepest nesting in a result, which may contain the result of an earlier request, and in a status. */
export const maxResultDepth = serviceLimits.nestedResult.depth

/** The longest uid, incarnation or name of a cluster, in UTF-16 units. */
export const maxNameLength = 128

/** The most founders of a cluster, and of their names in one message. */
export const maxFounders = replicatedLimits.members

/** The longest nonce of a question, which its answer repeats, in characters. */
export const maxNonceLength = 32

/** The length of a cookie in characters: 16 bytes in base64url. */
export const cookieLength = 22
