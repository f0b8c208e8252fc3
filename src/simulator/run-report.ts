/** What a run came to. */

import type { Invariant } from '../core/invariants.ts'
import { messageOf } from '../core/message-of.ts'
import { Violation } from '../core/violation.ts'
import { NotLinearizable } from './judge-history.ts'
import type { Counts } from './situations.ts'

/**
 * What did not hold: an invariant, by its number; that the clients' histories can be explained; or an assertion, of a machine
 * or the replica, where a live server would halt.
 */
export type Broken = Invariant | 'linearizability' | 'assertion'

export interface RunFailure {
  readonly broke: Broken
  readonly message: string
  /** How many events had happened. */
  readonly step: number
  /** Virtual time. */
  readonly atMs: number
}

/** What can be added up over runs. */
export interface Sums {
  /** Whole milliseconds, so that sums do not depend on their order. */
  readonly virtualMs: number
  readonly steps: number
  readonly datagrams: number
  readonly instances: number
  /** What clients asked for. */
  readonly operations: number
  /** How many of these the search looked at. */
  readonly searched: number
  readonly counts: Counts
}

export interface RunReport extends Sums {
  /** The invariants that were judged to the end of the run: none when it failed. */
  readonly judged: readonly Invariant[]
  readonly failure: RunFailure | null
}

/** What `error`, thrown in a run, says of it. */
export function failureOf(error: unknown, step: number, atMs: number): RunFailure {
  const message = messageOf(error)
  return { broke: brokenBy(error), message, step, atMs }
}

function brokenBy(error: unknown): Broken {
  if (error instanceof Violation) return error.invariant
  return error instanceof NotLinearizable ? 'linearizability' : 'assertion'
}
