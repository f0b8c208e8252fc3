/**
 * The two ways in which a machine runs, side by side: a live actor, and `src/core/step.ts`. Both tell what they want in one form,
 * in which a timer is known by its place among those begun.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  type Actor,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type InspectionEvent,
  transition,
} from 'xstate'
import type { Effect, Step } from '../../../src/core/step.ts'
import { checkedStart, checkedStep } from '../../../src/stepped/checked-step.ts'
import type { Happening } from './chart.ts'

/** Something said, a timer begun, or one that ran given up. */
export type Wanted =
  | { readonly said: unknown }
  | { readonly timer: number; readonly ms: number }
  | { readonly cancelled: number }

/** What is seen of a machine after an event. */
export interface Seen {
  readonly value: unknown
  readonly context: unknown
  readonly wanted: readonly Wanted[]
}

/** True for the event with which a delay ends. */
export function isDelay({ type }: Happening): boolean {
  return type.startsWith('xstate.after.')
}

/** A machine moved by `src/core/step.ts`, which keeps the invariants of its context. */
export class SteppedEngine {
  readonly #machine: AnyStateMachine
  #step: Step<unknown>
  #begun = 0
  /** Of the timers that run: their place by id, and the event that each brings. */
  readonly #running = new Map<string, { readonly place: number; readonly event: Happening }>()
  readonly began: Seen

  constructor(machine: AnyStateMachine, input: unknown) {
    this.#machine = machine
    this.#step = checkedStart(machine, input)
    this.began = this.#seen()
  }

  get snapshot(): AnyMachineSnapshot {
    return this.#step.snapshot
  }

  /** The events that the delays which run will bring. */
  get delays(): readonly Happening[] {
    return [...this.#running.values()].map(({ event }) => event)
  }

  /** Throws when the event is that of a delay that does not run. */
  take(event: Happening): Seen {
    if (isDelay(event)) this.#running.delete(this.timerOf(event).id)
    const before = this.#step.snapshot
    this.#step = checkedStep(this.#machine, before, event)
    this.#compareWithXState(before, event)
    return this.#seen()
  }

  /** `step` gives machines a scope of its own: it must come to what XState's `transition` comes to. */
  #compareWithXState(before: AnyMachineSnapshot, event: Happening): void {
    const [snapshot, actions] = transition(this.#machine, before, event as never)
    const said = actions.flatMap(({ type, params }) =>
      (type as string) === 'xstate.emit' ? [(params as { readonly event: unknown }).event] : [],
    )
    const { snapshot: stepped, effects } = this.#step
    const steppedSaid = effects.flatMap((effect) => (effect.kind === 'said' ? [effect.output] : []))
    const theirs = [snapshot.value, snapshot.context, said]
    if (!isDeepStrictEqual([stepped.value, stepped.context, steppedSaid], theirs)) {
      throw new Error(`XState comes to something else on ${event.type}: ${JSON.stringify(theirs)}`)
    }
  }

  /** The timer that brings this event. Throws when none does. */
  timerOf(event: Happening): { readonly id: string; readonly place: number } {
    for (const [id, timer] of this.#running) {
      if (timer.event.type === event.type) return { id, place: timer.place }
    }
    throw new Error(`no timer brings ${event.type} in the state ${JSON.stringify(this.#step.snapshot.value)}`)
  }

  #seen(): Seen {
    const { value, context } = this.#step.snapshot
    return { value, context, wanted: this.#step.effects.flatMap((effect) => this.#wanted(effect)) }
  }

  #wanted(effect: Effect<unknown>): Wanted[] {
    switch (effect.kind) {
      case 'said':
        return [{ said: effect.output }]
      case 'timer': {
        const place = this.#begun
        this.#begun += 1
        this.#running.set(effect.id, { place, event: effect.event })
        return [{ timer: place, ms: effect.delayMs }]
      }
      case 'cancel': {
        // A state that is left cancels its delays, those that have passed too: nothing is given up then.
        const timer = this.#running.get(effect.id)
        this.#running.delete(effect.id)
        return timer === undefined ? [] : [{ cancelled: timer.place }]
      }
    }
  }
}

/** A live actor, with a clock that the test moves. */
export class LiveEngine {
  readonly #actor: Actor<AnyStateMachine>
  readonly #timers: (() => void)[] = []
  #wanted: Wanted[] = []
  #heard: string[] = []
  #error: unknown
  readonly began: Seen

  constructor(machine: AnyStateMachine, input: unknown, inspect: (event: InspectionEvent) => void) {
    const clock = {
      setTimeout: (ring: () => void, ms: number): number => {
        this.#wanted.push({ timer: this.#timers.length, ms })
        return this.#timers.push(ring) - 1
      },
      clearTimeout: (timer: number): void => {
        this.#wanted.push({ cancelled: timer })
      },
    }
    this.#actor = createActor(machine, {
      input,
      clock,
      inspect: (event) => {
        if (event.type === '@xstate.event') this.#heard.push(event.event.type)
        inspect(event)
      },
    })
    this.#actor.on('*', (output) => this.#wanted.push({ said: output }))
    this.#actor.subscribe({
      error: (error) => {
        this.#error = error
      },
    })
    this.#actor.start()
    this.began = this.#seen()
  }

  /** With `timer`, the place of one begun, that timer rings; throws when it does not bring the event. */
  take(event: Happening, timer: number | null): Seen {
    this.#heard = []
    if (timer === null) this.#actor.send(event)
    else this.#timers[timer]?.()
    if (this.#heard.join() !== event.type) {
      throw new Error(`the actor heard '${this.#heard.join()}' in the place of ${event.type}`)
    }
    return this.#seen()
  }

  #seen(): Seen {
    if (this.#error !== undefined) throw this.#error
    const { value, context } = this.#actor.getSnapshot()
    const wanted = this.#wanted
    this.#wanted = []
    return { value, context, wanted }
  }
}
