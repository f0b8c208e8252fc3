/**
 * A whole node whose roles are moved by src/core/step.ts. An engine provides its environment: the network, the disk and the
 * timers. Together they form a server, from its start to its crash.
 */
import type { AnyMachineSnapshot } from 'xstate'
import type { Address, Batch, NodeId } from '../../machines/batch.ts'
import type { RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { Oddity, Output, Respond, Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import type { ChunkRequest, Driver, PageRequest, ReceivedChunk, SentMessage } from '../core/driver.ts'
import { batchesAfterSnapshot, type DurableState, type Stored } from '../core/durable.ts'
import type { Fact } from '../core/facts.ts'
import {
  type CoreEvent,
  type CoreMemory,
  chunkKept,
  chunksRead,
  NodeCore,
  pageRead,
  snapshotChecked,
  snapshotDrawn,
  snapshotResumed,
} from '../core/node-core.ts'
import type { HeardFrom } from '../core/reach.ts'
import type { Capture, Installation, ReplicatedState } from '../core/replicated-state.ts'
import { roleNames } from '../core/roles.ts'
import type { Effect } from '../core/step.ts'
import type { Trust } from '../core/trust.ts'
import { checkNode } from '../verify/role-rules.ts'
import type { NodeSettings } from './settings.ts'

/** A timer of a role, identified by role and id. Arming it again restarts it. */
export interface ArmedTimer {
  readonly role: RoleName
  readonly id: string
  readonly delayMs: number
  /** The event that the timer sends to the role. */
  readonly event: { readonly type: string }
}

/** An event delivers the answer to the learner later. */
export type Later = 'later'

/** The environment that an engine provides: the network, timers, a disk, and an observer. */
export interface Surroundings extends Pick<Driver, 'send' | 'respond' | 'nowMs' | 'observe'> {
  /** Arms a timer and replaces one with the same role and id. When it is due, the engine calls `SteppedNode.fire`. */
  setTimer(timer: ArmedTimer): void
  /** Cancels a timer, which may have fired. */
  cancelTimer(role: RoleName, id: string): void
  /** Persists writes in the order of the calls. After a successful write, `SteppedNode.eventAfter` returns the event that follows. */
  persist(write: Write): void
  /** A page of chosen batches from `page.from` on; `null` when the first of them was deleted. */
  read(page: PageRequest): readonly Batch[] | null | Later
  /** Draws the picture and makes it durable. Returns its name. */
  takeSnapshot(capture: Capture): SnapshotName | null | Later
  /** Chunks of a snapshot in base64; `null` when the disk does not hold it. */
  readChunks(request: ChunkRequest): readonly string[] | null | Later
  /** Prepares to keep a snapshot. Returns how many bytes of it are kept. */
  resumeSnapshot(snapshot: SnapshotName, begin: () => Installation): number | Later
  /** Keeps a chunk of that snapshot. */
  keepChunk(chunk: ReceivedChunk): 'kept' | Later
  /** Stores what is known of the boots of members. Engines in which no server starts again with what it knew omit it. */
  keepTrust?(trust: Trust): void
  /** The node sends nothing more, in later runs either. Engines in which no directory is copied omit it. */
  withdrawn?(reason: string): void
  /** The node has halted: it takes no event any more. Engines in which no directory is copied omit it. */
  halted?(reason: string): void
  /** Makes the received snapshot durable. Returns whether it is sound, and drops it when it is not. */
  checkSnapshot(snapshot: SnapshotName, begin: () => Installation): boolean | Later
  /** The received snapshot, which is sound, completely read. */
  checked(snapshot: SnapshotName, begin: () => Installation): Installation
  /** The state on disk after all writes that have ended. */
  durable(): DurableState
}

/** The state of a node between two events that is not on its disk: a crash loses it. */
export interface VolatileState {
  readonly roles: Readonly<Record<RoleName, AnyMachineSnapshot>>
  readonly replica: ReplicatedState
  readonly memory: CoreMemory
  /** The addresses of the last messages from servers that are not members. */
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
    memory?: CoreMemory,
  ) {
    this.#settings = settings
    this.#surroundings = surroundings
    this.replica = replica
    this.#core = new NodeCore(settings, replica, this, memory)
  }

  /**
   * Starts a node from the state of its disk. Reports the fact `started` first, and then the repeated executions. `randomSeed`
   * seeds the proposer's back-off.
   */
  static start(
    settings: NodeSettings,
    surroundings: Surroundings,
    stored: Stored,
    randomSeed: number,
  ): SteppedNode {
    const { durable, snapshot } = stored
    const { replicas } = settings
    const replica = snapshot === null ? replicas.initial() : replicas.restore(snapshot)
    const node = new SteppedNode(settings, surroundings, replica)
    const core = node.#core
    const again = core.recover(batchesAfterSnapshot(stored))
    core.started(durable, again)
    core.enter(() => node.#startRoles(durable, randomSeed))
    checkNode(node.roles)
    return node
  }

  /** A node that continues from the state of another. */
  static resume(settings: NodeSettings, surroundings: Surroundings, state: VolatileState): SteppedNode {
    const node = new SteppedNode(settings, surroundings, state.replica, state.memory)
    node.#roles = state.roles
    node.#heardFrom = state.heardFrom
    return node
  }

  /** The snapshot of each role. */
  get roles(): Readonly<Record<RoleName, AnyMachineSnapshot>> {
    if (this.#roles === null) throw new Error('the roles have not begun')
    return this.#roles
  }

  /** What the core remembers between two events. */
  get memory(): CoreMemory {
    return this.#core.memory
  }

  get heardFrom(): Readonly<Record<NodeId, HeardFrom>> {
    return this.#heardFrom
  }

  /** Handles an event. */
  take(event: CoreEvent): void {
    this.#core.take(event)
    checkNode(this.roles)
  }

  /** Fires a timer. */
  fire({ role, event }: Pick<ArmedTimer, 'role' | 'event'>): void {
    this.#core.enter(() => this.deliver(role, event as RoleEvent))
    checkNode(this.roles)
  }

  /** The event that follows a successful `write`; `null` for none. */
  eventAfter(write: Write): CoreEvent | null {
    return this.#core.eventAfter(write)
  }

  /** Records the address of a server that may not be a member. A joining server thus gets the address of its informant. */
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
    const batches = this.#surroundings.read(page)
    if (batches !== 'later') this.#core.take(pageRead(page, batches))
  }

  takeSnapshot(capture: Capture): void {
    const snapshot = this.#surroundings.takeSnapshot(capture)
    if (snapshot !== 'later') this.#core.take(snapshotDrawn(snapshot))
  }

  readChunks(request: ChunkRequest): void {
    const chunks = this.#surroundings.readChunks(request)
    if (chunks !== 'later') this.#core.take(chunksRead(request, chunks))
  }

  resumeSnapshot(snapshot: SnapshotName, begin: () => Installation): void {
    const keptBytes = this.#surroundings.resumeSnapshot(snapshot, begin)
    if (keptBytes !== 'later') this.#core.take(snapshotResumed(snapshot, keptBytes))
  }

  keepChunk(chunk: ReceivedChunk): void {
    if (this.#surroundings.keepChunk(chunk) !== 'later') this.#core.take(chunkKept(chunk))
  }

  checkSnapshot(snapshot: SnapshotName): void {
    const isSound = this.#surroundings.checkSnapshot(snapshot, () => this.#core.installation())
    if (isSound !== 'later') this.#core.take(snapshotChecked(snapshot, isSound))
  }

  checked(snapshot: SnapshotName, begin: () => Installation): Installation {
    return this.#surroundings.checked(snapshot, begin)
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

  /** Engines with stepped nodes have no counters. An engine in which no directory is copied, and that reaches this, has found a fault. */
  flag(oddity: Oddity, sender: NodeId): void {
    if (oddity !== 'copied' || this.#settings.mayBeCopied === true) return
    throw new Error(`server ${this.#settings.self} takes the directory of server ${sender} for a copy`)
  }

  keepTrust(trust: Trust): void {
    this.#surroundings.keepTrust?.(trust)
  }

  /** The memory of the core has it. */
  disputed(): void {}

  withdrawn(reason: string): void {
    if (this.#settings.mayBeCopied !== true) throw new Error(reason)
    this.#surroundings.withdrawn?.(reason)
  }

  /** Correct servers never contradict one another, so an engine in which no directory is copied, and that reaches this, has found a fault. */
  halt(reason: string): void {
    if (this.#settings.mayBeCopied !== true) throw new Error(reason)
    this.#surroundings.halted?.(reason)
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
