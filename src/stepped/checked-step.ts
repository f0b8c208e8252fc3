import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { RoleName } from '../../machines/inbox.ts'
import type { Output } from '../../machines/outputs.ts'
import { type Step, step } from '../core/step.ts'
import { checkStep } from '../verify/role-rules.ts'

/** As `step`, for a role. Also throws when the role took a step that it may not take. */
export function checkedStep(
  machine: AnyStateMachine,
  before: AnyMachineSnapshot,
  event: { readonly type: string },
): Step<Output> {
  const next = step<Output>(machine, before, event)
  checkStep(machine.id as RoleName, { before, event, after: next.snapshot })
  return next
}
