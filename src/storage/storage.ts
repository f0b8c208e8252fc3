/** What a server keeps across a restart, and how it is kept: one interface, on disk and in memory. */
import type { Batch, Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Write } from '../../machines/outputs.ts'
import type { DurableState } from '../core/durable.ts'

/** Whose data this is. Written once, before anything else. */
export interface Identity {
  readonly cluster: string
  readonly node: NodeId
  readonly incarnation: string
  /** The members that the replica starts from; the present ones follow from what was chosen. */
  readonly members: readonly Member[]
}

/** What storage holds when it is opened. `identity` is `null` when nothing was ever stored. */
export interface Durable extends DurableState {
  readonly identity: Identity | null
}

export interface Storage {
  /** Why a write failed; from then on every write is refused with it. `null` as long as all is well. */
  readonly failed: StorageError | null

  /**
   * Opens and verifies what is stored. Throws a `StorageError` that names the directory and the reason: in use by another
   * process, damaged, or not a store of this kind.
   */
  open(): Promise<Durable>

  /** Stores whose data this is, synced. Throws a `StorageError` when something is stored already. */
  initialise(identity: Identity): Promise<void>

  /**
   * Stores `write`, in the order of the calls; each is stored whole or not at all. Resolves for an acceptor's write when it
   * is synced, and for a learner's when it is written: that may be lost in a crash of the machine, together with everything
   * after it, but can be read with `chosen` from the moment of the call. Writes that are asked for while others are being
   * written are written together, with one sync.
   *
   * Rejects with a `StorageError` when it cannot be stored. Then nothing is stored any more, and whoever asked must halt:
   * what a failed sync left on the disk is not known. A learner's write that does not continue at `firstUnchosen` is
   * refused, without that consequence.
   */
  persist(write: Write): Promise<void>

  /**
   * The batches that were chosen at `from` and after, in order and without a gap: a page of at most `limitBytes` of JSON,
   * but at least one batch if there is one. Throws a `StorageError` when one of them is damaged.
   */
  chosen(from: Instance, limitBytes: number): Promise<Batch[]>

  /** Finishes and syncs what is being written, and closes. */
  close(): Promise<void>
}

/** Storage cannot be opened, read or written. The message names the place and says what to do where something can be done. */
export class StorageError extends Error {
  override readonly name = 'StorageError'

  constructor(place: string, reason: string, cause?: unknown) {
    super(`storage ${place}: ${reason}`, { cause })
  }
}
