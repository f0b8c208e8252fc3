/** Invariants 11 and 12, which only an engine can judge, since they are about what does not happen: reported alike. */
import { Violation } from '../core/violation.ts'

/** The name of a request. */
export interface RequestName {
  readonly uid: string
  readonly seq: number
}

/**
 * Invariant 11. `unanswered` are the requests that could have been executed and were not answered though faults had
 * stopped, a quorum was connected and `waitedMs` of virtual time had passed. Throws a `Violation` when there are any.
 */
export function checkProgress(unanswered: readonly RequestName[], waitedMs: number): void {
  if (unanswered.length === 0) return
  const names = unanswered.slice(0, 5).map(({ uid, seq }) => `${uid} ${seq}`)
  const more = unanswered.length > names.length ? ` and ${unanswered.length - names.length} more` : ''
  throw new Violation(11, `${names.join(', ')}${more} not answered after ${waitedMs} ms without faults`)
}

/**
 * Invariant 12. With no request outstanding: how many datagrams are on their way, and how many timers are to fire. Throws a
 * `Violation` when there are any.
 */
export function checkQuiet({ datagrams, timers }: { datagrams: number; timers: number }): void {
  if (datagrams === 0 && timers === 0) return
  throw new Violation(12, `nothing is asked for, and ${datagrams} datagrams and ${timers} timers remain`)
}
