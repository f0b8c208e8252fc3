import { replicatedLimits, serviceLimits } from '../../../machines/limits.ts'

/** Bytes of one datagram. A longer message is sent in pieces; UDP itself carries 65,507. */
export const maxDatagramBytes = 60_000

/** With datagrams of this size the longest message still fits in `maxPieces`. */
export const minDatagramBytes = 1_200

/** Bytes of one message with its envelope, whole or put together from pieces. */
export const maxMessageBytes = 1_048_576

/** Bytes of the JSON of one request's command. */
export const maxCommandBytes = 32_768

/** Pieces of one message. */
export const maxPieces = 1_024

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
