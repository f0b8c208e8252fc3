/** How long a client waits, in milliseconds. */
export interface ClientTiming {
  /** A server that does not answer is asked again after this; doubled at each further try. */
  readonly askIntervalMs: number
  /** The client asks the next server when one has not answered for this long. */
  readonly failoverTimeoutMs: number
  /** A server that holds the request is asked again this long after its last confirmation. */
  readonly reaskIntervalMs: number
  /** The client asks the next server when one that held the request has not answered for this long. */
  readonly waitTimeoutMs: number
  /** A client that receives `busy` waits a random part of this; doubled at each further time. */
  readonly backoffMs: number
  readonly backoffLimitMs: number
}

export const defaultClientTiming: ClientTiming = {
  askIntervalMs: 100,
  failoverTimeoutMs: 1_000,
  reaskIntervalMs: 1_000,
  waitTimeoutMs: 3_000,
  backoffMs: 50,
  backoffLimitMs: 2_000,
}
