/** A node as a pure function: from a state and an event to the next state and the messages that the node sends. */

import type { Batch, Instance } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import type { ChunkRequest, PageRequest, ReceivedChunk, SentMessage } from '../core/driver.ts'
import type { DurableState } from '../core/durable.ts'
import type { Fact } from '../core/facts.ts'
import type { NodeEvent } from '../core/node-event.ts'
import type { Capture, Installation, ReplicatedState } from '../core/replicated-state.ts'
import { afterCrash, afterSync, chosenOn, type Disk, storedOn, withWrite } from './disk.ts'
import { type ArmedTimer, type Later, SteppedNode, type Surroundings } from './node.ts'
import type { NodeSettings } from './settings.ts'
import {
  checkedFile,
  chunksOn,
  drawnAtOnce,
  installationOf,
  keptBytesOn,
  resumed,
  withChunk,
  withoutReceiving,
  withSnapshot,
} from './snapshots.ts'
import type { NodeState, NodeStep, ReplicaState, Running, SentResponse } from './state.ts'

/**
 * Returns the result of `event` in `state`, and leaves `state` unchanged. `nowMs` is the value of the server's monotonic clock at
 * the event. Throws when the event is impossible in this state (a timer that is not armed, a message to a server that is down).
 * Errors of a role, which are violated assertions, pass through.
 */
export function applyNode(
  state: NodeState,
  event: NodeEvent,
  settings: NodeSettings,
  nowMs: number,
): NodeStep {
  switch (event.type) {
    case 'start':
      if (state.running !== null) throw new Error(`server ${settings.self} is running`)
      return started(state.disk, event.randomSeed, settings, nowMs)
    case 'crash':
    case 'sync.failed':
      return gone(state, event, settings)
    default:
      return moved(state, event, settings, nowMs)
  }
}

function started(disk: Disk, randomSeed: number, settings: NodeSettings, nowMs: number): NodeStep {
  const collector = new Collector(disk, [], settings, nowMs)
  const node = SteppedNode.start(settings, collector, storedOn(disk), randomSeed)
  return collector.stepTo(node, replicaState(node.replica))
}

function gone(
  { disk, running }: NodeState,
  event: Extract<NodeEvent, { survived: number }>,
  settings: NodeSettings,
): NodeStep {
  if (running === null) throw new Error(`server ${settings.self} is down`)
  if (event.type === 'sync.failed' && disk.syncing.length === 0) throw new Error('no sync is under way')
  return {
    state: { disk: afterCrash(disk, event.survived), running: null },
    sends: [],
    responses: [],
    facts: [{ type: 'crashed', node: settings.self }],
  }
}

function moved(
  { disk, running }: NodeState,
  event: Exclude<NodeEvent, { type: 'start' | 'crash' | 'sync.failed' }>,
  settings: NodeSettings,
  nowMs: number,
): NodeStep {
  if (running === null) throw new Error(`server ${settings.self} is down`)
  const collector = new Collector(disk, running.timers, settings, nowMs)
  const replica = new StoredReplica(running.replica, settings)
  const node = SteppedNode.resume(settings, collector, { ...running, replica })
  happen(node, event, collector)
  return collector.stepTo(node, replica.state)
}

function happen(
  node: SteppedNode,
  event: Exclude<NodeEvent, { type: 'start' | 'crash' | 'sync.failed' }>,
  collector: Collector,
): void {
  switch (event.type) {
    case 'timer':
      node.fire(collector.takeTimer(event.role, event.id))
      return
    case 'synced':
      for (const write of collector.endSync()) {
        const ended = node.eventAfter(write)
        if (ended !== null) node.take(ended)
      }
      return
    default:
      node.take(event)
  }
}

/** Surroundings that only collect the outputs of the node. */
class Collector implements Surroundings {
  disk: Disk
  readonly #pageBatches: number | null
  readonly #nowMs: number
  #timers: readonly ArmedTimer[]
  readonly #sends: SentMessage[] = []
  readonly #responses: SentResponse[] = []
  readonly #facts: Fact[] = []

  constructor(disk: Disk, timers: readonly ArmedTimer[], { pageBatches = 16 }: NodeSettings, nowMs: number) {
    this.disk = disk
    this.#timers = timers
    this.#pageBatches = pageBatches
    this.#nowMs = nowMs
  }

  send(sent: SentMessage): void {
    this.#sends.push(sent)
  }

  respond(to: SentResponse['to'], message: SentResponse['message']): void {
    this.#responses.push({ to, message })
  }

  setTimer(timer: ArmedTimer): void {
    this.cancelTimer(timer.role, timer.id)
    this.#timers = [...this.#timers, timer]
  }

  cancelTimer(role: RoleName, id: string): void {
    this.#timers = this.#timers.filter((timer) => timer.role !== role || timer.id !== id)
  }

  takeTimer(role: RoleName, id: string): ArmedTimer {
    const due = this.#timers.find((timer) => timer.role === role && timer.id === id)
    if (due === undefined) throw new Error(`the ${role} has no timer ${id}`)
    this.cancelTimer(role, id)
    return due
  }

  persist(write: Write): void {
    this.disk = withWrite(this.disk, write)
  }

  /**
   * Ends the current sync and returns its writes. A journal has this event for writes of the acceptor only, and another one for
   * snapshots: then all syncs up to the one with the acceptor's write end, and only that write is returned.
   */
  endSync(): readonly Write[] {
    const { syncing } = this.disk
    this.disk = afterSync(this.disk)
    if (this.#pageBatches !== null) return syncing
    const ofAcceptor = syncing.filter(({ by }) => by === 'acceptor')
    return ofAcceptor.length > 0 ? ofAcceptor : this.endSync()
  }

  durable(): DurableState {
    return this.disk.durable
  }

  read({ from }: PageRequest): readonly Batch[] | null | Later {
    return this.#pageBatches === null ? 'later' : chosenOn(this.disk, from, this.#pageBatches)
  }

  takeSnapshot(capture: Capture): SnapshotName | Later {
    const file = drawnAtOnce(capture)
    this.disk = withSnapshot(this.disk, file)
    return this.#unlessLater(file.name)
  }

  readChunks(request: ChunkRequest): readonly string[] | null | Later {
    return this.#unlessLater(chunksOn(this.disk, request))
  }

  resumeSnapshot(name: SnapshotName): number | Later {
    this.disk = resumed(this.disk, name)
    return this.#unlessLater(keptBytesOn(this.disk))
  }

  keepChunk(chunk: ReceivedChunk): 'kept' | Later {
    this.disk = withChunk(this.disk, chunk)
    return this.#unlessLater('kept')
  }

  checkSnapshot(name: SnapshotName, begin: () => Installation): boolean | Later {
    const file = checkedFile(this.disk, name, begin)
    this.disk = file === null ? withoutReceiving(this.disk) : withSnapshot(this.disk, file)
    return this.#unlessLater(file !== null)
  }

  checked(name: SnapshotName, begin: () => Installation): Installation {
    return installationOf(this.disk, name, begin)
  }

  /** With `pageBatches: null`, events deliver the answers of the disk. */
  #unlessLater<T>(answer: T): T | Later {
    return this.#pageBatches === null ? 'later' : answer
  }

  nowMs(): number {
    return this.#nowMs
  }

  observe(fact: Fact): void {
    this.#facts.push(fact)
  }

  stepTo(node: SteppedNode, replica: ReplicaState): NodeStep {
    const { roles, memory, heardFrom } = node
    const running: Running = { roles, timers: this.#timers, replica, memory, heardFrom }
    return {
      state: { disk: this.disk, running },
      sends: this.#sends,
      responses: this.#responses,
      facts: this.#facts,
    }
  }
}

/** A replica that is stored as data and restored on demand: most events do not need it. */
class StoredReplica implements ReplicatedState {
  readonly #stored: ReplicaState
  readonly #settings: NodeSettings
  #restored: ReplicatedState | null = null
  #hasChanged = false

  constructor(stored: ReplicaState, settings: NodeSettings) {
    this.#stored = stored
    this.#settings = settings
  }

  get members() {
    return (this.#restored ?? this.#stored).members
  }

  get clockMs() {
    return this.#replica.clockMs
  }

  get deadlineMs() {
    return (this.#restored ?? this.#stored).deadlineMs
  }

  get firstUnexecuted() {
    return (this.#restored ?? this.#stored).firstUnexecuted
  }

  get runningDigest() {
    return (this.#restored ?? this.#stored).runningDigest
  }

  set runningDigest(digest: string) {
    this.#replica.runningDigest = digest
  }

  /** The state as data, after all changes. */
  get state(): ReplicaState {
    return this.#hasChanged ? replicaState(this.#replica) : this.#stored
  }

  get #replica(): ReplicatedState {
    this.#restored ??= this.#settings.replicas.restore(new TextEncoder().encode(this.#stored.snapshot))
    return this.#restored
  }

  execute(instance: Instance, batch: Batch) {
    this.#hasChanged = true
    return this.#replica.execute(instance, batch)
  }

  recall(...request: Parameters<ReplicatedState['recall']>) {
    return this.#replica.recall(...request)
  }

  read(...body: Parameters<ReplicatedState['read']>) {
    return this.#replica.read(...body)
  }

  snapshot() {
    return this.#replica.snapshot()
  }

  digest() {
    return this.#replica.digest()
  }

  capture() {
    return this.#replica.capture()
  }

  installation() {
    const installation = this.#replica.installation()
    return {
      get instance() {
        return installation.instance
      },
      add: (bytes: Uint8Array) => installation.add(bytes),
      end: () => installation.end(),
      install: () => {
        installation.install()
        this.#hasChanged = true
      },
    }
  }
}

function replicaState(replica: ReplicatedState): ReplicaState {
  const { members, firstUnexecuted, deadlineMs, runningDigest } = replica
  const snapshot = new TextDecoder().decode(replica.snapshot())
  return { snapshot, members, firstUnexecuted, deadlineMs, runningDigest }
}
