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

export const defaultLimits: Limits = {
  batchBytes: 48_000,
  batchRequests: 512,
  queueRequests: 20_000,
  acceptedRecords: 16,
}
