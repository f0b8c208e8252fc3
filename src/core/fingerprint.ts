import type { Batch } from '../../machines/batch.ts'
import { canonicalJson, hash53 } from './digest.ts'

/** A cache by object: a batch never changes, and in one engine many servers share the same object. */
const ofBatches = new WeakMap<Batch, number>()

/** A number that is equal for equal values. It replaces large values in memory. */
export function fingerprint(value: unknown): number {
  return hash53(canonicalJson(value))
}

/** The fingerprint of a batch, computed once for each object. */
export function batchFingerprint(batch: Batch): number {
  const known = ofBatches.get(batch)
  if (known !== undefined) return known
  const computed = fingerprint(batch)
  ofBatches.set(batch, computed)
  return computed
}
