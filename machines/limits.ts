/** Limits on datagrams, memory and promises. */
export interface Limits {
  /** The JSON of all requests of a batch, in bytes; a single request may be larger. */
  readonly batchBytes: number
  /** Requests of one batch. */
  readonly batchRequests: number
  /** The most ready requests of a queue, and the most delayed ones. Beyond it a client receives `busy`. */
  readonly queueRequests: number
  /** The same limit in bytes of commands: the size of their JSON, or their size in memory if that is larger (`queuedBytes`). */
  readonly queueBytes: number
  /**
   * An acceptor accepts at this many instances from its `firstUnchosen` on, and denies higher ones: it must catch up first. The
   * limit counts instances, not records, so the acceptor always has room for an instance below one that it accepted.
   */
  readonly acceptedWindow: number
  /**
   * A server takes a snapshot after this many requests, or after more when the snapshot is large: the work for snapshots stays a small
   * part of all work. The servers of a cluster take turns.
   */
  readonly snapshotEvery: number
}

/** The most time that one batch may add to the replicated clock, in milliseconds: ten years. */
export const maxElapsedMs = 10 * 366 * 24 * 60 * 60 * 1_000

/** The value at which the replicated clock stops, in milliseconds. Correct servers never reach it. */
export const maxClockMs = 2 ** 52
/**
 * A round that exceeds the highest known one by more is denied: following it could exhaust the range, after which no decoder
 * accepts a ballot. The step leaves room for a joining server that knows no round.
 */
export const roundStep = 2 ** 32

/** An instance that exceeds the first unchosen one by more is dropped: no cluster chooses so many while a server is away. */
export const instanceStep = 2 ** 32

export const defaultLimits: Limits = {
  batchBytes: 48_000,
  batchRequests: 512,
  queueRequests: 20_000,
  queueBytes: 64 * 1_048_576,
  acceptedWindow: 16,
  snapshotEvery: 20_000,
}

/**
 * Limits on the replicated state. They decide the outcomes of requests, so they are the same on every server: constants, never
 * options of a server.
 */
export interface ReplicatedLimits {
  /** The most servers of a cluster, counted or not. Beyond it no other is added. */
  readonly members: number
  /** The most sessions. Beyond it an unknown client receives `busy`. */
  readonly sessions: number
  /** Of these, the most sessions of plain text clients: each lock that one of them asks for is a session. */
  readonly plainTextSessions: number
  /** The most waiting requests of all sessions, and of one. Beyond it a request that would wait gets `busy`. */
  readonly waiting: number
  readonly sessionWaiting: number
  /**
   * The most unacknowledged results of one session. Beyond it the lower half is evicted; a client that asks for one of them again
   * receives `forgotten`. The client library never reaches this limit.
   */
  readonly sessionResults: number
  /** The same limit in bytes: the JSON of each result, plus `resultOverheadBytes`. */
  readonly sessionResultBytes: number
  /** The limit for all sessions together. Beyond it the oldest results of the cluster are evicted. */
  readonly resultBytes: number
  /** The most timers that a service may have set. */
  readonly timers: number
  /** The most deadlines of timers and sessions that pass at one instance. */
  readonly deadlines: number
  /** The quota of a new cluster, in bytes of the whole replicated state. A chosen command changes it. */
  readonly quotaBytes: number
  /** So many sessions may open beyond the quota: what shrinks the state needs a session, too. */
  readonly spareSessions: number
}

/**
 * What the parts of the replicated state around the service count for in its size, in bytes. A result counts for its JSON and
 * `resultOverheadBytes`, the service for what `Service.sizeBytes` returns.
 */
export const partBytes = { session: 1_024, waiting: 512, timer: 256 } as const

/** The range of a quota, in bytes. */
export const quotaRange = { least: 1_048_576, most: 2 ** 52 } as const

/** The overhead of a result beside its JSON, in bytes. */
export const resultOverheadBytes = 512

/** The ttl of a session in milliseconds: from one second to a day. */
export const sessionTtlMs = { least: 1_000, usual: 30_000, most: 24 * 60 * 60 * 1_000 } as const

/** The most sessions of one page of a list of sessions. */
export const sessionPage = 100

export const replicatedLimits: ReplicatedLimits = {
  members: 31,
  sessions: 250_000,
  plainTextSessions: 100_000,
  waiting: 100_000,
  sessionWaiting: 20_000,
  sessionResults: 4_096,
  sessionResultBytes: 8 * 1_048_576,
  resultBytes: 256 * 1_048_576,
  timers: 250_000,
  deadlines: 1_000,
  quotaBytes: 2 ** 30,
  spareSessions: 1_000,
}

/**
 * Limits on the values that a service returns. They decide whether a request fails, so they are the same on every server:
 * constants, never options. A value within these limits fits the wire.
 */
export const serviceLimits = {
  /** The result of a request: the nesting of arrays and objects, and the bytes of JSON. */
  result: { depth: 32, bytes: 65_536 },
  /** A result that contains the outcome of an earlier request, as the result of a cancel does. */
  nestedResult: { depth: 64, bytes: 131_072 },
  /** The longest key that a request waits for or frees, in UTF-16 units. */
  keyLength: 1_024,
  /** The most keys that one request frees. */
  freedKeys: 1_024,
  /** The most timers that one request sets or cancels. */
  timerChanges: 1_024,
  /** The most sessions that one request revokes. */
  revokedSessions: 1_024,
  /** The longest time from setting a timer to its deadline, in milliseconds: ten years. */
  timerMs: maxElapsedMs,
  /** The longest reason of a failed request, in UTF-16 units; a longer one is truncated. */
  reasonLength: 1_000,
} as const
