import { serviceLimits } from '../../../machines/limits.ts'

/** Limits of the key-value store. They decide the outcomes of requests, so they are the same on every server. */
export const kvLimits = {
  /** The longest key or prefix, in UTF-16 units. */
  keyLength: 256,
  /** The largest JSON of a value, in bytes. */
  valueBytes: 32_000,
  /** The deepest nesting of arrays and objects in a value. */
  valueDepth: 24,
  /** The most keys that live with one session. */
  sessionKeys: 512,
  /** The most watches that may wait: one change may wake all of them. */
  watches: 1_000,
  /** At least so many of the last changes are known. A watch of changes before them executes at once, with `missed`. */
  changes: 4_096,
  /** The most entries or changes in one result. */
  listEntries: 1_000,
  /** The JSON of all entries or changes in one result, in bytes; a single one may be larger. */
  listBytes: 60_000,
  /** The longest ttl of a key, in milliseconds. */
  ttlMs: serviceLimits.timerMs,
} as const

/** What a key takes beside its JSON, in bytes, and what a request that waits takes. They count for the quota of the replicated state. */
export const entryOverheadBytes = 128
export const waiterBytes = 512
