/** The limits of the lock service. They decide outcomes, so they are the same on every server: constants, never options. */

/** UTF-16 units of the name of a lock. */
export const maxLockNameLength = 256

export const lockLimits = {
  /** The most names of one request. */
  names: 16,
  /** The most names that are held or waited for. Beyond it a request for another name fails. */
  locks: 250_000,
  /** The most holders of one lock. More requests for a shared lock wait; it is also the largest number of permits. */
  holders: 1_000,
  /** The most entries of one grant, and of one request that waits, when a session enters again. */
  entries: 100,
  /** The most waits that the search for a deadlock follows. A longer cycle is not found: its requests wait. */
  deadlockSteps: 1_000,
  /** The most requests that one execution grants after waiting. The next execution grants more; a timer fires for it. It is far
   * below the limit of freed keys, which the services of a composed one share. */
  grantsAtOnce: 250,
  /** The most locks of an ended session that one execution frees. The next execution frees more; a timer fires for it. */
  freesAtOnce: 250,
  /** The most holders in the answer to `try` and `force`, and steps of a cycle. */
  shown: 32,
  /** The most locks in an answer to `query`, and their number without a `limit`. */
  queried: 1_000,
  queriedByDefault: 100,
  /** The most bytes of JSON of an answer to `query`: less than the service may return. */
  queryBytes: 48_000,
} as const

/**
 * What counts for the quota of the replicated state, in bytes: a name that is held or waited for, and a grant or a request that waits. The
 * last two are equal, so that a grant to one that waited never grows the state: then neither does the `unlock` that causes it.
 */
export const lockSizes = { name: 512, demand: 1_024 } as const
