/** How long a client waits, in milliseconds. */
export interface ClientTiming {
  /**
   * Before the first measured round trip, a server that does not answer is asked again after this. Later the interval follows the
   * measured round trips.
   */
  readonly askIntervalMs: number
  /**
   * The shortest interval. Each silent interval after the second is doubled, up to three intervals and an eighth
   * of the failover timeout.
   */
  readonly minAskIntervalMs: number
  /** The client asks the next server when one has been silent for ten intervals, but not before this. */
  readonly minFailoverMs: number
  /** In any case, the client asks the next server when one has been silent for this long. */
  readonly failoverTimeoutMs: number
  /** A server that holds a request is asked again this long after its last confirmation, or later if that says so. */
  readonly reaskIntervalMs: number
  /** The client asks the next server when one that held a request has not confirmed that for this long. */
  readonly waitTimeoutMs: number
  /** A client that receives `busy` waits a random part of this; doubled at each further time. */
  readonly backoffMs: number
  readonly backoffLimitMs: number
}

export const defaultClientTiming: ClientTiming = {
  askIntervalMs: 100,
  minAskIntervalMs: 5,
  minFailoverMs: 250,
  failoverTimeoutMs: 1_000,
  reaskIntervalMs: 1_000,
  waitTimeoutMs: 3_000,
  backoffMs: 50,
  backoffLimitMs: 2_000,
}
