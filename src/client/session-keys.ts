import { comparePositions, type Position } from '../../machines/outcome.ts'
import { shownValue } from '../core/shown-value.ts'
import { InvalidArgument } from './errors.ts'
import { KeyLost } from './kv-errors.ts'
import { longestMs } from './options.ts'
import type { Held } from './requests.ts'

/** What an executed call made of a key. */
export interface KeyChange {
  readonly position: Position
  /** The hold on the session with which the key lives; `null` when it lives without one, or is gone. */
  readonly held: Held | null
  /** When the key is deleted after that time anyway. */
  readonly ttlMs: number | undefined
}

/** A key while a call that may change it is outstanding, while it lives with a session, and when that was lost. */
interface SessionKey {
  readonly key: string
  calls: number
  /** The position of the last change. */
  changedAt: Position | null
  held: Held | null
  lost: AbortController
  expiry: NodeJS.Timeout | undefined
}

/** The clock of the cluster may be slower than this one: the hold on a key with a ttl ends later, by this factor. */
const ttlFactor = 1.1

/**
 * The keys of a program that live with a session: the client keeps that session alive until the program deletes, takes or replaces the key.
 * A call that fails changes nothing here.
 */
export class SessionKeys {
  readonly #keys = new Map<string, SessionKey>()

  /**
   * Makes a call that may change `key`, and reports the change with `changed`. Answers arrive in any order, so a change at a lower position
   * than that of another call which was outstanding with it does not count.
   */
  async during<T>(key: string, call: (changed: (change: KeyChange) => void) => Promise<T>): Promise<T> {
    const known = this.#keys.get(key) ?? {
      ...{ key, calls: 0, changedAt: null, held: null },
      ...{ lost: new AbortController(), expiry: undefined },
    }
    this.#keys.set(key, known)
    known.calls += 1
    try {
      return await call((change) => this.#change(known, change))
    } finally {
      known.calls -= 1
      this.#forgetIfDone(known)
    }
  }

  /** The signal of a key that lives with a session, or did until that was lost. Throws InvalidArgument for any other. */
  signalOf(key: string): AbortSignal {
    const known = this.#keys.get(key)
    if (known !== undefined && (known.held !== null || known.lost.signal.aborted)) return known.lost.signal
    throw new InvalidArgument(
      `this client has no key ${shownValue(key)} that lives with its session; put it with session: true first`,
    )
  }

  /** The client is closed: it ends its sessions after this. */
  close(reason: unknown): void {
    for (const { held, lost, expiry } of this.#keys.values()) {
      clearTimeout(expiry)
      if (held !== null) lost.abort(reason)
    }
  }

  #change(known: SessionKey, { position, held, ttlMs }: KeyChange): void {
    if (known.changedAt !== null && comparePositions(position, known.changedAt) < 0) {
      held?.release()
      return
    }
    known.changedAt = position
    this.#release(known)
    if (known.lost.signal.aborted) known.lost = new AbortController()
    if (held === null) return
    known.held = held
    held.watch((reason) => {
      known.lost.abort(new KeyLost(known.key, reason))
      this.#release(known)
    })
    if (ttlMs === undefined || ttlMs * ttlFactor > longestMs) return
    known.expiry = setTimeout(() => {
      this.#release(known)
      this.#forgetIfDone(known)
    }, ttlMs * ttlFactor).unref()
  }

  #release(known: SessionKey): void {
    clearTimeout(known.expiry)
    known.held?.release()
    known.held = null
  }

  #forgetIfDone({ key, calls, held, lost }: SessionKey): void {
    if (calls === 0 && held === null && !lost.signal.aborted) this.#keys.delete(key)
  }
}
