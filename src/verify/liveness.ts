/**
 * Invariants 11 and 12. They are about events that do not happen, so only an engine can judge them. This file gives all engines
 * the same checks.
 */
import { Violation } from '../core/violation.ts'

/** The name of a request. */
export interface RequestName {
  readonly uid: string
  readonly seq: number
}

/**
 * Invariant 11. `unanswered` are the requests that could have been executed but were not answered, although the faults had
 * stopped, a quorum was connected and `waitedMs` of virtual time had passed. Throws a `Violation` when there are any.
 */
export function checkProgress(unanswered: readonly RequestName[], waitedMs: number): void {
  if (unanswered.length === 0) return
  const names = unanswered.slice(0, 5).map(({ uid, seq }) => `${uid} ${seq}`)
  const more = unanswered.length > names.length ? ` and ${unanswered.length - names.length} more` : ''
  throw new Violation(11, `no answer to ${names.join(', ')}${more} after ${waitedMs} ms without faults`)
}

/**
 * Invariant 12, for a cluster without outstanding requests. `datagrams` are in flight, and `timers` are scheduled. Throws a
 * `Violation` when there are any.
 */
export function checkQuiet({ datagrams, timers }: { datagrams: number; timers: number }): void {
  if (datagrams === 0 && timers === 0) return
  throw new Violation(12, `no request is outstanding, but ${datagrams} datagrams and ${timers} timers remain`)
}
