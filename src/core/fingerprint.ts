import type { Batch } from '../../machines/batch.ts'
import { canonicalJson, hash53 } from './digest.ts'

/** A batch is never changed, and in an engine many servers hold the very same one. */
const ofBatches = new WeakMap<Batch, number>()

/** A number that is equal for equal values: in memory in the place of what may be large. */
export function fingerprint(value: unknown): number {
  return hash53(canonicalJson(value))
}

/** The fingerprint of a batch, computed once an object. */
export function batchFingerprint(batch: Batch): number {
  const known = ofBatches.get(batch)
  if (known !== undefined) return known
  const computed = fingerprint(batch)
  ofBatches.set(batch, computed)
  return computed
}
