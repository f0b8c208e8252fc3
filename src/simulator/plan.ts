/**
 * The inputs of a run, as plain data: the faults with their times, and the requests of each client. The same plan gives the same run,
 * byte for byte. Times are whole virtual milliseconds from the start.
 */
import type { NodeId } from '../../machines/batch.ts'
import type { ClientStep } from './client-steps.ts'
import type { FileFault, Unsynced } from './files.ts'

export interface Plan {
  readonly format: 3
  /** The seed of all random choices in the run: the delay of each datagram, the speed of disks, back-offs. */
  readonly seed: number
  /** The number of founders. Their ids are numbered from 0. */
  readonly servers: number
  readonly service: ServiceName
  /** The end of the storm: faults end, clients finish their requests, and the cluster must become idle. */
  readonly stormMs: number
  /** The ttl of the sessions of clients. */
  readonly ttlMs: number
  /**
   * Messages travel as bytes, through the codec of live servers, in datagrams of at most this size. Without it, messages are passed as
   * values.
   */
  readonly datagramBytes?: number
  /** A server takes a snapshot after this many requests; by default none does. */
  readonly snapshotEvery?: number
  /** The quota of the replicated state when the cluster is founded; by default the usual one. */
  readonly quotaBytes?: number
  readonly faults: readonly Fault[]
  readonly clients: readonly ClientPlan[]
}

export type ServiceName = 'lock' | 'register'

/** One client. Its lanes run concurrently under one uid; each lane sends one request after another. */
export interface ClientPlan {
  readonly beginsAtMs: number
  /** The server that the client asks first. */
  readonly server: NodeId
  readonly lanes: readonly (readonly ClientStep[])[]
}

interface Lasting {
  readonly atMs: number
  readonly forMs: number
}

/** The target of a fault: a server, or the leader at the time of the fault. */
export type Target = NodeId | 'leader'

/** A link that is cut in one direction; `null` stands for every client. */
export type CutLink = readonly [from: NodeId | null, to: NodeId | null]

export type Fault =
  | ({ readonly kind: 'loss'; readonly percent: number } & Lasting)
  | ({ readonly kind: 'duplication'; readonly percent: number } & Lasting)
  /** Each datagram has its own delay, up to `maxDelayMs`, so datagrams overtake each other. */
  | ({ readonly kind: 'reordering'; readonly maxDelayMs: number } & Lasting)
  /** Some datagrams are delayed by `delayMs`, long enough to arrive when the state has changed. */
  | ({ readonly kind: 'delay'; readonly percent: number; readonly delayMs: number } & Lasting)
  /** A partition, complete or partial, in one or both directions. */
  | ({ readonly kind: 'cut'; readonly links: readonly CutLink[] } & Lasting)
  /**
   * The server crashes, and restarts after `forMs`. With `during` it crashes within the next sync of its disk, within a later call of
   * the file system, or just after it has kept a chunk of a snapshot that it receives, after `calls` others. `unsynced` says what becomes of
   * the writes that are not synced.
   */
  | ({
      readonly kind: 'crash'
      readonly server: Target
      readonly during: 'nothing' | 'sync' | 'call' | 'chunk'
      readonly calls: number
      readonly unsynced: Unsynced
    } & Lasting)
  /** A call of the file system fails. The server halts, or does not start, and restarts after `forMs`. */
  | ({ readonly kind: 'diskError'; readonly server: Target } & FileFault & Lasting)
  /**
   * Synced data of the server is damaged, up to where the file `head` stands. After `forMs` the server restarts, if it has not halted
   * before, and when its store refuses, the server is replaced. Has no effect when the remaining servers would not be a quorum.
   */
  | ({ readonly kind: 'damage'; readonly server: Target; readonly how: Damaging } & Lasting)
  | ({ readonly kind: 'slowDisk'; readonly server: Target; readonly syncMs: number } & Lasting)
  /**
   * The process is suspended, as with SIGSTOP. When it continues, it handles the datagrams, timers and ends of syncs that became due
   * meanwhile, in order.
   */
  | ({ readonly kind: 'pause'; readonly server: Target } & Lasting)
  /** Loses `percent` of the `chosen` messages with an instance that only their sender knows to be chosen. */
  | ({ readonly kind: 'lostChosen'; readonly percent: number } & Lasting)
  /** The server stops for good. Has no effect when the remaining servers would not be a quorum. */
  | { readonly kind: 'stop'; readonly atMs: number; readonly server: Target }
  /** The clock of the server is set ahead, or back when `jumpMs` is below 0. */
  | { readonly kind: 'clock'; readonly atMs: number; readonly server: NodeId; readonly jumpMs: number }
  /** The same of a client, by its place in the plan. Has no effect when that client has not begun, or has vanished. */
  | { readonly kind: 'clientClock'; readonly atMs: number; readonly client: number; readonly jumpMs: number }
  /** The operator changes the quota of the replicated state. */
  | { readonly kind: 'quota'; readonly atMs: number; readonly bytes: number }
  /** A new server joins. With `addedForMs` it is added to the members, not counted, that long before it starts. */
  | {
      readonly kind: 'join'
      readonly atMs: number
      readonly server: NodeId
      readonly addedForMs?: number
    }
  /** A server is removed. It is stopped for good `stopAfterMs` after the removal is answered. */
  | { readonly kind: 'remove'; readonly atMs: number; readonly server: Target; readonly stopAfterMs: number }
  /** A server loses its disk: it is removed, and joins again with an empty disk and another incarnation. */
  | { readonly kind: 'replace'; readonly atMs: number; readonly server: Target }
  /**
   * A server that was replaced runs with its old directory, under its id and address, and after `forMs` with the new one again. Has no
   * effect when the server was not replaced.
   */
  | ({ readonly kind: 'oldDirectory'; readonly server: NodeId } & Lasting)

/** How a disk damages what was synced. */
export type Damaging = (typeof damagings)[number]

export const damagings = [
  'bit',
  'zeroedSector',
  'zeroedEnd',
  'misdirected',
  'shortFile',
  'lostFile',
  'head',
] as const

export type FaultKind = Fault['kind']

export const faultKinds: readonly FaultKind[] = [
  'loss',
  'duplication',
  'reordering',
  'delay',
  'cut',
  'crash',
  'diskError',
  'damage',
  'slowDisk',
  'pause',
  'lostChosen',
  'stop',
  'clock',
  'join',
  'remove',
  'replace',
  'oldDirectory',
  'clientClock',
  'quota',
]
