import type { Batch } from '../../machines/batch.ts'
import { canonicalJson, hash53 } from './digest.ts'
import { memoByIdentity } from './memo.ts'

/** A number that is equal for equal values. It replaces large values in memory. */
export function fingerprint(value: unknown): number {
  return hash53(canonicalJson(value))
}

/** The fingerprint of a batch, computed once for each object: a batch never changes, and in one engine many servers share the object. */
export const batchFingerprint = memoByIdentity<Batch, number>(fingerprint)
