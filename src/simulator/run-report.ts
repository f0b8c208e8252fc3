/** The result of a run. */

import type { Invariant } from '../core/invariants.ts'
import { messageOf } from '../core/message-of.ts'
import { Violation } from '../core/violation.ts'
import { NotLinearizable } from './judge-history.ts'
import type { Counts } from './situations.ts'

/**
 * The check that failed: an invariant, by its number; the linearizability of the clients' history; or an assertion of a machine or the
 * replica, where a live server would halt.
 */
export type Broken = Invariant | 'linearizability' | 'assertion'

export interface RunFailure {
  readonly broke: Broken
  readonly message: string
  /** The number of events before the failure. */
  readonly step: number
  /** Virtual time. */
  readonly atMs: number
}

/** The sums over several runs. */
export interface Sums {
  /** Whole milliseconds, so that sums do not depend on their order. */
  readonly virtualMs: number
  readonly steps: number
  readonly datagrams: number
  readonly instances: number
  /** The number of operations of clients. */
  readonly operations: number
  /** The number of operations that the search judged. */
  readonly searched: number
  readonly counts: Counts
}

export interface RunReport extends Sums {
  /** The invariants that were judged to the end of the run; none when the run failed. */
  readonly judged: readonly Invariant[]
  readonly failure: RunFailure | null
}

/** The failure of a run that threw `error`. */
export function failureOf(error: unknown, step: number, atMs: number): RunFailure {
  const message = messageOf(error)
  return { broke: brokenBy(error), message, step, atMs }
}

function brokenBy(error: unknown): Broken {
  if (error instanceof Violation) return error.invariant
  return error instanceof NotLinearizable ? 'linearizability' : 'assertion'
}
