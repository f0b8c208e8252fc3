import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import { type Effect, type Step, start, step } from '../step.ts'
import type { Timeline } from './timeline.ts'

/** A machine moved by `step` in virtual time: its timers are on the timeline, what it says goes to `hear`. */
export class SimulatedActor<Said> {
  readonly #machine: AnyStateMachine
  readonly #timeline: Timeline
  readonly #hear: (output: Said) => void
  /** How a timer's event comes back to the actor: through the router's queue, or straight. */
  readonly #fire: (event: { readonly type: string }) => void
  readonly #timers = new Map<string, () => void>()
  #snapshot: AnyMachineSnapshot

  constructor(
    machine: AnyStateMachine,
    input: unknown,
    timeline: Timeline,
    hear: (output: Said) => void,
    fire?: (event: { readonly type: string }) => void,
  ) {
    this.#machine = machine
    this.#timeline = timeline
    this.#hear = hear
    this.#fire = fire ?? ((event) => this.send(event))
    const first: Step<Said> = start(machine, input)
    this.#snapshot = first.snapshot
    this.#carryOut(first.effects)
  }

  get snapshot(): AnyMachineSnapshot {
    return this.#snapshot
  }

  send(event: { readonly type: string }): void {
    const next: Step<Said> = step(this.#machine, this.#snapshot, event)
    this.#snapshot = next.snapshot
    this.#carryOut(next.effects)
  }

  /** Gives up every timer. */
  stop(): void {
    for (const giveUp of this.#timers.values()) giveUp()
    this.#timers.clear()
  }

  #carryOut(effects: readonly Effect<Said>[]): void {
    for (const effect of effects) {
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
              this.#fire(effect.event)
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
