/** Snapshot files: how they are written, and read in parts. */
import type { SnapshotName } from '../../machines/snapshot-name.ts'

/** Where a snapshot comes from: the replica of this server, or another server. There is one draft of each kind at a time. */
export type DraftKind = 'taken' | 'received'

/** A complete snapshot file. A later write `{ by: 'snapshot' }` names it by its digest. */
export type SealedSnapshot = Omit<SnapshotName, 'instance'>

/** A snapshot file that is being written. Every promise rejects with a `StorageError` when a write fails; the server must then halt. */
export interface SnapshotDraft {
  /** The number of bytes that were appended. */
  readonly lengthBytes: number

  /** Appends `bytes`, which must not change until it resolves. Calls are carried out in their order. */
  append(bytes: Uint8Array): Promise<void>

  /**
   * Writes all of it, syncs the file and its directory, and returns the SHA-256 of what was written. From now on a write
   * `{ by: 'snapshot' }` may name it; without one, the next start deletes the file.
   */
  seal(): Promise<SealedSnapshot>

  /** Deletes the file, also after `seal`, but not after a write has named it. */
  discard(): Promise<void>
}

/** The sealed draft that a write names so. Throws an `Error` when there is none. */
export function sealedAs<Draft extends { readonly sealed: SealedSnapshot | null }>(
  drafts: readonly Draft[],
  { digest, lengthBytes }: SnapshotName,
): Draft {
  const draft = drafts.find(({ sealed }) => sealed?.digest === digest && sealed.lengthBytes === lengthBytes)
  if (draft !== undefined) return draft
  throw new Error(`no sealed snapshot file has ${lengthBytes} bytes with the digest ${digest}`)
}

/** The part of a storage that holds snapshot files. */
export interface SnapshotStorage {
  /** Begins a snapshot file. Discards the draft of this kind that was begun before, unless a write has named it. */
  draft(kind: DraftKind): SnapshotDraft

  /**
   * Reads `lengthBytes` from `offsetBytes` on, or fewer at the end of the file. `null` when this snapshot is not held: the storage
   * holds the last one and, until the next start, the one before it. Throws a `StorageError` when the file cannot be read.
   */
  readSnapshot(name: SnapshotName, offsetBytes: number, lengthBytes: number): Promise<Uint8Array | null>
}
