/** The machine of a role as the logic of a live actor, which takes the same steps as the engines that have no actors. */
import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import { type QuickEffect, quickStep } from './quick-step.ts'

/**
 * `machine` with quick steps. While `isInspected` holds, XState takes the steps itself, because only then it reports actions and
 * transitions to its observers. The mailbox, the timers and the emitted outputs stay those of the actor.
 */
export function quickLogic<Machine extends AnyStateMachine>(
  machine: Machine,
  isInspected: () => boolean,
): Machine {
  const transition = (
    snapshot: AnyMachineSnapshot,
    event: { readonly type: string },
    scope: AnyActorScope,
  ) => {
    const quick = isInspected() ? null : quickStep(machine, snapshot, event, scope)
    if (quick === null) return machine.transition(snapshot, event, scope)
    // As after a step of XState: the effects follow when the actor has its new snapshot.
    scope.defer(() => {
      for (const effect of quick.effects) carryOut(effect, scope)
    })
    return quick.snapshot
  }
  return Object.create(machine, { transition: { value: transition } })
}

function carryOut(effect: QuickEffect, { self, system, emit }: AnyActorScope): void {
  switch (effect.kind) {
    case 'said':
      emit(effect.output)
      return
    case 'timer':
      system.scheduler.schedule(self, self, effect.event, effect.delayMs, effect.id)
      return
    case 'cancel':
      system.scheduler.cancel(self, effect.id)
      return
  }
  effect satisfies never
}
