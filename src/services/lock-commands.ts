/** The commands of the lock service as JSON, and what they return. */

/** `exclusive`: nobody else holds the lock; `shared`: only other shared requests hold it. */
export type LockMode = 'exclusive' | 'shared'

/** One name or several: a request for several names is granted when all are free for it, with one token. */
type Named =
  | { readonly name: string; readonly names?: never }
  | { readonly names: readonly string[]; readonly name?: never }

/**
 * Takes locks, and waits while others hold them or wait longer. A session that holds one of them, or waits for one, is refused.
 */
export type TakeCommand = Named & {
  readonly action: 'lock'
  /** `exclusive` when it is absent. */
  readonly mode?: LockMode
  /** Makes the lock a semaphore that so many requests hold at once, each exclusively; all requests must name the same number. */
  readonly permits?: number
  /** A session that holds the locks, or waits for them, enters once more: it gets the same token, and frees them once more. */
  readonly reentrant?: true
  /** Refuses the request when it would wait. */
  readonly try?: true
  /** Revokes the sessions that hold the lock, and goes before all that wait. One name, exclusive. */
  readonly steal?: true
}

/**
 * Frees what was granted with `token`, for any session: the token is the proof. With names, only when they belong to that grant.
 * Without a token it frees only a lock that was taken by a session without a ttl, as in plain text.
 */
export type FreeCommand =
  | { readonly action: 'unlock'; readonly name: string; readonly token?: LockToken; readonly names?: never }
  | {
      readonly action: 'unlock'
      readonly token: LockToken
      readonly names?: readonly string[]
      readonly name?: never
    }

/**
 * Revokes the sessions that hold the lock: each ends when its ttl has run, and then the lock goes on. Sessions without a ttl lose
 * it at once. With `now` all do: a holder may then believe that it still holds the lock.
 */
export type ForceCommand = {
  readonly action: 'force'
  readonly name: string
  readonly now?: true
}

/** Lists locks that are held or waited for, in order of name. */
export type QueryCommand = {
  readonly action: 'query'
  /** Only this lock. */
  readonly name?: string
  /** Only locks whose names begin so. */
  readonly prefix?: string
  /** Only locks whose names come after this one: the last name of the page before. */
  readonly after?: string
  /** The most locks in the answer. */
  readonly limit?: number
}

export type LockCommand = TakeCommand | FreeCommand | ForceCommand | QueryCommand

/** A whole number above the tokens of all earlier grants of the cluster. */
export type LockToken = number

/** A grant, as others may see it. */
export type ShownHolder = {
  /** The public part of the session's uid. */
  readonly session: string
  readonly token: LockToken
  readonly mode: LockMode
  /** The names of the grant when there are several. */
  readonly names?: readonly string[]
  /** Milliseconds of the replicated clock since the grant. */
  readonly ageMs: number
  /** The ttl of the session in milliseconds; `null` for one that does not end by itself. */
  readonly ttlMs: number | null
  /** The session is revoked: it ends when its ttl has run. */
  readonly revoked?: true
}

/** A request that waits, as others may see it. */
export type ShownWaiter = {
  readonly session: string
  readonly mode: LockMode
  readonly names?: readonly string[]
  /** Milliseconds of the replicated clock since its first execution. */
  readonly ageMs: number
}

/** A session of a cycle: it waits for the lock `name`, which the next one of the cycle holds or waits for before it. */
export type CycleStep = {
  readonly session: string
  readonly name: string
}

/** Why a request for locks was refused, with the facts. */
export type LockRefusal =
  /** `try`: it would have waited. `holders` has the first holders of the names, `more` counts the others. */
  | {
      readonly refused: 'busy'
      readonly holders: readonly (ShownHolder & { readonly name: string })[]
      readonly more: number
    }
  /** The session holds the lock `name`, with the token `held`, or waits for it: then `held` is `null`. */
  | { readonly refused: 'alreadyHeld'; readonly name: string; readonly held: LockToken | null }
  /** To wait would close a cycle of sessions. It begins with the session of the request; `more` counts steps that are left out. */
  | { readonly refused: 'deadlock'; readonly cycle: readonly CycleStep[]; readonly more: number }
  /** The lock `name` is in use as a semaphore with so many permits; `null` as a lock that is none. */
  | { readonly refused: 'permitsDiffer'; readonly name: string; readonly permits: number | null }

export type ShownLock = {
  readonly name: string
  /** `null` for a lock that is no semaphore. */
  readonly permits: number | null
  /** The number of all holders, and of all requests that wait. */
  readonly held: number
  readonly waiting: number
  /** The first ones, those that fit. */
  readonly holders: readonly ShownHolder[]
  readonly waiters: readonly ShownWaiter[]
}

export type TakeResult = { readonly token: LockToken } | LockRefusal

/** Whether the token was of a grant, from which one entry is freed now. */
export type FreeResult = { readonly freed: boolean }

/** The first grants that the command ended or revoked, and the number of the others; `freed` when nobody holds the lock by them now. */
export type ForceResult = {
  readonly holders: readonly ShownHolder[]
  readonly more: number
  readonly freed: boolean
}

/** `more` when locks are left out at the end: ask again with `after`. */
export type QueryResult = { readonly locks: readonly ShownLock[]; readonly more: boolean }

export type LockResult = TakeResult | FreeResult | ForceResult | QueryResult

/** Takes the lock `name`, and waits while it is held. */
export function lockCommand(name: string): TakeCommand & { readonly name: string } {
  return { action: 'lock', name }
}

/** Frees the lock `name` that was granted with `token`; without a token, only one that was taken by a session without a ttl. */
export function unlockCommand(name: string, token?: LockToken): FreeCommand & { readonly name: string } {
  return token === undefined ? { action: 'unlock', name } : { action: 'unlock', name, token }
}

/** Revokes the sessions that hold the lock `name`; with `now`, also frees it at once. */
export function forceCommand(name: string, { now = false }: { readonly now?: boolean } = {}): ForceCommand {
  return now ? { action: 'force', name, now } : { action: 'force', name }
}
