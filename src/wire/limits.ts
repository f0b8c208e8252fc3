/** Bytes of one datagram. A longer message is sent in pieces; UDP itself carries 65,507. */
export const maxDatagramBytes = 60_000

/** With datagrams of this size the longest message still fits in `maxPieces`. */
export const minDatagramBytes = 1_200

/** Bytes of one message with its envelope, whole or put together from pieces. */
export const maxMessageBytes = 1_048_576

/** Bytes held for messages in pieces that are not whole; half of them for addresses that have not echoed their cookie. */
export const maxPendingBytes = 8 * maxMessageBytes

/** Bytes of the JSON of one request's command. */
export const maxCommandBytes = 32_768

/**
 * Bytes of the JSON of one batch, with room above what servers propose (`batchBytes` in machines/limits.ts) and above one request of the
 * longest. A promise shows as many batches as the window of an acceptor has instances, and has to fit into one message.
 */
export const maxBatchBytes = 61_440

/** Pieces of one message. */
export const maxPieces = 1_024

/** Messages of one datagram, or of what was put together from pieces. More is sent in several. */
export const maxMessagesPerDatagram = 1_024

/** Answers to an address that has not echoed its cookie: at most this many times the bytes that it sent. */
export const answersPerByte = 3

/** What an address that has not echoed its cookie may save up for later answers, in bytes. */
export const maxSavedAnswerBytes = 196_608

/**
 * A client pads its datagrams to this many bytes while it holds no cookie of the server, so that the first answer fits. It is
 * below what any network carries without fragments.
 */
export const paddedBytes = 1_200

/** How long a cookie is the current one, in milliseconds. It is taken for as long again. */
export const cookieEpochMs = 300_000

/** Addresses that echoed their cookie, remembered so that it is not computed for every datagram. */
export const maxProvenAddresses = 16_384

/** Addresses that echoed no cookie, remembered with what they may still be answered. */
export const maxStrangers = 4_096

/** Cookies of others, remembered to be echoed. */
export const maxCookiesHeld = 256

/** Bytes of messages that wait for the end of a turn of the event loop. What is said beyond them is lost. */
export const maxOutboxBytes = 33_554_432

/** Bytes that the system has not taken from the socket yet. Datagrams beyond them are lost. */
export const maxSendQueueBytes = 16_777_216

/** Pages of what was chosen that are read at once for servers that are no members. A member has one of its own. */
export const maxPagesForStrangers = 4

/** Addresses of servers that are no members: of those that join, or were removed. */
export const maxServersHeardFrom = 64
