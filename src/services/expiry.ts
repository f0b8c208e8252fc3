/** What it means that a request is refused as expired: when that shows that it was never executed. */

/** An hour. */
export const defaultSessionIdleMs = 60 * 60 * 1_000

/** What is left for the rates of the clocks with which the replicated clock, and the time since a request was sent, are measured. */
const share = 0.9

/**
 * True when a request that is refused as expired was not executed, and never will be: if it was first sent less than
 * `sinceSentMs` ago. Executed, it would have kept its session from being forgotten until the replicated clock had gone on by
 * `sessionIdleMs`; and that clock runs no faster than real time. docs/safety.md, "Sessions: each request once", has the argument
 * in full; the simulator judges it.
 */
export function wasNeverExecuted(sinceSentMs: number, sessionIdleMs: number = defaultSessionIdleMs): boolean {
  return sinceSentMs < share * sessionIdleMs
}
