/**
 * The bytes of batches. A batch is encoded once, by its proposer. All other servers keep the bytes from which they decoded it, so that
 * storage and later messages use the same bytes. A batch must never change.
 */
import type { Batch } from '../../machines/batch.ts'
import { utf8 } from './bytes.ts'

const known = new WeakMap<Batch, Uint8Array>()

/** The JSON of `batch` in UTF-8: the bytes from which it was decoded, or those that this process made for it. Do not change them. */
export function batchBytes(batch: Batch): Uint8Array {
  const before = known.get(batch)
  if (before !== undefined) return before
  const bytes = utf8(JSON.stringify(batch))
  known.set(batch, bytes)
  return bytes
}

/** Keeps `bytes`, from which `batch` was decoded, for as long as the batch. They must not be part of a buffer that changes. */
export function keepBatchBytes(batch: Batch, bytes: Uint8Array): Batch {
  known.set(batch, bytes)
  return batch
}
