/** What bounds the parts of a message. What bounds datagrams and what is held for them stands in src/wire/limits.ts. */
import { replicatedLimits, serviceLimits } from '../../machines/limits.ts'

/**
 * Arrays and objects within each other in a command's body. The limit is on the body, not on the datagram: the same body
 * lies deeper in a `promise` than in a `request`, and what one message may carry the next one must not refuse.
 */
export const maxBodyDepth = 32

/** The same in a result, which may hold the result of an earlier request, and in a status. */
export const maxResultDepth = serviceLimits.nestedResult.depth

/** UTF-16 units of a uid, an incarnation or the name of a cluster. */
export const maxNameLength = 128

/** Servers that found a cluster together, and names of them in one message. */
export const maxFounders = replicatedLimits.members

/** Characters of what a question carries and its answer repeats. */
export const maxNonceLength = 32

/** Characters of a cookie: 16 bytes in base64url. */
export const cookieLength = 22
