/** The largest datagram in bytes. A longer message is sent in pieces. UDP itself carries 65,507 bytes. */
export const maxDatagramBytes = 60_000

/** The smallest allowed value for the datagram size: the longest message still fits in `maxPieces`. */
export const minDatagramBytes = 1_200

/** The largest message with its envelope in bytes, whole or combined from pieces. */
export const maxMessageBytes = 1_048_576

/** The most bytes for incomplete messages. Addresses that have not echoed their cookie may use half of them. */
export const maxPendingBytes = 8 * maxMessageBytes

/** The largest JSON of one command, in bytes. */
export const maxCommandBytes = 32_768

/**
 * The largest JSON of one batch, in bytes. This is above the size that servers propose (`batchBytes` in machines/limits.ts) and
 * above the longest single request. A promise contains as many batches as the window of an acceptor has instances, and must fit
 * into one message.
 */
export const maxBatchBytes = 61_440

/** The most pieces of one message. */
export const maxPieces = 1_024

/** The most messages in one datagram, or in one envelope that was combined from pieces. More messages are sent in several datagrams. */
export const maxMessagesPerDatagram = 1_024

/** An address that has not echoed its cookie receives at most this many times the bytes that it sent. */
export const answersPerByte = 3

/** The most bytes of answers that an address may save up while it has not echoed its cookie. */
export const maxSavedAnswerBytes = 196_608

/**
 * A client pads its datagrams to this many bytes until it has a cookie of the server, so that the first answer fits. Every
 * network carries datagrams of this size without fragments.
 */
export const paddedBytes = 1_200

/** The time for which a cookie is current, in milliseconds. It stays valid for the same time again. */
export const cookieEpochMs = 300_000

/** The most remembered addresses that echoed their cookie. The cookie of a remembered address is not computed for every datagram. */
export const maxProvenAddresses = 16_384

/** The most remembered addresses that echoed no cookie, with the allowance of each. */
export const maxStrangers = 4_096

/** The most remembered cookies of other processes. */
export const maxCookiesHeld = 256

/** The most bytes of messages that wait for the end of a turn of the event loop. Further messages are lost. */
export const maxOutboxBytes = 33_554_432

/** The most bytes in the send queue of the socket. Further datagrams are lost. */
export const maxSendQueueBytes = 16_777_216

/** The most pages of chosen batches that are read concurrently for non-members. Each member has one page of its own. */
export const maxPagesForStrangers = 4

/** The most remembered addresses of non-members: joining and removed servers. */
export const maxServersHeardFrom = 64
