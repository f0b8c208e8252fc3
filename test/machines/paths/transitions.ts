/** Which transitions a machine has, by name, and which of them were taken: counted from the machine's own definition. */
import type { AnyStateMachine, AnyStateNode, InspectionEvent } from 'xstate'
import { edgesOf, statesOf } from '../../../src/core/chart-edges.ts'

/**
 * Every transition of the machine, each alternative of each event, delay and `always` in each state, with a name:
 * `proposer.accepting on accepted[2] guard completesAccepts`. The keys are XState's own objects, which inspection shows.
 */
export function transitionsOf(machine: AnyStateMachine): ReadonlyMap<object, string> {
  return new Map(
    edgesOf(machine).map(({ transition, id, guard }) => [
      transition,
      guard === null ? id : `${id} guard ${guard}`,
    ]),
  )
}

/** The ids of the machine's states, without its root. */
export function stateIdsOf({ root }: AnyStateMachine): string[] {
  return statesOf(root)
    .filter((node) => node !== root)
    .map(({ id }) => id)
}

/** Counts which transitions of a machine are taken and which of its states are entered by the actors that it watches. */
export class Coverage {
  readonly #names: ReadonlyMap<object, string>
  readonly #states: readonly string[]
  readonly #taken = new Map<string, number>()
  readonly #entered = new Set<string>()

  constructor(machine: AnyStateMachine) {
    this.#names = transitionsOf(machine)
    this.#states = stateIdsOf(machine)
  }

  /** For the option `inspect` of an actor of the machine. */
  readonly watch = (event: InspectionEvent): void => {
    if (event.type === '@xstate.microstep') {
      for (const transition of event._transitions) {
        const name = this.#names.get(transition)
        if (name !== undefined) this.#taken.set(name, (this.#taken.get(name) ?? 0) + 1)
      }
    }
    // After each microstep, since a state may be left at once; and the snapshot of the start, which has none.
    if (event.type === '@xstate.microstep' || event.type === '@xstate.snapshot') {
      for (const { id } of (event.snapshot as { readonly _nodes?: readonly AnyStateNode[] })._nodes ?? [])
        this.#entered.add(id)
    }
  }

  /** The names of the transitions that nobody took. */
  get untaken(): string[] {
    return [...this.#names.values()].filter((name) => !this.#taken.has(name))
  }

  /** How often each transition was taken. */
  get taken(): ReadonlyMap<string, number> {
    return this.#taken
  }

  /** The ids of the states that nobody entered. */
  get unentered(): string[] {
    return this.#states.filter((id) => !this.#entered.has(id))
  }
}
