/** Bounds that keep datagrams, memory and promises small. */
export interface Limits {
  /** The requests of one batch together, in bytes of JSON; a single request may be larger. */
  readonly batchBytes: number
  /** Requests of one batch. */
  readonly batchRequests: number
  /** Requests that one queue holds to propose, and as many that are delayed. Beyond it a client is told `busy`. */
  readonly queueRequests: number
  /** Accepted records of instances not known to be chosen. An acceptor that holds so many must catch up first. */
  readonly acceptedRecords: number
}

/** The time that one batch may bring to the replicated clock, in milliseconds: ten years. */
export const maxElapsedMs = 10 * 366 * 24 * 60 * 60 * 1_000

/** Where the replicated clock stands still, in milliseconds. It is out of reach for honest servers. */
export const maxClockMs = 2 ** 52

export const defaultLimits: Limits = {
  batchBytes: 48_000,
  batchRequests: 512,
  queueRequests: 20_000,
  acceptedRecords: 16,
}

/**
 * Bounds of what a service returns. They decide whether a request fails, so they are the same on every server: constants,
 * never options. What is within them passes the wire.
 */
export const serviceLimits = {
  /** Of the result of a request: arrays and objects within each other, and bytes of JSON. */
  result: { depth: 32, bytes: 65_536 },
  /** The same of a result that holds the outcome of an earlier request, as that of a cancel does. */
  nestedResult: { depth: 64, bytes: 131_072 },
  /** UTF-16 units of a key that a request waits for, or that is freed. */
  keyLength: 1_024,
  /** Keys that one request frees. */
  freedKeys: 1_024,
  /** UTF-16 units of the reason for which a request failed; of a longer one, the beginning is kept. */
  reasonLength: 1_000,
} as const
