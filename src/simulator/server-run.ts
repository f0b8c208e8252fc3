import type { Address, NodeId } from '../../machines/batch.ts'
import type { Boot } from '../../machines/boot.ts'
import type { Names, RoleName } from '../../machines/inbox.ts'
import { shownMembers } from '../../machines/members.ts'
import type { NodeMessage, ServerMessage, Welcome } from '../../machines/messages.ts'
import type { Write } from '../../machines/outputs.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import type { ChunkRequest, PageRequest, ReceivedChunk, SentMessage } from '../core/driver.ts'
import type { DurableState } from '../core/durable.ts'
import type { Fact } from '../core/facts.ts'
import { serverAddress } from '../core/names.ts'
import {
  type CoreEvent,
  chunkKept,
  chunksRead,
  pageRead,
  snapshotChecked,
  snapshotDrawn,
  snapshotResumed,
} from '../core/node-core.ts'
import { type Operation, operationOf } from '../core/process.ts'
import type { Capture, Installation } from '../core/replicated-state.ts'
import type { Trust } from '../core/trust.ts'
import type { Cause } from '../inspect/records/record.ts'
import { type ArmedTimer, type Later, SteppedNode, type Surroundings } from '../stepped/node.ts'
import type { FileDraft } from '../storage/file-draft.ts'
import { type DraftOperations, type KeeperStore, SnapshotKeeper } from '../storage/snapshot-keeper.ts'
import { maxCommandBytes } from '../wire/limits.ts'
import { type SimulatedDatagram, simulatedCluster } from './datagram.ts'
import type { Opened, SimulatedDisk } from './disk.ts'
import type { ServerSurroundings } from './server.ts'
import type { Suspension } from './suspension.ts'

/** The size of one answer to a server that catches up, in bytes of JSON. */
const pageBytes = 4_000
/** The size of a slice and of a chunk of a snapshot, in bytes. They are small, so that most snapshots have several. */
const sliceBytes = 700
const chunkBytes = 500

export interface RunOptions {
  readonly id: NodeId
  readonly incarnation: string
  readonly boot: Boot
  /** What was known of the boots of members in the run before. */
  readonly trust: Trust
  /** Why the node sends nothing, as it had found in an earlier run; `null` while it takes part. */
  readonly withdrawn: string | null
  readonly disk: SimulatedDisk
  readonly randomSeed: number
  /** Milliseconds of the server's monotonic clock for each millisecond of virtual time. */
  readonly rate: number
  /** Milliseconds since 1970, by the server's own wall clock. */
  readonly wallClock: () => number
  readonly suspension: Suspension
  /** Runs an action after the present event, unless the process has ended then. */
  readonly soon: (action: () => void) => void
  /** Stores what is known of the boots of members. */
  readonly keepTrust: (trust: Trust) => void
  /** Stores why the node sends nothing more. */
  readonly withdraw: (reason: string) => void
  /** A chunk of a snapshot is kept. */
  readonly kept: () => void
  /** The disk has failed: the server halts. */
  readonly failed: (error: Error) => void
  /** The node has halted. */
  readonly halted: () => void
}

/** The time in which a process serves: the surroundings of a stepped node. */
export class ServerRun implements Surroundings {
  readonly node: SteppedNode
  readonly #around: ServerSurroundings
  readonly #options: RunOptions
  readonly #address: Address
  readonly #timers = new Map<string, () => void>()
  readonly #startedAtMs: number
  readonly #keeper: SnapshotKeeper

  constructor(around: ServerSurroundings, options: RunOptions, opened: Opened) {
    this.#around = around
    this.#options = options
    this.#address = serverAddress(options.id)
    this.#startedAtMs = around.timeline.nowMs
    const { id, incarnation, boot, trust, withdrawn, randomSeed, disk, soon } = options
    this.#keeper = new SnapshotKeeper(keeperStore(disk), {
      ...{ sliceBytes, chunkBytes },
      pause: (ended) => soon(() => ended(null)),
      notDrawn: (reason) => {
        throw new Error(reason)
      },
      // The disk of the server that sent it was damaged.
      refused: () => undefined,
      resumed: () => around.met('a transfer of a snapshot resumed after a restart'),
    })
    const settings = { ...around.settings, self: id, incarnation, boot, trust, withdrawn }
    this.node = SteppedNode.start(settings, this, opened, randomSeed)
  }

  end(): void {
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  receive({ sender, names, message }: SimulatedDatagram, from: Address): void {
    if (sender !== null && names !== undefined) {
      const heard = message as NodeMessage
      this.#happen({ type: 'hear', sender, message: heard }, () =>
        this.node.take({ type: 'hear', sender, names, from, message: heard }),
      )
    } else if (message.type === 'request' || message.type === 'read') {
      const request = { type: 'request', message, replyTo: from } as const
      this.#happen(request, () => this.node.take({ ...request, timeMs: this.#options.wallClock() }))
    } else if (message.type === 'hello') this.#send(from, this.#welcome())
  }

  send({ address, message, names }: SentMessage): void {
    this.#send(address, message, names)
  }

  respond(to: Address, message: ServerMessage): void {
    this.#send(to, message)
  }

  setTimer(timer: ArmedTimer): void {
    this.cancelTimer(timer.role, timer.id)
    const name = timerName(timer.role, timer.id)
    let isCancelled = false
    const fire = () => {
      // The timer became due in a pause, and an event before it cancelled the timer.
      if (isCancelled) return
      this.#timers.delete(name)
      const { role, id } = timer
      this.#happen({ type: 'timer', role, id }, () => this.node.fire(timer))
    }
    const delayMs = timer.delayMs / this.#options.rate
    const cancel = this.#around.timeline.schedule(delayMs, () => this.#options.suspension.take(fire))
    this.#timers.set(name, () => {
      isCancelled = true
      cancel()
    })
  }

  cancelTimer(role: RoleName, id: string): void {
    const name = timerName(role, id)
    this.#timers.get(name)?.()
    this.#timers.delete(name)
  }

  persist(write: Write): void {
    this.#options.disk.persist(write, () => this.#ended(write))
  }

  /** Reads the page later: a real disk takes time. */
  read(page: PageRequest): Later {
    const answered = this.#options.disk.read(page.from, pageBytes)
    return this.#later(answered, (batches) => pageRead(page, batches))
  }

  takeSnapshot(capture: Capture): Later {
    return this.#later(operationOf(this.#keeper.draw(capture)), snapshotDrawn)
  }

  readChunks(request: ChunkRequest): Later {
    return this.#later(operationOf(this.#keeper.chunks(request)), (chunks) => chunksRead(request, chunks))
  }

  resumeSnapshot(snapshot: SnapshotName, begin: () => Installation): Later {
    return this.#later(operationOf(this.#keeper.resume(snapshot, begin)), (keptBytes) =>
      snapshotResumed(snapshot, keptBytes),
    )
  }

  keepChunk(chunk: ReceivedChunk): Later {
    return this.#later(operationOf(this.#keeper.keep(chunk)), () => {
      this.#options.kept()
      return chunkKept(chunk)
    })
  }

  checkSnapshot(snapshot: SnapshotName): Later {
    return this.#later(operationOf(this.#keeper.check(snapshot)), (isSound) =>
      snapshotChecked(snapshot, isSound),
    )
  }

  checked(snapshot: SnapshotName): Installation {
    return this.#keeper.checked(snapshot)
  }

  durable(): DurableState {
    return this.#options.disk.state
  }

  nowMs(): number {
    return (this.#around.timeline.nowMs - this.#startedAtMs) * this.#options.rate
  }

  observe(fact: Fact): void {
    this.#around.observe(fact)
  }

  keepTrust(trust: Trust): void {
    this.#options.keepTrust(trust)
  }

  withdrawn(reason: string): void {
    this.#options.withdraw(reason)
  }

  halted(): void {
    this.#options.soon(this.#options.halted)
  }

  /** A write is on the disk. */
  #ended(write: Write): void {
    const event = this.node.eventAfter(write)
    if (event !== null) this.#happen({ type: 'synced' }, () => this.node.take(event))
  }

  /** Delivers the answer of the disk when it has ended. */
  #later<T>(answer: Operation<T>, eventOf: (answer: T) => CoreEvent): Later {
    const { soon, failed } = this.#options
    answer((error, result) => {
      if (error !== null) failed(error)
      else soon(() => this.#tell(eventOf(result as T)))
    })
    return 'later'
  }

  #tell(event: CoreEvent): void {
    if (event.type !== 'tell') throw new Error(`${event.type} answers no question of the learner`)
    const cause = { type: 'tell', role: event.role, event: event.event.type } as const
    this.#happen(cause, () => this.node.take(event))
  }

  #happen(cause: Cause, event: () => void): void {
    const before = this.#queue
    try {
      event()
    } finally {
      this.#around.happened(this.#options.id, cause)
    }
    this.#around.moved(this.#options.id, before, this.#queue)
  }

  get #queue(): RequestQueueContext {
    return this.node.roles.requestQueue.context as RequestQueueContext
  }

  #send(to: Address, message: NodeMessage | ServerMessage, names?: Names): void {
    const sender = this.#options.id
    const datagram: SimulatedDatagram = names === undefined ? { sender, message } : { sender, names, message }
    this.#around.network.send(this.#address, to, datagram)
  }

  #welcome(): Welcome {
    const { firstUnexecuted, members } = this.node.replica
    return {
      type: 'welcome',
      cluster: simulatedCluster,
      service: this.#around.service,
      node: this.#options.id,
      instance: firstUnexecuted,
      members: shownMembers(members),
      commandBytes: maxCommandBytes,
    }
  }
}

function timerName(role: RoleName, id: string): string {
  return `${role} ${id}`
}

function operationsOf(draft: FileDraft): DraftOperations {
  return {
    get lengthBytes() {
      return draft.lengthBytes
    },
    append: (bytes) => (ended) => draft.append(bytes, ended),
    seal: () => (ended) => draft.seal(ended),
    discard: () => (ended) => draft.discard(ended),
  }
}

function keeperStore(disk: SimulatedDisk): KeeperStore {
  return {
    draft: () => operationsOf(disk.draft()),
    receive: (name, visit) => (ended) =>
      disk.receive(
        name,
        visit,
      )((error, draft) => {
        if (error === null) ended(null, operationsOf(draft!))
        else ended(error)
      }),
    readSnapshot: (name, offsetBytes, lengthBytes) => disk.readSnapshot(name, offsetBytes, lengthBytes),
  }
}
