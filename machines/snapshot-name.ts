/** The name of a snapshot: a picture of the whole replicated state. Servers that have it have the same bytes. */
import type { Instance } from './batch.ts'

export interface SnapshotName {
  /** The first instance that the snapshot does not contain: the state is that before this instance. */
  readonly instance: Instance
  readonly lengthBytes: number
  /** The SHA-256 of its bytes, in hexadecimal. */
  readonly digest: string
}

/** True when both name the same bytes. */
export function sameSnapshot(a: SnapshotName | null, b: SnapshotName | null): boolean {
  if (a === null || b === null) return a === b
  return a.instance === b.instance && a.lengthBytes === b.lengthBytes && a.digest === b.digest
}
