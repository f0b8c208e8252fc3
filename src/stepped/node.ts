/**
 * A whole node whose roles are moved by src/core/step.ts. What surrounds it, the network, the disk and the timers, is an engine's; with
 * it this is a server, from its start to its crash.
 */
import type { AnyMachineSnapshot } from 'xstate'
import type { Address, Batch, NodeId } from '../../machines/batch.ts'
import type { RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { Output, Respond, Write } from '../../machines/outputs.ts'
import type { Driver, PageRequest, SentMessage } from '../core/driver.ts'
import type { DurableState, Stored } from '../core/durable.ts'
import type { Elapsed } from '../core/elapsed.ts'
import type { Fact } from '../core/facts.ts'
import { type CoreEvent, NodeCore, pageRead } from '../core/node-core.ts'
import type { HeardFrom } from '../core/reach.ts'
import type { ReplicatedState } from '../core/replicated-state.ts'
import { roleNames } from '../core/roles.ts'
import type { Effect } from '../core/step.ts'
import { checkNode } from '../verify/role-rules.ts'
import type { NodeSettings } from './settings.ts'

/** A timer of a role. (role, id) names it: armed again, it begins anew. */
export interface ArmedTimer {
  readonly role: RoleName
  readonly id: string
  readonly delayMs: number
  /** What the role is told when it fires. */
  readonly event: { readonly type: string }
}

/** What an engine brings: the two ends of the datagram's path, timers, a disk, and somebody who watches. */
export interface Surroundings extends Pick<Driver, 'send' | 'respond' | 'nowMs' | 'observe'> {
  /** Takes the place of a timer of the same role and id. When it is due, call `SteppedNode.fire`. */
  setTimer(timer: ArmedTimer): void
  /** Gives up a timer, which may have fired. */
  cancelTimer(role: RoleName, id: string): void
  /** Writes, in the order of the calls. When a write has ended well, `SteppedNode.eventAfter` says what follows from it. */
  persist(write: Write): void
  /** A page of chosen batches from `from` on, durable or only written; `null` when the learner is told of it later. */
  read(from: PageRequest['from']): readonly Batch[] | null
  /** What the disk holds now, with all writes that have ended. */
  durable(): DurableState
}

/** A node between two events, as far as it is not on its disk: what a crash loses. */
export interface VolatileState {
  readonly roles: Readonly<Record<RoleName, AnyMachineSnapshot>>
  readonly replica: ReplicatedState
  readonly elapsed: Elapsed
  /** Where servers were last heard from, for those that are no members. */
  readonly heardFrom: Readonly<Record<NodeId, HeardFrom>>
}

export class SteppedNode implements Driver {
  readonly replica: ReplicatedState
  readonly #settings: NodeSettings
  readonly #surroundings: Surroundings
  readonly #core: NodeCore
  #roles: Readonly<Record<RoleName, AnyMachineSnapshot>> | null = null
  #heardFrom: Readonly<Record<NodeId, HeardFrom>> = {}

  private constructor(
    settings: NodeSettings,
    surroundings: Surroundings,
    replica: ReplicatedState,
    elapsed?: Elapsed,
  ) {
    this.#settings = settings
    this.#surroundings = surroundings
    this.replica = replica
    this.#core = new NodeCore(settings, replica, this, elapsed)
  }

  /**
   * Starts a node from what its disk holds. The fact `started` is reported first, then what is executed again. `randomSeed`
   * is for the proposer's back-off.
   */
  static start(
    settings: NodeSettings,
    surroundings: Surroundings,
    { durable, chosen }: Stored,
    randomSeed: number,
  ): SteppedNode {
    const node = new SteppedNode(settings, surroundings, settings.replicas.initial())
    const core = node.#core
    const again = core.recover(chosen)
    core.started(durable, again)
    core.enter(() => node.#startRoles(durable, randomSeed))
    checkNode(node.roles)
    return node
  }

  /** A node that goes on from where another was. */
  static resume(settings: NodeSettings, surroundings: Surroundings, state: VolatileState): SteppedNode {
    const node = new SteppedNode(settings, surroundings, state.replica, state.elapsed)
    node.#roles = state.roles
    node.#heardFrom = state.heardFrom
    return node
  }

  /** The snapshot of each role. */
  get roles(): Readonly<Record<RoleName, AnyMachineSnapshot>> {
    if (this.#roles === null) throw new Error('the roles have not begun')
    return this.#roles
  }

  /** What is remembered of times. */
  get elapsed(): Elapsed {
    return this.#core.elapsed
  }

  get heardFrom(): Readonly<Record<NodeId, HeardFrom>> {
    return this.#heardFrom
  }

  /** Something happens to it. */
  take(event: CoreEvent): void {
    this.#core.take(event)
    checkNode(this.roles)
  }

  /** A timer is due. */
  fire({ role, event }: Pick<ArmedTimer, 'role' | 'event'>): void {
    this.#core.enter(() => this.deliver(role, event as RoleEvent))
    checkNode(this.roles)
  }

  /** The event to take when `write` has ended well; `null` for none. */
  eventAfter(write: Write): CoreEvent | null {
    return this.#core.eventAfter(write)
  }

  /** A server that may be no member is at an address: one that joins is told where to learn. */
  recordHeardFrom(sender: NodeId, last: HeardFrom): void {
    const before = this.#heardFrom[sender]
    const isSame = before?.address === last.address && before.incarnation === last.incarnation
    if (!isSame) this.#heardFrom = { ...this.#heardFrom, [sender]: last }
  }

  deliver(role: RoleName, event: RoleEvent): void {
    const { machines, stepper } = this.#settings
    const { snapshot, effects } = stepper.step(machines[role], this.roles[role], event)
    this.#roles = { ...this.roles, [role]: snapshot }
    this.#carryOut(role, effects)
  }

  send(sent: SentMessage): void {
    this.#surroundings.send(sent)
  }

  respond(to: Address, message: Respond['message']): void {
    this.#surroundings.respond(to, message)
  }

  persist(write: Write): void {
    this.#surroundings.persist(write)
  }

  read(page: PageRequest): void {
    const batches = this.#surroundings.read(page.from)
    if (batches !== null) this.#core.take(pageRead(page, batches))
  }

  durable(): DurableState {
    return this.#surroundings.durable()
  }

  nowMs(): number {
    return this.#surroundings.nowMs()
  }

  heard(sender: NodeId, last: HeardFrom, isMember: boolean): void {
    if (!isMember) this.recordHeardFrom(sender, last)
  }

  lastHeard(id: NodeId): HeardFrom | undefined {
    return this.#heardFrom[id]
  }

  observe(fact: Fact): void {
    this.#surroundings.observe(fact)
  }

  /** Engines that move nodes in steps have no counters. */
  flag(): void {}

  /** Servers that do not lie never prove one another wrong: an engine that comes here has found a fault. */
  halt(reason: string): void {
    throw new Error(reason)
  }

  #startRoles(durable: DurableState, randomSeed: number): void {
    const { machines, stepper } = this.#settings
    const inputs = this.#core.inputs(durable, { ...this.#settings, randomSeed })
    const steps = roleNames.map((role) => [role, stepper.start(machines[role], inputs[role])] as const)
    this.#roles = Object.fromEntries(steps.map(([role, { snapshot }]) => [role, snapshot])) as Record<
      RoleName,
      AnyMachineSnapshot
    >
    for (const [role, { effects }] of steps) this.#carryOut(role, effects)
  }

  #carryOut(role: RoleName, effects: readonly Effect<Output>[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'said':
          this.#core.carryOut(effect.output)
          break
        case 'timer': {
          const { id, delayMs, event } = effect
          this.#surroundings.setTimer({ role, id, delayMs, event })
          break
        }
        case 'cancel':
          this.#surroundings.cancelTimer(role, effect.id)
          break
        default:
          effect satisfies never
      }
    }
  }
}
