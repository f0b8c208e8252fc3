import type { Address, NodeId } from '../../machines/batch.ts'
import { type Boot, nextBoot } from '../../machines/boot.ts'
import type { Member } from '../../machines/members.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import type { Fact } from '../core/facts.ts'
import { messageOf } from '../core/message-of.ts'
import { serverAddress } from '../core/names.ts'
import { run } from '../core/process.ts'
import type { Trust } from '../core/trust.ts'
import { Violation } from '../core/violation.ts'
import type { Cause } from '../inspect/records/record.ts'
import type { SteppedNode } from '../stepped/node.ts'
import type { NodeSettings } from '../stepped/settings.ts'
import { StorageError } from '../storage/storage.ts'
import { clockRateOf, epochMs } from './clock.ts'
import { type SimulatedDatagram, simulatedCluster } from './datagram.ts'
import { type Opened, SimulatedDisk } from './disk.ts'
import type { FileFault, Unsynced } from './files.ts'
import type { SimulatedNetwork } from './network.ts'
import { Random, seedFor } from './random.ts'
import { ServerProcess, type WatchedCall } from './server-process.ts'
import type { Situation } from './situations.ts'
import type { Timeline } from './timeline.ts'

/** The surroundings that all servers of a simulated cluster share. */
export interface ServerSurroundings {
  /** The name of the service. */
  readonly service: string
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
  /** Receives each situation of a disk. */
  readonly met: (what: Situation) => void
  /** Receives each event at a server, including its start, and also an event that threw. */
  readonly happened: (node: NodeId, cause: Cause) => void
}

/** The data directory of a server. */
export interface SimulatedDirectory {
  readonly incarnation: string
  readonly disk: SimulatedDisk
  /** The last boot; `null` before the first one. */
  readonly boot: Boot | null
  /** What is stored of the boots of other members. */
  readonly trust: Trust
  /** Why its server sends nothing; `null` while it takes part. */
  readonly withdrawn: string | null
}

/** The duration of a call of the file system that is not a sync. */
const callMs = 0.01

/** A simulated server: its disk and its clock, which survive a crash, and its process while there is one. */
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
  #directory: SimulatedDirectory
  #earlier: SimulatedDirectory | null = null
  #process: ServerProcess | null = null
  #starts = 0
  /** What was stored of the boots of members when the process started. */
  #trustBefore: Trust = []
  /** For each planned fault of the disk that has not ended a process yet, what follows then. */
  #planned: (() => void)[] = []
  /** What follows when the store refuses damaged data; `null` while there is none. */
  #refused: { readonly ended: () => void; readonly unneeded: () => void } | null = null

  constructor(around: ServerSurroundings, id: NodeId, incarnation: string) {
    this.#around = around
    this.id = id
    this.address = serverAddress(id)
    this.#random = new Random(seedFor(around.seed, this.address))
    this.#rate = clockRateOf(around.seed, this.address)
    this.#directory = this.#newDirectory(incarnation)
  }

  get disk(): SimulatedDisk {
    return this.#directory.disk
  }

  get incarnation(): string {
    return this.#directory.incarnation
  }

  /** `null` when the server does not run, or does not serve yet. */
  get node(): SteppedNode | null {
    return this.#process?.run?.node ?? null
  }

  /** The number of starts so far. */
  get starts(): number {
    return this.#starts
  }

  /** True while the server has a process, which may still open its store. */
  get isUp(): boolean {
    return this.#process !== null
  }

  /** True while the process reads its store and does not serve yet. */
  get isOpening(): boolean {
    return this.#process !== null && this.#process.run === null
  }

  /** True while a sync is under way. */
  get isSyncing(): boolean {
    return this.#process?.isSyncing ?? false
  }

  /** The server loses its disk and gets an empty one, with the new `incarnation`. */
  replaceDisk(incarnation: string): void {
    if (this.isUp) throw new Error(`server ${this.id} is running: its disk cannot be replaced`)
    this.#earlier = this.#directory
    this.#directory = this.#newDirectory(incarnation)
  }

  /** A copy of the directory, as an operator makes it while the server is stopped. */
  copyDirectory(): SimulatedDirectory {
    if (this.isUp) throw new Error(`server ${this.id} is running: its directory cannot be copied`)
    return { ...this.#directory, disk: this.disk.copy() }
  }

  /** Puts `directory` in the place of the present one, and overrides the check of the marker. */
  putBack(directory: SimulatedDirectory): void {
    if (this.isUp) throw new Error(`server ${this.id} is running: its disk cannot be replaced`)
    this.#directory = { ...directory, disk: directory.disk.copy() }
  }

  /** Exchanges the present disk with the disk before the last replacement or swap. */
  swapDisk(): void {
    if (this.isUp) throw new Error(`server ${this.id} is running: its disk cannot be replaced`)
    const earlier = this.#earlier
    if (earlier === null) throw new Error(`the disk of server ${this.id} was never replaced`)
    this.#earlier = this.#directory
    this.#directory = earlier
  }

  /** True when `swapDisk` has another disk to use. No server starts from a damaged one. */
  get hasEarlierDisk(): boolean {
    return this.#earlier !== null && !this.#earlier.disk.isDamaged
  }

  /** Starts a process, which opens the store and then serves. At the beginning of a run the store opens at once. */
  start({ atOnce } = { atOnce: false }): void {
    if (this.isUp) throw new Error(`server ${this.id} is already running`)
    this.#starts += 1
    const { incarnation, disk, boot: last, trust, withdrawn } = this.#directory
    const boot = nextBoot(last, `${this.#starts}`)
    this.#directory = { ...this.#directory, boot }
    this.#trustBefore = trust
    const begun: ServerProcess = new ServerProcess(this.#around, {
      id: this.id,
      ...{ incarnation, disk, boot, trust, withdrawn },
      randomSeed: this.#random.below(2 ** 31),
      rate: this.#rate,
      wallClock: () => epochMs + this.clockAheadMs + Math.floor(this.#around.timeline.nowMs),
      callMs: (call) => {
        if (begun.run === null && atOnce) return null
        return call === 'sync' ? (this.slowSyncMs ?? 0.125 + this.#random.below(16) / 8) : callMs
      },
      keepTrust: (known) => {
        this.#directory = { ...this.#directory, trust: known }
      },
      withdraw: (reason) => {
        this.#directory = { ...this.#directory, withdrawn: reason }
      },
      failed: (error) => this.#failed(error),
      halted: () => this.crash('cached'),
    })
    this.#process = begun
    run(disk.open(begun), (error, opened) => {
      if (error === null) this.#serve(begun, opened!)
      else if (error instanceof StorageError) this.#failed(error)
      else throw error
    })
  }

  /** True while the process of the server is suspended. */
  get isPaused(): boolean {
    return this.#process?.suspension.isPaused ?? false
  }

  /**
   * Suspends the process of the server. Events that become due wait until the returned function ends the pause. Pauses may overlap: the
   * process continues when the last one ends. A crash ends all of them.
   */
  pause(): () => void {
    const paused = this.#process
    if (paused === null) throw new Error(`server ${this.id} is not running`)
    paused.suspension.pause()
    return () => paused.suspension.resume()
  }

  /** The process ends, or the power fails. What is stored of boots is not synced. */
  crash(unsynced: Unsynced): void {
    if (this.#process === null) throw new Error(`server ${this.id} is not running`)
    const hadStarted = this.node !== null
    this.#process.end()
    this.#process = null
    this.#around.network.leave(this.address)
    this.disk.crash(unsynced)
    if (unsynced === 'lost' || unsynced === 'torn')
      this.#directory = { ...this.#directory, trust: this.#trustBefore }
    if (hadStarted) this.#around.observe({ type: 'crashed', node: this.id })
  }

  /** Makes a later call of the file system fail. `ended` is called when that ends the process. */
  failLater(fault: FileFault, ended: () => void): void {
    this.#planned.push(ended)
    this.disk.files.failLater(fault)
  }

  /**
   * The synced data of the disk was damaged. `ended` is called when that ends a process, or prevents its start; `unneeded` when the
   * store opens all the same: a snapshot has taken the place of the damaged data.
   */
  expectRefusal(ended: () => void, unneeded: () => void): void {
    this.disk.isDamaged = true
    this.#refused = { ended, unneeded }
  }

  /**
   * Calls `begun` once, with the duration of the call, when the process calls the file system: at the next sync, or later; or when it
   * has kept a chunk of a snapshot.
   */
  atNextCall(call: WatchedCall, begun: (callMs: number) => void): void {
    this.#process?.watch(call, begun)
  }

  /** Drops the requests of `failLater` and `atNextCall`. */
  forgetFaults(): void {
    this.#planned = []
    this.disk.files.forgetFaults()
    this.#process?.watch('any', null)
  }

  #serve(begun: ServerProcess, opened: Opened): void {
    if (opened.isTorn) this.#around.met('an interrupted write dropped from a log')
    this.disk.isDamaged = false
    this.#refused?.unneeded()
    this.#refused = null
    begun.serve(opened)
    this.#around.happened(this.id, { type: 'start' })
    this.#around.network.listen(this.address, (datagram, from) => {
      begun.suspension.take(() => {
        this.#around.heard(this, datagram as SimulatedDatagram)
        begun.run?.receive(datagram as SimulatedDatagram, from)
      })
    })
  }

  /**
   * The store has failed, or has refused to open. A process that halts leaves the cache as it is. A store that fails without a
   * fault of its disk breaks invariant 15.
   */
  #failed(error: Error): void {
    if (this.#process === null) return
    this.crash('cached')
    const planned = this.#planned.shift() ?? this.#takeRefused()
    if (planned === null) {
      throw new Violation(15, `server ${this.id} halted without a fault of its disk: ${messageOf(error)}`)
    }
    planned()
  }

  #takeRefused(): (() => void) | null {
    const refused = this.#refused
    this.#refused = null
    return refused?.ended ?? null
  }

  #newDirectory(incarnation: string): SimulatedDirectory {
    const { seed, founders, settings } = this.#around
    const identity = {
      cluster: simulatedCluster,
      node: this.id,
      incarnation,
      members: founders,
    }
    return {
      incarnation,
      disk: new SimulatedDisk(seed, identity, settings.storeParts),
      boot: null,
      trust: [],
      withdrawn: null,
    }
  }
}
