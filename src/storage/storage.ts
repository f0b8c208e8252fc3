/** The data that survives a restart of a server, and the interface of the storage for it, on disk and in memory. */
import type { Batch, Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Write } from '../../machines/outputs.ts'
import type { DurableState } from '../core/durable.ts'
import type { SnapshotStorage } from './snapshot-draft.ts'

/** The cluster and server to which the data belongs. Written once, before all other data. */
export interface Identity {
  readonly cluster: string
  readonly node: NodeId
  readonly incarnation: string
  /** The members at instance 0. The chosen batches give the present ones. */
  readonly members: readonly Member[]
}

/** The contents of the storage when it is opened. `identity` is `null` when it is empty. */
export interface Durable extends DurableState {
  readonly identity: Identity | null
}

/** The end of a log that an interrupted write left, which was dropped. */
export interface TornTail {
  /** The file, relative to the directory of the server. */
  readonly file: string
  readonly offset: number
  readonly reason: string
}

export interface OpenedStorage extends Durable {
  /** What was dropped at the opening; `null` for nothing. */
  readonly torn: TornTail | null
}

/** Throws a `StartError` when the owner of a store is not the expected one. */
export type OwnerCheck = (identity: Identity) => void

export interface Storage extends SnapshotStorage {
  /** The error of the first failed write, which fails all later writes too; `null` while no write has failed. */
  readonly failed: StorageError | null

  /** Resolves with that error at once, also when no write waits. The server must halt. */
  readonly whenFailed: Promise<StorageError>

  /**
   * Opens and verifies the stored data. Calls `check` with the stored identity before it writes, and throws the error of `check`.
   * Throws a `StorageError` that names the directory and the reason when the data is damaged or not of this kind.
   */
  open(check?: OwnerCheck): Promise<OpenedStorage>

  /** Stores and syncs the identity. Throws a `StorageError` when the storage already holds one. */
  initialise(identity: Identity): Promise<void>

  /**
   * Stores `write`. Writes are stored in the order of the calls, each whole or not at all. Resolves when the write is synced: a
   * write of the acceptor or of a snapshot is written at once, and a write of the learner with the next one of these or a few
   * milliseconds later. `chosen` can read it from the moment of the call. Writes that are requested during another write share one sync.
   *
   * Rejects with a `StorageError` when the write cannot be stored. The storage then stores nothing more, and the server
   * must halt: after a failed sync the contents of the disk are unknown. A write of the learner that does not continue at
   * `firstUnchosen`, and one of a snapshot that is not newer than the one held or whose file was not sealed, are also rejected, but
   * later writes still work.
   */
  persist(write: Write): Promise<void>

  /**
   * Reads the chosen batches from `from` on, in order and without a gap: a page of at most `limitBytes` of JSON, but at
   * least one batch if one is chosen. `null` when the batch of `from` was deleted, because a snapshot contains it. Throws a
   * `StorageError` when one of them is damaged.
   */
  chosen(from: Instance, limitBytes: number): Promise<Batch[] | null>

  /** Finishes and syncs all requested writes, and closes the storage. */
  close(): Promise<void>
}

/**
 * The storage cannot be opened, read or written. The message names the place, the reason and, if there is one, the remedy.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError'

  constructor(place: string, reason: string, cause?: unknown) {
    super(`storage ${place}: ${reason}`, { cause })
  }
}
