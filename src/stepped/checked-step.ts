/** `start` and `step` of src/core/step.ts, which also throw when the machine violates an invariant of its context. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import { checkInvariants } from '../core/roles.ts'
import { type Step, start, step } from '../core/step.ts'

/** As `start`, for a role or a client. */
export function checkedStart<Emitted>(machine: AnyStateMachine, input: unknown): Step<Emitted> {
  const first = start<Emitted>(machine, input)
  checkInvariants(machine, null, { type: 'xstate.init' }, first.snapshot)
  return first
}

/** As `step`, for a role or a client. */
export function checkedStep<Emitted>(
  machine: AnyStateMachine,
  before: AnyMachineSnapshot,
  event: { readonly type: string },
): Step<Emitted> {
  const next = step<Emitted>(machine, before, event)
  checkInvariants(machine, before, event, next.snapshot)
  return next
}
