import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { RoleName } from '../../machines/inbox.ts'
import type { Output } from '../../machines/outputs.ts'
import { type Step, start } from '../core/step.ts'
import { checkedStep } from '../stepped/checked-step.ts'
import type { Stepper } from '../stepped/settings.ts'

/** What a snapshot becomes before it is gone on from. */
export type Reduce = (role: RoleName, snapshot: AnyMachineSnapshot) => object

/**
 * Moves roles and remembers: a role is in few states, and a search brings it to each of them again and again. Snapshots with equal
 * value and context are one object here, so that they can be told apart by `idOf`.
 */
export class RememberingStepper implements Stepper {
  readonly #reduce: Reduce
  readonly #known = new Map<string, AnyMachineSnapshot>()
  readonly #ids = new WeakMap<AnyMachineSnapshot, number>()
  readonly #steps = new Map<string, Step<Output>>()

  constructor(reduce: Reduce) {
    this.#reduce = reduce
  }

  /** The number of a snapshot that came from here. */
  idOf(snapshot: AnyMachineSnapshot): number {
    const id = this.#ids.get(snapshot)
    if (id === undefined) throw new Error('a snapshot of another stepper')
    return id
  }

  start(machine: AnyStateMachine, input: unknown): Step<Output> {
    const key = `${machine.id} ${JSON.stringify(input)}`
    return this.#remembered(key, machine, () => start<Output>(machine, input))
  }

  step(
    machine: AnyStateMachine,
    snapshot: AnyMachineSnapshot,
    event: { readonly type: string },
  ): Step<Output> {
    const key = `${this.idOf(snapshot)} ${JSON.stringify(event)}`
    return this.#remembered(key, machine, () => checkedStep(machine, snapshot, event))
  }

  #remembered(key: string, machine: AnyStateMachine, take: () => Step<Output>): Step<Output> {
    const known = this.#steps.get(key)
    if (known !== undefined) return known
    const { snapshot, effects } = take()
    const taken = { snapshot: this.#canonical(machine, snapshot), effects }
    this.#steps.set(key, taken)
    return taken
  }

  #canonical(machine: AnyStateMachine, snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
    const { value } = snapshot
    const context = this.#reduce(machine.id as RoleName, snapshot)
    const key = `${machine.id} ${JSON.stringify([value, context])}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const canonical = machine.resolveState({ value, context })
    this.#known.set(key, canonical)
    this.#ids.set(canonical, this.#known.size)
    return canonical
  }
}
