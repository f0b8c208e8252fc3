import type { Json } from '../../machines/batch.ts'
import { shownValue } from '../core/shown-value.ts'
import {
  type ForceResult,
  type FreeCommand,
  forceCommand,
  type LockCommand,
  type LockRefusal,
  type LockToken,
  type QueryResult,
  unlockCommand,
} from '../services/lock-commands.ts'
import { asJson } from './body.ts'
import { InvalidArgument, UnexpectedResult } from './errors.ts'
import type { ExecutedRequest } from './executed-request.ts'
import { HeldLock, type Lock } from './lock.ts'
import { errorOf, LockBusy } from './lock-errors.ts'
import {
  type LockOptions,
  type LockRequest,
  lockName,
  lockRequest,
  type QueryOptions,
  queryCommand,
  validToken,
} from './lock-options.ts'
import type { Reads } from './reads.ts'
import type { ExecuteOptions, Held, Requests } from './requests.ts'
import { resultWith } from './result-with.ts'
import { WaitLimit } from './wait-limit.ts'

/** The service of these calls. */
const service = 'lock'

/** An option of every call: `signal` aborts it, as `Client.request` describes. */
type Signalled = { readonly signal?: AbortSignal }

/**
 * The calls of the lock service: `client.locks`, in the shape of the Web Locks API. The client keeps what it holds alive until it is
 * released, and sends a sign of life every third of the ttl meanwhile. All that it holds with one ttl is in one session: when that
 * is revoked or lost, all of it is.
 *
 * Each call rejects as `Client.request` does, and with WrongService when the cluster does not run the service `lock`.
 */
export class Locks {
  readonly #requests: Requests
  readonly #reads: Reads
  /** What is held, with the session of each. */
  readonly #held = new Map<HeldLock, Held>()

  /** Made by the client. */
  constructor(requests: Requests, reads: Reads) {
    this.#requests = requests
    this.#reads = reads
  }

  /**
   * Waits for the lock `names`, one or several at once, calls `callback` with it, and resolves to the result of `callback`. The lock is
   * released when the callback has ended, also when it throws; if it cannot be released, it is freed with its session. With
   * `ifAvailable`, the callback receives `null` when the lock is not free. Rejects as `acquire` does, and with what the callback throws.
   */
  async request<T>(
    names: string | readonly string[],
    callback: (lock: Lock) => Promise<T> | T,
  ): Promise<Awaited<T>>
  async request<T>(
    names: string | readonly string[],
    options: LockOptions & { readonly ifAvailable?: false },
    callback: (lock: Lock) => Promise<T> | T,
  ): Promise<Awaited<T>>
  async request<T>(
    names: string | readonly string[],
    options: LockOptions,
    callback: (lock: Lock | null) => Promise<T> | T,
  ): Promise<Awaited<T>>
  async request<T>(names: string | readonly string[], ...given: readonly unknown[]): Promise<Awaited<T>> {
    const [options, callback] = (given.length > 1 ? given : [{}, ...given]) as [
      LockOptions,
      (lock: Lock | null) => Promise<T> | T,
    ]
    if (typeof callback !== 'function') {
      throw new InvalidArgument(`a request for a lock needs a callback; received ${shownValue(callback)}`)
    }
    const lock = await this.acquire(names, options).catch((error: unknown) => {
      if (error instanceof LockBusy) return null
      throw error
    })
    try {
      return await callback(lock)
    } finally {
      // The result of the callback matters more than an error of the release.
      await lock?.release().catch(() => undefined)
    }
  }

  /**
   * Waits for the lock `names`, one or several at once. Rejects with LockBusy (`ifAvailable`), LockTimeout or Unreachable (`wait`),
   * AlreadyHeld, DeadlockDetected, PermitsDiffer, and otherwise as `Client.request` does. When `signal` aborts, the client frees the
   * lock if it was granted meanwhile, and this rejects with the signal's reason: the lock is not held. If the client cannot confirm this
   * in time, it rejects with Aborted.
   */
  async acquire(names: string | readonly string[], options: LockOptions = {}): Promise<Lock> {
    const asked = lockRequest(names, options)
    return this.#limited(asked, async (signal) => {
      const stolen: HeldLock[] = []
      try {
        for (;;) {
          signal?.throwIfAborted()
          // A lock that this client steals from itself is free before the cluster grants it.
          if (asked.command.steal) stolen.push(...this.#loseOwn(asked.names))
          const lock = await this.#take(asked, signal)
          if (lock !== null) return lock
        }
      } catch (error) {
        // The cluster may hold them yet, and their session may live on.
        for (const { token, names } of stolen) {
          this.#free(freeCommand(token, names), undefined).catch(() => undefined)
        }
        throw error
      }
    })
  }

  /**
   * As `acquire`, but leaves the lock: it is held until its ttl has run, also when the program ends, and the client does not keep it
   * alive. Resolves to its token, with which `release` frees it.
   */
  async acquireDetached(names: string | readonly string[], options: LockOptions = {}): Promise<LockToken> {
    const asked = lockRequest(names, options)
    return this.#limited(asked, async (signal) => {
      const executed = await this.#requests.executeDetached(...this.#takeCall(asked, signal))
      return tokenIn(executed.result, asked.names)
    })
  }

  /**
   * Frees the lock `name` if it is held with `token`, by any client; without a token, only when it was taken in plain text. Resolves to
   * whether it was freed.
   */
  async release(name: string, token?: LockToken, { signal }: Signalled = {}): Promise<boolean> {
    const command = unlockCommand(lockName(name), token === undefined ? undefined : validToken(token))
    return this.#free(command, signal)
  }

  /** The locks that are held or waited for, in order of name, as far as they fit; with `more`, ask again with `after`. A read, as `Client.read` describes. */
  async query(options: QueryOptions = {}): Promise<QueryResult> {
    const { signal, stale } = options
    const { result } = await this.#reads.read(asJson(queryCommand(options)), { signal, stale, service })
    return resultWith<QueryResult>(result, 'locks')
  }

  /**
   * Revokes the sessions that hold the lock `name`: it is granted on when the ttl of each has run; what its holders hold beside it is
   * lost too. A lock that was taken in plain text is freed at once. With `now`, every lock is: then a holder may still believe that it
   * holds the lock, so use it only when you know that the holder is gone.
   */
  async force(
    name: string,
    { now = false, signal }: { readonly now?: boolean } & Signalled = {},
  ): Promise<ForceResult> {
    return resultWith<ForceResult>(
      await this.#execute(forceCommand(lockName(name), { now }), { signal }),
      'freed',
    )
  }

  /**
   * The client is closed: it ends its sessions after this.
   * @internal
   */
  close(reason: unknown): void {
    for (const lock of this.#held.keys()) lock.close(reason)
    this.#held.clear()
  }

  async #limited<T>(asked: LockRequest, work: (signal: AbortSignal | undefined) => Promise<T>): Promise<T> {
    const limit = new WaitLimit(asked, (sinceMs) => this.#requests.reachedSince(sinceMs))
    try {
      return await work(limit.signal)
    } catch (error) {
      throw limit.explained(error)
    } finally {
      limit.clear()
    }
  }

  /** Returns the lock; `null` when its session was lost before the answer arrived, so that it must be asked for anew. */
  async #take(asked: LockRequest, signal: AbortSignal | undefined): Promise<HeldLock | null> {
    const held = await this.#requests.executeHeld(...this.#takeCall(asked, signal))
    try {
      const token = tokenIn(held.executed.result, asked.names)
      const lock = new HeldLock(asked, token, {
        free: (token, names, signal) => this.#free(freeCommand(token, names), signal),
        ended: (lock) => this.#ended(lock),
      })
      this.#held.set(lock, held)
      held.watch((reason) => lock.lose(reason))
      if (!lock.signal.aborted) return lock
      await this.#free(freeCommand(token, asked.names), signal)
      return null
    } catch (error) {
      held.release()
      throw error
    }
  }

  #takeCall({ names, command, ttlMs }: LockRequest, signal: AbortSignal | undefined) {
    const undo = async ({ result }: ExecutedRequest) => {
      const token = (result as { readonly token?: LockToken } | null)?.token
      if (token !== undefined) await this.#free(freeCommand(token, names), undefined)
    }
    // A request whose session has ended holds nothing, so it is repeated.
    const options: ExecuteOptions = {
      ...{ signal, undo, endsWithSession: true, isIdempotent: true, service, ttlMs },
    }
    return [{ kind: 'service', body: command }, options] as const
  }

  #ended(lock: HeldLock): void {
    this.#held.get(lock)?.release()
    this.#held.delete(lock)
  }

  /** Loses the locks that name one of `names`. Returns them. */
  #loseOwn(names: readonly string[]): readonly HeldLock[] {
    const own = [...this.#held.keys()].filter((lock) => lock.names.some((name) => names.includes(name)))
    for (const lock of own) lock.lose('stolen')
    return own
  }

  async #free(command: LockCommand, signal: AbortSignal | undefined): Promise<boolean> {
    const result = await this.#execute(command, { signal, isIdempotent: true })
    const freed = (result as { readonly freed?: Json } | null)?.freed
    if (typeof freed !== 'boolean') throw new UnexpectedResult('{ freed: boolean }', result)
    return freed
  }

  async #execute(body: LockCommand, options: ExecuteOptions): Promise<Json> {
    return (await this.#requests.execute({ kind: 'service', body }, { ...options, service })).result
  }
}

function freeCommand(token: LockToken, names: readonly string[]): FreeCommand {
  const [name = ''] = names
  return names.length === 1 ? unlockCommand(name, token) : { action: 'unlock', token, names }
}

/** The token in the result of a request. Throws the error of a refusal. */
function tokenIn(result: Json, names: readonly string[]): LockToken {
  const { token, refused } = Object(result) as { readonly token?: Json; readonly refused?: Json }
  if (typeof token === 'number') return token
  if (typeof refused === 'string') throw errorOf(names, result as LockRefusal)
  throw new UnexpectedResult('{ token: number }', result)
}
