/** The options of `client.locks`, and the commands that they make. */
import { isWellFormed } from '../core/json.ts'
import { shownValue } from '../core/shown-value.ts'
import { lockLimits, maxLockNameLength } from '../services/lock.ts'
import type { LockMode, LockToken, QueryCommand, TakeCommand } from '../services/lock-commands.ts'
import { InvalidArgument } from './errors.ts'
import { checkSignal, longestMs, validTtl } from './options.ts'

/** The options of a request for a lock. */
export interface LockOptions {
  /** `exclusive`, the default: nobody else holds the lock. `shared`: only other shared requests hold it. */
  readonly mode?: LockMode
  /** Do not wait: with `request` the callback receives `null` when the lock is not free, and `acquire` rejects with LockBusy. */
  readonly ifAvailable?: boolean
  /**
   * Take the lock from its holders and before all that wait. A holder loses its session, so the lock is granted when the ttl of the
   * holder has run. For one exclusive lock.
   */
  readonly steal?: boolean
  /** Ends the wait. It has no effect on a lock that was granted. */
  readonly signal?: AbortSignal
  /** Makes the lock a semaphore, which so many requests hold at once, from 1 to 1,000. All requests must give the same number. */
  readonly permits?: number
  /** The most milliseconds to wait. Then the call rejects with LockTimeout, or with Unreachable when no quorum answered. */
  readonly wait?: number
  /**
   * How long the lock survives the silence of the client, in milliseconds: from 1,000 to 86,400,000; by default the option `ttlMs` of
   * `connect`. The client carries requests with another ttl in another session. To the lock service, sessions are different clients: a
   * lock that one session holds makes a request in the other wait.
   */
  readonly ttl?: number
  /** Enter once more what this client holds, or waits for, in the same mode: each entry has the same token and is released. */
  readonly reentrant?: boolean
}

/** What to list. */
export interface QueryOptions {
  /** Only this lock. */
  readonly name?: string
  /** Only locks whose names begin so. */
  readonly prefix?: string
  /** Only locks whose names come after this one: the last name of the page before. */
  readonly after?: string
  /** The most locks in the answer, from 1 to 1,000; by default 100. */
  readonly limit?: number
  readonly signal?: AbortSignal
  /** With `true`, one server answers from its own state, as `Client.read` describes. */
  readonly stale?: boolean
}

/** A request for locks that was checked. */
export interface LockRequest {
  readonly names: readonly string[]
  readonly mode: LockMode
  readonly command: TakeCommand
  readonly waitMs: number | null
  readonly ttlMs: number | undefined
  readonly signal: AbortSignal | undefined
}

const optionNames: Readonly<Record<keyof LockOptions, true>> = {
  mode: true,
  ifAvailable: true,
  steal: true,
  signal: true,
  permits: true,
  wait: true,
  ttl: true,
  reentrant: true,
}

const flags = ['ifAvailable', 'steal', 'reentrant'] as const

/** Checks a request. Throws InvalidArgument, with the option and the received value. */
export function lockRequest(named: string | readonly string[], options: LockOptions): LockRequest {
  checkOptions(options)
  const names = lockNames(named)
  const { mode = 'exclusive', permits, ifAvailable, steal, reentrant, wait, ttl, signal } = options
  const [name = ''] = names
  const command: TakeCommand = {
    action: 'lock',
    ...(names.length === 1 ? { name } : { names }),
    ...(mode === 'shared' && { mode }),
    ...(permits !== undefined && { permits }),
    ...(ifAvailable && { try: true }),
    ...(steal && { steal: true }),
    ...(reentrant && { reentrant: true }),
  }
  return {
    names,
    mode,
    command,
    waitMs: wait ?? null,
    ttlMs: ttl === undefined ? undefined : validTtl('ttl', ttl),
    signal,
  }
}

function checkOptions(options: LockOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgument(`the options of a lock must be an object; received ${shownValue(options)}`)
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(optionNames, name))
  if (unknown !== undefined) {
    throw new InvalidArgument(
      `a lock has no option ${unknown}; it has ${Object.keys(optionNames).join(', ')}`,
    )
  }
  const { mode, permits, wait, signal } = options
  checkSignal(signal)
  for (const flag of flags) {
    const given: unknown = options[flag]
    if (given !== undefined && typeof given !== 'boolean') {
      throw new InvalidArgument(`the option ${flag} must be true or false; received ${shownValue(given)}`)
    }
  }
  if (mode !== undefined && mode !== 'exclusive' && mode !== 'shared') {
    throw new InvalidArgument(`the option mode must be 'exclusive' or 'shared'; received ${shownValue(mode)}`)
  }
  if (permits !== undefined) checkRange('permits', permits, lockLimits.holders)
  if (wait !== undefined) checkRange('wait', wait, longestMs)
  checkTogether(options)
}

function checkTogether(options: LockOptions): void {
  const isShared = options.mode === 'shared'
  if (isShared && options.permits !== undefined) {
    throw new InvalidArgument("the option permits does not go with the mode 'shared'; leave one of them out")
  }
  if (!options.steal) return
  const other =
    (options.ifAvailable && 'ifAvailable') ||
    (options.reentrant && 'reentrant') ||
    (options.permits !== undefined && 'permits') ||
    (isShared && "mode 'shared'")
  if (other) throw new InvalidArgument(`the option steal does not go with ${other}; leave one of them out`)
}

function checkRange(option: string, given: number, most: number): void {
  if (Number.isInteger(given) && given >= 1 && given <= most) return
  throw new InvalidArgument(
    `the option ${option} must be a whole number from 1 to ${most}; received ${shownValue(given)}`,
  )
}

function lockNames(named: string | readonly string[]): readonly string[] {
  if (!Array.isArray(named)) return [lockName(named as string)]
  const { names: most } = lockLimits
  if (named.length === 0 || named.length > most || new Set(named).size < named.length) {
    throw new InvalidArgument(
      `the names of a request must be 1 to ${most} different ones; received ${shownValue(named)}`,
    )
  }
  return named.map(lockName)
}

/** Returns `name`. Throws InvalidArgument, with the limit and the received value, when it is not a valid name of a lock. */
export function lockName(name: string): string {
  const isName = typeof name === 'string' && name.length >= 1 && name.length <= maxLockNameLength
  if (isName && isWellFormed(name)) return name
  throw new InvalidArgument(
    `a lock's name must be 1 to ${maxLockNameLength} characters of well-formed text; received ${shownName(name)}`,
  )
}

function shownName(name: unknown): string {
  if (typeof name !== 'string' || name.length <= 80) return shownValue(name)
  return `${JSON.stringify(name.slice(0, 80))}… (${name.length} characters)`
}

/** Returns `token`. Throws InvalidArgument when the lock service would reject it. */
export function validToken(token: LockToken): LockToken {
  if (Number.isSafeInteger(token) && token >= 1) return token
  throw new InvalidArgument(`a token must be a whole number, 1 or more; received ${shownValue(token)}`)
}

/** The command of a query. Throws InvalidArgument, with the option and the received value. */
export function queryCommand({ name, prefix, after, limit }: QueryOptions): QueryCommand {
  if (limit !== undefined) checkRange('limit', limit, lockLimits.queried)
  return {
    action: 'query',
    ...(name !== undefined && { name: lockName(name) }),
    // Every name has the empty prefix.
    ...(prefix !== undefined && prefix !== '' && { prefix: lockName(prefix) }),
    ...(after !== undefined && { after: lockName(after) }),
    ...(limit !== undefined && { limit }),
  }
}
