import type { Instance } from './batch.ts'

/** Names a snapshot: a file with the replicated state after all batches below one instance. Two files with one name are equal. */
export interface SnapshotName {
  /** The first instance that the snapshot does not contain. */
  readonly instance: Instance
  readonly lengthBytes: number
  /** The SHA-256 of its bytes, in hexadecimal. */
  readonly digest: string
}
