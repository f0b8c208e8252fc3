import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { Effect, Step } from '../core/step.ts'
import { checkedStart, checkedStep } from '../stepped/checked-step.ts'
import type { Stepper } from '../stepped/settings.ts'
import type { Timeline } from './timeline.ts'

/** Watches a machine: `step` executes its steps. `moved` is called after each step, before the effects are executed. */
export interface ActorWatch<Said> {
  readonly step: Stepper<Said>['step']
  readonly moved: (event: { readonly type: string }, step: Step<Said>) => void
}

/** A machine that runs in virtual time: `timeline` has its timers, and `hear` receives its outputs. */
export class SimulatedActor<Said> {
  readonly #machine: AnyStateMachine
  readonly #timeline: Pick<Timeline, 'schedule'>
  readonly #hear: (output: Said) => void
  readonly #watch: ActorWatch<Said> | null
  readonly #timers = new Map<string, () => void>()
  #mailbox: { readonly type: string }[] = []
  /** True while it takes an event. */
  #isBusy = false
  #snapshot: AnyMachineSnapshot
  #isStopped = false

  constructor(
    machine: AnyStateMachine,
    input: unknown,
    timeline: Pick<Timeline, 'schedule'>,
    hear: (output: Said) => void,
    watch: ActorWatch<Said> | null = null,
  ) {
    this.#machine = machine
    this.#timeline = timeline
    this.#hear = hear
    this.#watch = watch
    const first = checkedStart<Said>(machine, input)
    this.#snapshot = first.snapshot
    this.#carryOut(first.effects)
  }

  get snapshot(): AnyMachineSnapshot {
    return this.#snapshot
  }

  /** Delivers an event. One that comes while the effects of another are carried out waits for their end, as in the mailbox of a live actor. */
  send(event: { readonly type: string }): void {
    this.#mailbox.push(event)
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      for (let next = this.#mailbox.shift(); next !== undefined; next = this.#mailbox.shift())
        this.#take(next)
    } finally {
      this.#isBusy = false
    }
  }

  #take(event: { readonly type: string }): void {
    if (this.#isStopped) return
    const next = (this.#watch?.step ?? checkedStep<Said>)(this.#machine, this.#snapshot, event)
    this.#snapshot = next.snapshot
    this.#watch?.moved(event, next)
    this.#carryOut(next.effects)
  }

  /** Cancels every timer. Nothing happens after that. */
  stop(): void {
    this.#isStopped = true
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  #carryOut(effects: readonly Effect<Said>[]): void {
    for (const effect of effects) {
      if (this.#isStopped) return
      switch (effect.kind) {
        case 'said':
          this.#hear(effect.output)
          break
        case 'timer':
          this.#timers.get(effect.id)?.()
          this.#timers.set(
            effect.id,
            this.#timeline.schedule(effect.delayMs, () => {
              this.#timers.delete(effect.id)
              this.send(effect.event)
            }),
          )
          break
        case 'cancel':
          this.#timers.get(effect.id)?.()
          this.#timers.delete(effect.id)
          break
      }
    }
  }
}
