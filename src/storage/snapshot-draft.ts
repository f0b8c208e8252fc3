/** Snapshot files: how they are written, and read in parts. */
import type { SnapshotName } from '../../machines/snapshot-name.ts'

/** A complete snapshot file. A later write `{ by: 'snapshot' }` names it by its digest. */
export type SealedSnapshot = Omit<SnapshotName, 'instance'>

/** A snapshot file that is being written. Every promise rejects with a `StorageError` when a write fails; the server must then halt. */
export interface SnapshotDraft {
  /** The number of bytes that were appended, also by an earlier process. */
  readonly lengthBytes: number

  /** Appends `bytes`, which must not change until it resolves. Calls are carried out in their order. */
  append(bytes: Uint8Array): Promise<void>

  /**
   * Writes all of it, syncs the file and its directory, and returns the SHA-256 of what was written. From now on a write
   * `{ by: 'snapshot' }` may name it; without one, the next start deletes the file, but not that of a received snapshot.
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
  /** Begins the file of a snapshot that this server draws. Discards the draft that was begun before, unless a write has named it. */
  draft(): SnapshotDraft

  /**
   * The file of a snapshot that another server sends. It goes on with what an earlier process kept of this very snapshot: `visit`
   * receives these bytes in order, and `lengthBytes` is their number. When the kept bytes are damaged, `lengthBytes` is 0, and `visit`
   * may have received some. Deletes what is kept of any other snapshot, and discards the received draft before, unless a write has named
   * it. To be called once at a time.
   *
   * A crash loses some of the last bytes that were appended, but none of those that were kept before: the store makes them durable each
   * time when so many have arrived, and all of them with `seal`.
   */
  receive(name: SnapshotName, visit: (bytes: Uint8Array) => void): Promise<SnapshotDraft>

  /**
   * Reads `lengthBytes` from `offsetBytes` on, or fewer at the end of the file. `null` when this snapshot is not held: the storage
   * holds the last one and, until the next start, the one before it. Throws a `StorageError` when the file cannot be read.
   */
  readSnapshot(name: SnapshotName, offsetBytes: number, lengthBytes: number): Promise<Uint8Array | null>
}
