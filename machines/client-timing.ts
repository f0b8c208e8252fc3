/** How long a client waits, in milliseconds. */
export interface ClientTiming {
  /** A server that is silent is asked again after this; doubled at each further try. */
  readonly askIntervalMs: number
  /** A server that has been silent for this long is left for the next one. */
  readonly failoverTimeoutMs: number
  /** A server that holds the request is asked again this long after it last said so. */
  readonly reaskIntervalMs: number
  /** A server that held the request and has been silent for this long is left for the next one. */
  readonly waitTimeoutMs: number
  /** A client that is told `busy` waits a random part of this; doubled at each further time. */
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
