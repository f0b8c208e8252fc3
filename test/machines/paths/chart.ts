/** What path generation has to know of a chart besides the chart. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'

export interface Happening {
  readonly type: string
}

/** A chart, with every kind of thing that may happen to it. */
export interface Chart {
  readonly name: string
  readonly machine: AnyStateMachine
  readonly input: unknown
  /** What may happen next, said relative to what it holds: each case of each event of its inbox. Delays pass besides. */
  readonly happenings: (snapshot: AnyMachineSnapshot) => readonly Happening[]
  /**
   * What tells two situations in one state apart: sentences that are true or false of the context. Numbers only grow, so they
   * are left out, and there are few situations.
   */
  readonly situation: (snapshot: AnyMachineSnapshot) => unknown
}
