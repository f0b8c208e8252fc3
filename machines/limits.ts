/** Bounds that keep datagrams, memory and promises small. */
export interface Limits {
  /** The requests of one batch together, in bytes of JSON; a single request may be larger. */
  readonly batchBytes: number
  /** Requests of one batch. */
  readonly batchRequests: number
  /** Requests that one queue holds to propose, and as many that are delayed. Beyond it a client is told `busy`. */
  readonly queueRequests: number
  /** The same in bytes of their commands: of their JSON, or what they take in memory where that is more (`queuedBytes`). */
  readonly queueBytes: number
  /**
   * An acceptor accepts at so many instances from its `firstUnchosen` on, and refuses those above: it has to catch up first.
   * It counts instances and not records, so the acceptor never lacks room for an instance below one that it accepted.
   */
  readonly acceptedWindow: number
}

/** The time that one batch may bring to the replicated clock, in milliseconds: ten years. */
export const maxElapsedMs = 10 * 366 * 24 * 60 * 60 * 1_000

/** Where the replicated clock stands still, in milliseconds. It is out of reach for honest servers. */
export const maxClockMs = 2 ** 52
/**
 * A round above the highest known one by more is refused: to follow it would use up the numbers, after which no decoder takes a
 * ballot any more. It leaves room for a server that joins and knows of none.
 */
export const roundStep = 2 ** 32

/** An instance above the first unchosen one by more is refused: no cluster chooses so many while a server is away. */
export const instanceStep = 2 ** 32

export const defaultLimits: Limits = {
  batchBytes: 48_000,
  batchRequests: 512,
  queueRequests: 20_000,
  queueBytes: 64 * 1_048_576,
  acceptedWindow: 16,
}

/**
 * Bounds of what all servers keep alike. They decide what becomes of requests, so they are the same on every server:
 * constants, never options of a server.
 */
export interface ReplicatedLimits {
  /** Servers of a cluster, counted or waiting to be. Beyond it no other is added. */
  readonly members: number
  /** Sessions. Beyond it a client that is not known is told `busy`. */
  readonly sessions: number
  /** Of these, sessions of clients that speak plain text: each lock that one of them asks for is one. */
  readonly plainTextSessions: number
  /** Requests that wait, of all sessions and of one. Beyond it a request that would wait is told `busy`. */
  readonly waiting: number
  readonly sessionWaiting: number
  /**
   * Results of one session that its client has not acknowledged. Beyond it the lowest half is forgotten; a client that asks
   * for one of them again is told `forgotten`. The client library never comes so far.
   */
  readonly sessionResults: number
  /** The same in bytes: of the JSON of each result, and `resultOverheadBytes`. */
  readonly sessionResultBytes: number
  /** Of all sessions together. Beyond it the oldest results of the cluster are forgotten. */
  readonly resultBytes: number
}

/** What a result costs beside its JSON, in bytes. */
export const resultOverheadBytes = 512

export const replicatedLimits: ReplicatedLimits = {
  members: 31,
  sessions: 250_000,
  plainTextSessions: 100_000,
  waiting: 100_000,
  sessionWaiting: 20_000,
  sessionResults: 4_096,
  sessionResultBytes: 8 * 1_048_576,
  resultBytes: 256 * 1_048_576,
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
