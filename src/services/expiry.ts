/** When the refusal of a request as expired proves that the request was never executed. */

/** An hour. */
export const defaultSessionIdleMs = 60 * 60 * 1_000

/** Leaves a margin for clock rates: the servers and the client measure time with different clocks. */
const share = 0.9

/**
 * True when a request that was refused as expired was not executed and never will be. `sinceSentMs` is the time since the
 * client first sent it. The execution of a request keeps its session for `sessionIdleMs` of the replicated clock, and that
 * clock runs no faster than real time. docs/safety.md, "Sessions: each request once", has the full argument. The simulator
 * checks it.
 */
export function wasNeverExecuted(sinceSentMs: number, sessionIdleMs: number = defaultSessionIdleMs): boolean {
  return sinceSentMs < share * sessionIdleMs
}
