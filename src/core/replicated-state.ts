import type { Batch, Instance, Json, Request } from '../../machines/batch.ts'
import type { Recalled } from '../../machines/inbox.ts'
import type { Member } from '../../machines/members.ts'
import type { Execution, ReadOutcome } from '../../machines/outcome.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { messageOf } from './message-of.ts'

/** The replicated state of a node, as the core uses it. `Replica` in src/services/replica.ts implements it. */
export interface ReplicatedState {
  /** The members after all executed batches. */
  readonly members: readonly Member[]
  readonly firstUnexecuted: Instance
  /** The replicated clock. */
  readonly clockMs: number
  /** The earliest deadline on the replicated clock that the servers keep; `null` when there is none. */
  readonly deadlineMs: number | null
  /**
   * The digest of the outcomes of all executed batches (src/core/audit.ts); empty before the first. The core sets it after each execution.
   */
  runningDigest: string
  /** Executes the next chosen batch. Each batch is executed once. */
  execute(instance: Instance, batch: Batch): Execution
  /** What it knows about requests of a session before they are proposed. */
  recall(uid: string, requests: readonly Request[]): Recalled
  /** Has the service read what the command in `body` asks for. Changes nothing, and never throws. */
  read(body: Json): ReadOutcome
  /** Draws the whole state at once. Equal states give equal bytes: UTF-8 text. */
  snapshot(): Uint8Array
  digest(): string
  /**
   * Begins to draw the state of now in slices, at a cost that does not grow with the state. Throws while another capture has not ended.
   */
  capture(): Capture
  /** Begins to read the snapshot of another server, which then takes the place of this state. */
  installation(): Installation
}

/**
 * A picture of the replicated state at one instance. Batches may be executed between two slices: the slices together are the bytes that
 * `snapshot` gave at that instance.
 */
export interface Capture {
  /** The `firstUnexecuted` of the picture. */
  readonly instance: Instance
  /**
   * Returns the next slice, of at most `mostBytes` bytes; `null` after the last one. Its cost grows with `mostBytes`. Throws when the
   * service fails to give its rows; the picture is then incomplete for good.
   */
  next(mostBytes: number): Uint8Array | null
  /** Releases what the picture keeps of the past. Call it when the capture is complete, and when it is given up. */
  end(): void
}

/** Reads a snapshot in parts. The replicated state changes only with `install`. */
export interface Installation {
  /** The instance of the snapshot; `null` until its first line is read. */
  readonly instance: Instance | null
  /** Reads the next bytes, of any length. Throws an Error with the reason when they cannot belong to a snapshot of this service. */
  add(bytes: Uint8Array): void
  /**
   * Ends the reading. Throws an Error with the reason when the snapshot is not complete, or when the service cannot restore its state
   * from it. Changes nothing when it has ended before.
   */
  end(): void
  /**
   * Replaces the whole replicated state. Throws, and changes nothing, when `end` has not succeeded, when the snapshot is older than the
   * state, and when it was installed before. A capture that is in progress goes on with the state of its instance.
   */
  install(): void
}

/** Ends the reading of a snapshot. Returns why it is not the whole snapshot of that name; `null` when it is. */
export function whyNotInstallable(installation: Installation, { instance }: SnapshotName): string | null {
  try {
    installation.end()
  } catch (error) {
    return messageOf(error)
  }
  if (installation.instance === instance) return null
  return `it is a picture of instance ${installation.instance}, and one of instance ${instance} was announced`
}
