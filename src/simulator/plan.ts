/**
 * Everything that happens to a run from outside, as plain data: what fails when, and what each client asks for. The same
 * plan gives the same run to the byte. Times are whole virtual milliseconds from the start.
 */
import type { NodeId } from '../../machines/batch.ts'
import type { ClientStep } from './client-steps.ts'

export interface Plan {
  readonly format: 1
  /** What the run draws from: the way of each datagram, the pace of disks, back-offs. */
  readonly seed: number
  /** How many servers found the cluster, numbered from 0. */
  readonly servers: number
  readonly service: ServiceName
  /** The storm ends here: faults end, clients finish what they have begun, and everything has to come to rest. */
  readonly stormMs: number
  /** Replicated time after which an idle session is forgotten. */
  readonly sessionIdleMs: number
  /**
   * Messages travel as bytes, through the codec of live servers, in datagrams of at most so many. Left out, they are handed
   * over as they are.
   */
  readonly datagramBytes?: number
  readonly faults: readonly Fault[]
  readonly clients: readonly ClientPlan[]
}

export type ServiceName = 'lock' | 'register'

/** One client: its lanes work beside each other under one uid, each one request after another. */
export interface ClientPlan {
  readonly beginsAtMs: number
  /** The server that it asks first. */
  readonly server: NodeId
  readonly lanes: readonly (readonly ClientStep[])[]
}

interface Lasting {
  readonly atMs: number
  readonly forMs: number
}

/** Who is meant: a server, or whichever leads, or else would lead, when the moment has come. */
export type Target = NodeId | 'leader'

/** From whom to whom nothing passes; `null` stands for every client. */
export type CutLink = readonly [from: NodeId | null, to: NodeId | null]

export type Fault =
  | ({ readonly kind: 'loss'; readonly percent: number } & Lasting)
  | ({ readonly kind: 'duplication'; readonly percent: number } & Lasting)
  /** Each datagram takes its own time, up to `maxDelayMs`: they overtake each other. */
  | ({ readonly kind: 'reordering'; readonly maxDelayMs: number } & Lasting)
  /** Some datagrams take longer by `delayMs`: long enough to come when all has changed. */
  | ({ readonly kind: 'delay'; readonly percent: number; readonly delayMs: number } & Lasting)
  /** A partition, whole or partial, of one or of both directions. */
  | ({ readonly kind: 'cut'; readonly links: readonly CutLink[] } & Lasting)
  /**
   * The server ends, as with a power cut, and is started again after `forMs`. `duringSync`: not before its disk has a sync
   * under way. `survived`: how many of the writes that were not synced got there.
   */
  | ({
      readonly kind: 'crash'
      readonly server: Target
      readonly duringSync: boolean
      readonly survived: number
    } & Lasting)
  /** The next sync fails, and `survived` of its writes got there: the server halts, and is started again after `forMs`. */
  | ({ readonly kind: 'failedSync'; readonly server: Target; readonly survived: number } & Lasting)
  | ({ readonly kind: 'slowDisk'; readonly server: Target; readonly syncMs: number } & Lasting)
  /**
   * The process is suspended, as with SIGSTOP: it does nothing, and then takes in order what came due meanwhile: datagrams,
   * timers and ends of syncs.
   */
  | ({ readonly kind: 'pause'; readonly server: Target } & Lasting)
  /** Of the `chosen` messages that show an instance which their sender alone knows to be chosen, `percent` are lost. */
  | ({ readonly kind: 'lostChosen'; readonly percent: number } & Lasting)
  /** The server ends and is never started again. It does not happen where the servers that are left would be no quorum. */
  | { readonly kind: 'stop'; readonly atMs: number; readonly server: Target }
  /** The server's clock is set: ahead, or back where `jumpMs` is below 0. */
  | { readonly kind: 'clock'; readonly atMs: number; readonly server: NodeId; readonly jumpMs: number }
  /** A new server joins; `addedForMs` before it begins it is added to the members, and waits there, not counted. */
  | {
      readonly kind: 'join'
      readonly atMs: number
      readonly server: NodeId
      readonly addedForMs?: number
    }
  /** A server is removed, and stopped for good `stopAfterMs` after that is answered. */
  | { readonly kind: 'remove'; readonly atMs: number; readonly server: Target; readonly stopAfterMs: number }
  /** A server's disk is lost: it is removed, and joins anew, with an empty disk and another incarnation. */
  | { readonly kind: 'replace'; readonly atMs: number; readonly server: Target }
  /**
   * A server that was replaced runs with the directory that it had before, under its id and address, and after `forMs` with the
   * new one again. It does not happen where none was replaced.
   */
  | ({ readonly kind: 'oldDirectory'; readonly server: NodeId } & Lasting)

export type FaultKind = Fault['kind']

export const faultKinds: readonly FaultKind[] = [
  'loss',
  'duplication',
  'reordering',
  'delay',
  'cut',
  'crash',
  'failedSync',
  'slowDisk',
  'pause',
  'lostChosen',
  'stop',
  'clock',
  'join',
  'remove',
  'replace',
  'oldDirectory',
]
