/// <reference lib="esnext.disposable" preserve="true" />
import type { LockMode, LockToken } from '../services/lock-commands.ts'
import { JoinedSignal } from './joined-signal.ts'
import { type LockLossReason, LockLost } from './lock-errors.ts'

/** A lock that is held. `await using` releases it at the end of its block. */
export interface Lock extends AsyncDisposable {
  /** The name; with several names, the first. */
  readonly name: string
  readonly names: readonly string[]
  /** A fencing token: a whole number above the tokens of all earlier grants of the cluster. */
  readonly token: LockToken
  readonly mode: LockMode
  /**
   * Aborts with LockLost when the lock is lost, or can no longer be proved: before the cluster grants the lock to another client.
   * With ClientClosed when the client is closed.
   */
  readonly signal: AbortSignal
  /**
   * Frees the lock. Resolves to `false` when it was no longer held, and when it is lost meanwhile. Call it as often as you like. Rejects
   * as `Client.request` does; then the lock is held until another call frees it, or its session ends.
   */
  release(options?: { readonly signal?: AbortSignal }): Promise<boolean>
}

/** What a lock needs of the client. */
export interface LockOwner {
  /** Frees what was granted with `token`. */
  readonly free: (token: LockToken, names: readonly string[], signal: AbortSignal) => Promise<boolean>
  /** The lock is held no longer. Called once. */
  readonly ended: (lock: HeldLock) => void
}

export class HeldLock implements Lock {
  readonly name: string
  readonly names: readonly string[]
  readonly token: LockToken
  readonly mode: LockMode
  readonly #owner: LockOwner
  readonly #lost = new AbortController()
  #isReleased = false
  #releasing: Promise<boolean> | null = null

  constructor(
    { names, mode }: { readonly names: readonly string[]; readonly mode: LockMode },
    token: LockToken,
    owner: LockOwner,
  ) {
    this.name = names[0] ?? ''
    this.names = names
    this.token = token
    this.mode = mode
    this.#owner = owner
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  release({ signal }: { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    // Two calls at once must not free two entries of a lock that was entered twice.
    this.#releasing ??= this.#release(signal).finally(() => {
      this.#releasing = null
    })
    return this.#releasing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  /** The client must not believe any more that it holds the lock. */
  lose(reason: LockLossReason): void {
    if (this.#isReleased || this.signal.aborted) return
    this.#lost.abort(new LockLost(this.names, this.token, reason))
    this.#owner.ended(this)
  }

  /** The client is closed. Its session, which it ends after this, frees the lock. */
  close(reason: unknown): void {
    this.#lost.abort(reason)
  }

  async #release(signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#isReleased || this.signal.aborted) return false
    const either = new JoinedSignal(this.signal, signal)
    try {
      const freed = await this.#owner.free(this.token, this.names, either.signal)
      // It may have been lost meanwhile.
      if (this.signal.aborted) return freed
      this.#isReleased = true
      this.#owner.ended(this)
      return freed
    } catch (error) {
      if (this.signal.aborted) return false
      throw error
    } finally {
      either.part()
    }
  }
}
