import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { RoleName } from '../../machines/inbox.ts'
import type { Output } from '../../machines/outputs.ts'
import type { Step } from '../core/step.ts'
import { checkedStart, checkedStep } from '../stepped/checked-step.ts'
import type { Stepper } from '../stepped/settings.ts'

/** Transforms the context of a snapshot before the search continues from it. */
export type Reduce = (role: RoleName, snapshot: AnyMachineSnapshot) => object

/**
 * Executes the steps of roles and caches them: a role has few states, and a search reaches each of them again and again. Snapshots with
 * equal value and context are one object here, so `idOf` identifies them.
 */
export class RememberingStepper implements Stepper {
  readonly #reduce: Reduce
  readonly #known = new Map<string, AnyMachineSnapshot>()
  readonly #ids = new WeakMap<AnyMachineSnapshot, number>()
  readonly #steps = new Map<string, Step<Output>>()

  constructor(reduce: Reduce) {
    this.#reduce = reduce
  }

  /** The number of a snapshot from this stepper. */
  idOf(snapshot: AnyMachineSnapshot): number {
    const id = this.#ids.get(snapshot)
    if (id === undefined) throw new Error('the snapshot is from another stepper')
    return id
  }

  start(machine: AnyStateMachine, input: unknown): Step<Output> {
    const key = `${machine.id} ${JSON.stringify(input)}`
    return this.#remembered(key, machine, () => checkedStart<Output>(machine, input))
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
