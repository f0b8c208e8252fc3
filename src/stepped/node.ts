/**
 * A whole node that is moved by src/core/step.ts: the roles, the router and the replica. What surrounds it, the network, the
 * disk and the timers, is an engine's; with it this is a server, from its start to its crash.
 */
import type { AnyMachineSnapshot } from 'xstate'
import type { Address, Batch, Instance, NodeId } from '../../machines/batch.ts'
import type { Names, RoleEvent, RoleName } from '../../machines/inbox.ts'
import { isCounted } from '../../machines/members.ts'
import type { NodeMessage, RequestMessage } from '../../machines/messages.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { Output, Respond, Write } from '../../machines/outputs.ts'
import type { DurableState } from '../core/durable.ts'
import type { Elapsed } from '../core/elapsed.ts'
import type { Fact } from '../core/facts.ts'
import { addressOf, type HeardFrom, isHeard } from '../core/reach.ts'
import { checkRole, roleInputs, roleNames } from '../core/roles.ts'
import { type Executor, Router, type World } from '../core/router.ts'
import type { Effect } from '../core/step.ts'
import { checkNode } from '../verify/role-rules.ts'
import type { NodeSettings, ReplicatedState } from './settings.ts'
import type { SentMessage } from './state.ts'

/** A timer of a role. (role, id) names it: armed again, it begins anew. */
export interface ArmedTimer {
  readonly role: RoleName
  readonly id: string
  readonly delayMs: number
  /** What the role is told when it fires. */
  readonly event: { readonly type: string }
}

/** What an engine brings: the two ends of the datagram's path, timers, a disk, and somebody who watches. */
export interface Surroundings {
  send(sent: SentMessage): void
  respond(to: Address, message: Respond['message']): void
  /** Takes the place of a timer of the same role and id. When it is due, call `SteppedNode.fire`. */
  setTimer(timer: ArmedTimer): void
  /** Gives up a timer, which may have fired. */
  cancelTimer(role: RoleName, id: string): void
  /** When an acceptor's write is synced, call `SteppedNode.persisted`. */
  persist(write: Write): void
  /** A page of chosen batches from `from` on, durable or only written; `null` when the learner is told of it later. */
  read(from: Instance): readonly Batch[] | null
  /** The server's monotonic clock, in milliseconds from any moment: the same for all that happens within one event. */
  nowMs(): number
  observe(fact: Fact): void
}

/** What a node begins with. */
export interface Stored {
  readonly durable: DurableState
  /** The chosen batches below `durable.firstUnchosen`. */
  readonly chosen: readonly Batch[]
}

/** A node between two events, as far as it is not on its disk. */
export interface RunningNode {
  readonly roles: Readonly<Record<RoleName, AnyMachineSnapshot>>
  readonly replica: ReplicatedState
  readonly elapsed: Elapsed
  /** Where servers were last heard from, for those that are no members. */
  readonly heardFrom: Readonly<Record<NodeId, HeardFrom>>
}

export class SteppedNode implements World {
  readonly replica: ReplicatedState
  readonly #settings: NodeSettings
  readonly #surroundings: Surroundings
  readonly #router: Router
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
    const executor: Executor = {
      get members() {
        return replica.members
      },
      hasWaiting: (node) => replica.waitingNodes.includes(node),
      execute: (instance, batch) => this.#execute(instance, batch),
      recall: ({ uid, seq, command }) => replica.recall(uid, seq, command),
    }
    this.#router = new Router(settings, this, executor, settings.elapsedRules, elapsed)
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
    const { self, incarnation, machines, stepper } = settings
    const node = new SteppedNode(settings, surroundings, settings.replicas.initial())
    const again = chosen.map((batch, instance) => node.#executed(instance, batch))
    const { members } = node.replica
    surroundings.observe({ type: 'started', node: self, incarnation, durable, members })
    for (const fact of again) surroundings.observe(fact)
    const inputs = roleInputs({ self, incarnation, members, ...durable }, { ...settings, randomSeed })
    node.#router.enter(() => {
      const steps = roleNames.map((role) => [role, stepper.start(machines[role], inputs[role])] as const)
      node.#roles = Object.fromEntries(steps.map(([role, { snapshot }]) => [role, snapshot])) as Record<
        RoleName,
        AnyMachineSnapshot
      >
      for (const [role, { effects }] of steps) node.#carryOut(role, effects)
    })
    checkNode(node.roles)
    return node
  }

  /** A node that goes on from where another was. */
  static resume(settings: NodeSettings, surroundings: Surroundings, running: RunningNode): SteppedNode {
    const node = new SteppedNode(settings, surroundings, running.replica, running.elapsed)
    node.#roles = running.roles
    node.#heardFrom = running.heardFrom
    return node
  }

  /** The snapshot of each role. */
  get roles(): Readonly<Record<RoleName, AnyMachineSnapshot>> {
    if (this.#roles === null) throw new Error('the roles have not begun')
    return this.#roles
  }

  /** What is remembered of times. */
  get elapsed(): Elapsed {
    return this.#router.elapsed
  }

  get heardFrom(): Readonly<Record<NodeId, HeardFrom>> {
    return this.#heardFrom
  }

  /** A message of another server has arrived from `from`. */
  hear(sender: NodeId, message: NodeMessage, names: Names, from: Address): void {
    const { incarnation } = names
    const { members } = this.replica
    if (
      isHeard(sender, names, members, this.#settings.incarnation) &&
      !isCounted(members, sender, incarnation)
    ) {
      this.recordHeardFrom(sender, { address: from, incarnation })
    }
    this.#router.hear(sender, message, names)
    checkNode(this.roles)
  }

  /** A server that may be no member is at `from`: one that joins is told where to learn. */
  recordHeardFrom(sender: NodeId, last: HeardFrom): void {
    const before = this.#heardFrom[sender]
    const isSame = before?.address === last.address && before.incarnation === last.incarnation
    if (!isSame) this.#heardFrom = { ...this.#heardFrom, [sender]: last }
  }

  /** A client's request has arrived, at `timeMs` of this server's clock; `commandBytes` is what it counts in the queue. */
  request(message: RequestMessage, replyTo: Address, timeMs: number, commandBytes: number): void {
    this.#router.request(message, replyTo, timeMs, commandBytes)
    checkNode(this.roles)
  }

  /** A timer is due. */
  fire({ role, event }: Pick<ArmedTimer, 'role' | 'event'>): void {
    this.#router.dispatch(role, event as RoleEvent)
    checkNode(this.roles)
  }

  /** What the acceptor asked to be persisted is synced, and the disk holds `durable` now. */
  persisted(durable: DurableState): void {
    this.#surroundings.observe({ type: 'synced', node: this.#settings.self, durable })
    this.#router.dispatch('acceptor', { type: 'persisted' })
    checkNode(this.roles)
  }

  /** Gives an event to a role, as another part of the node would. */
  dispatch(role: RoleName, event: RoleEvent): void {
    this.#router.dispatch(role, event)
  }

  deliver(role: RoleName, event: RoleEvent): void {
    const { machines, stepper } = this.#settings
    const { snapshot, effects } = stepper.step(machines[role], this.roles[role], event)
    checkRole(role, snapshot)
    this.#roles = { ...this.roles, [role]: snapshot }
    this.#carryOut(role, effects)
  }

  send(to: NodeId, message: NodeMessage, names: Names): void {
    const address = addressOf(to, names.addressee, this.replica.members, this.#heardFrom[to])
    if (address !== undefined) this.#surroundings.send({ to, address, message, names })
  }

  /** Engines that move nodes in steps have no counters. */
  flag(): void {}

  /** Servers that do not lie never prove one another wrong: an engine that comes here has found a fault. */
  halt(reason: string): void {
    throw new Error(reason)
  }

  respond(to: Address, message: Respond['message']): void {
    this.#surroundings.observe({ type: 'responded', node: this.#settings.self, to, message })
    this.#surroundings.respond(to, message)
  }

  persist(write: Write): void {
    this.#surroundings.persist(write)
  }

  nowMs(): number {
    return this.#surroundings.nowMs()
  }

  read(from: Instance, to: NodeId, incarnation: string): void {
    const batches = this.#surroundings.read(from)
    if (batches !== null)
      this.#router.dispatch('learner', { type: 'chosen.read', to, incarnation, from, batches })
  }

  #execute(instance: Instance, batch: Batch): Execution {
    const fact = this.#executed(instance, batch)
    this.#surroundings.observe(fact)
    return fact.execution
  }

  #executed(instance: Instance, batch: Batch): Extract<Fact, { type: 'executed' }> {
    const { self, digestEvery } = this.#settings
    const execution = this.replica.execute(instance, batch)
    const isDue = digestEvery > 0 && instance % digestEvery === 0
    const digest = isDue ? this.replica.digest() : null
    return { type: 'executed', node: self, instance, batch, execution, digest }
  }

  #carryOut(role: RoleName, effects: readonly Effect<Output>[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'said':
          this.#say(effect.output)
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

  #say(output: Output): void {
    if (output.type === 'send') {
      const { to, message } = output
      this.#surroundings.observe({ type: 'said', node: this.#settings.self, to, message })
    }
    this.#router.carry(output)
  }
}
