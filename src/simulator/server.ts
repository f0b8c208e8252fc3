import type { Address, Batch, Instance, NodeId } from '../../machines/batch.ts'
import type { Names, RoleName } from '../../machines/inbox.ts'
import { type Member, shownMembers } from '../../machines/members.ts'
import type { NodeMessage, ServerMessage, Welcome } from '../../machines/messages.ts'
import type { Write } from '../../machines/outputs.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import { queuedBytes } from '../core/command-bytes.ts'
import type { SentMessage } from '../core/driver.ts'
import type { DurableState } from '../core/durable.ts'
import type { Fact } from '../core/facts.ts'
import { serverAddress } from '../core/names.ts'
import type { Cause } from '../inspect/records/record.ts'
import { type ArmedTimer, SteppedNode, type Surroundings } from '../stepped/node.ts'
import type { NodeSettings } from '../stepped/settings.ts'
import { maxCommandBytes } from '../wire/limits.ts'
import { type SimulatedDatagram, simulatedCluster } from './datagram.ts'
import { SimulatedDisk } from './disk.ts'
import type { SimulatedNetwork } from './network.ts'
import { Random, seedFor } from './random.ts'
import type { Timeline } from './timeline.ts'

/** The surroundings that all servers of a simulated cluster share. */
export interface ServerSurroundings {
  readonly seed: number
  readonly timeline: Timeline
  readonly network: SimulatedNetwork
  /** The members at instance 0. */
  readonly founders: readonly Member[]
  readonly settings: Omit<NodeSettings, 'self' | 'incarnation'>
  readonly observe: (fact: Fact) => void
  /** Receives each datagram that a running server is about to receive. */
  readonly heard: (server: SimulatedServer, datagram: SimulatedDatagram) => void
  /** Receives the request queue of a server before and after each event at that server. */
  readonly moved: (node: NodeId, before: RequestQueueContext, after: RequestQueueContext) => void
  /** Receives each event at a server, including its start, and also an event that threw. */
  readonly happened: (node: NodeId, cause: Cause) => void
}

/** The number of batches in one answer to a server that catches up. */
const pageBatches = 16
/** 2027-01-15: the wall-clock time at which a run begins. */
const epochMs = 1_800_000_000_000

/** A simulated server: its disk and its clock, which survive a crash, and the node while the server runs. */
export class SimulatedServer {
  readonly id: NodeId
  readonly address: Address
  /** How far its wall clock is ahead of virtual time; below 0 when it is behind. */
  clockAheadMs = 0
  /** The duration of each sync while the disk is slow; `null` when it is not slow. */
  slowSyncMs: number | null = null
  readonly #around: ServerSurroundings
  readonly #random: Random
  readonly #rate: number
  #incarnation: string
  #disk: SimulatedDisk
  #earlier: { readonly incarnation: string; readonly disk: SimulatedDisk } | null = null
  #run: ServerRun | null = null

  constructor(around: ServerSurroundings, id: NodeId, incarnation: string) {
    this.#around = around
    this.id = id
    this.address = serverAddress(id)
    this.#random = new Random(seedFor(around.seed, this.address))
    this.#rate = rateOf(new Random(seedFor(around.seed, `the clock of ${this.address}`)))
    this.#incarnation = incarnation
    this.#disk = this.#emptyDisk()
  }

  get disk(): SimulatedDisk {
    return this.#disk
  }

  get incarnation(): string {
    return this.#incarnation
  }

  /** `null` when the server does not run. */
  get node(): SteppedNode | null {
    return this.#run?.node ?? null
  }

  /** The server loses its disk and gets an empty one, with the new `incarnation`. */
  replaceDisk(incarnation: string): void {
    if (this.#run !== null) throw new Error(`server ${this.id} is running: its disk cannot be replaced`)
    this.#earlier = { incarnation: this.#incarnation, disk: this.#disk }
    this.#incarnation = incarnation
    this.#disk = this.#emptyDisk()
  }

  /** Exchanges the present disk with the disk before the last replacement or swap. */
  swapDisk(): void {
    if (this.#run !== null) throw new Error(`server ${this.id} is running: its disk cannot be replaced`)
    const earlier = this.#earlier
    if (earlier === null) throw new Error(`the disk of server ${this.id} was never replaced`)
    this.#earlier = { incarnation: this.#incarnation, disk: this.#disk }
    this.#incarnation = earlier.incarnation
    this.#disk = earlier.disk
  }

  /** True when `swapDisk` has another disk to use. */
  get hasEarlierDisk(): boolean {
    return this.#earlier !== null
  }

  /** Starts the server from the durable state of its disk. */
  start(): void {
    if (this.#run !== null) throw new Error(`server ${this.id} is already running`)
    this.#run = new ServerRun(this.#around, {
      id: this.id,
      incarnation: this.#incarnation,
      disk: this.#disk,
      randomSeed: this.#random.below(2 ** 31),
      rate: this.#rate,
      wallClock: () => epochMs + this.clockAheadMs + Math.floor(this.#around.timeline.nowMs),
    })
    this.#around.happened(this.id, { type: 'start' })
    this.#around.network.listen(this.address, (datagram, from) => {
      this.#run?.take(() => {
        this.#around.heard(this, datagram as SimulatedDatagram)
        this.#run?.receive(datagram as SimulatedDatagram, from)
      })
    })
  }

  /** True while the process of the server is suspended. */
  get isPaused(): boolean {
    return this.#run?.isPaused ?? false
  }

  /**
   * Suspends the process of the server. Events that become due wait until the returned function ends the pause. Pauses may overlap: the
   * process continues when the last one ends. A crash ends all of them.
   */
  pause(): () => void {
    const run = this.#run
    if (run === null) throw new Error(`server ${this.id} is not running`)
    run.pause()
    return () => run.resume()
  }

  /** The server crashes, as in a power cut. The first `survived` of its unsynced writes are stored. */
  crash(survived: number): void {
    if (this.#run === null) throw new Error(`server ${this.id} is not running`)
    this.#run.end()
    this.#run = null
    this.#around.network.leave(this.address)
    this.#disk.crash(survived)
    this.#around.observe({ type: 'crashed', node: this.id })
  }

  #emptyDisk(): SimulatedDisk {
    return new SimulatedDisk(
      this.#around.timeline,
      () => this.slowSyncMs ?? 0.125 + this.#random.below(16) / 8,
    )
  }
}

interface RunOptions {
  readonly id: NodeId
  readonly incarnation: string
  readonly disk: SimulatedDisk
  readonly randomSeed: number
  /** Milliseconds of the server's monotonic clock for each millisecond of virtual time. */
  readonly rate: number
  /** Milliseconds since 1970, by the server's own wall clock. */
  readonly wallClock: () => number
}

/** One run of a server, from its start to its crash: the surroundings of a stepped node. */
class ServerRun implements Surroundings {
  readonly node: SteppedNode
  readonly #around: ServerSurroundings
  readonly #options: RunOptions
  readonly #address: Address
  readonly #timers = new Map<string, () => void>()
  readonly #startedAtMs: number
  /** The number of pauses in force: they may overlap. */
  #pauses = 0
  /** The events that became due during the pause, in order. */
  #due: (() => void)[] = []

  constructor(around: ServerSurroundings, options: RunOptions) {
    this.#around = around
    this.#options = options
    this.#address = serverAddress(options.id)
    this.#startedAtMs = around.timeline.nowMs
    const { id, incarnation, disk, randomSeed } = options
    const durable = disk.state
    const chosen = disk.chosen(0, durable.firstUnchosen)
    const settings = { ...around.settings, self: id, incarnation }
    this.node = SteppedNode.start(settings, this, { durable, chosen }, randomSeed)
  }

  end(): void {
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
    this.#due = []
  }

  get isPaused(): boolean {
    return this.#pauses > 0
  }

  pause(): void {
    this.#pauses += 1
  }

  /** Ends a pause. */
  resume(): void {
    this.#pauses -= 1
    if (this.isPaused) return
    const due = this.#due
    this.#due = []
    for (const run of due) run()
  }

  /** Runs an event that is due: now, or when the process continues. */
  take(run: () => void): void {
    if (this.isPaused) this.#due.push(run)
    else run()
  }

  receive({ sender, names, message }: SimulatedDatagram, from: Address): void {
    if (sender !== null && names !== undefined) {
      const heard = message as NodeMessage
      this.#happen({ type: 'hear', sender, message: heard }, () =>
        this.node.take({ type: 'hear', sender, names, from, message: heard }),
      )
    } else if (message.type === 'request') {
      const request = { type: 'request', message, replyTo: from } as const
      const commandBytes = queuedBytes(message.command)
      this.#happen(request, () =>
        this.node.take({ ...request, timeMs: this.#options.wallClock(), commandBytes }),
      )
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
    const cancel = this.#around.timeline.schedule(delayMs, () => this.take(fire))
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
    this.#options.disk.persist(write, () => this.take(() => this.#ended(write)))
  }

  read(from: Instance): readonly Batch[] {
    return this.#options.disk.chosen(from, pageBatches)
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

  /** A write is on the disk. */
  #ended(write: Write): void {
    const event = this.node.eventAfter(write)
    if (event !== null) this.#happen({ type: 'synced' }, () => this.node.take(event))
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

/** The rate of a monotonic clock: within 5 % of real time. */
function rateOf(random: Random): number {
  return random.between(9_500, 10_500) / 10_000
}
