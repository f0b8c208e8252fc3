import type { Reached } from './directory.ts'
import { Aborted } from './errors.ts'
import { JoinedSignal } from './joined-signal.ts'
import { LockTimeout, Unreachable } from './lock-errors.ts'
import type { LockRequest } from './lock-options.ts'

/** The time limit of a request for a lock, and the error that says why it ended. */
export class WaitLimit {
  /** Aborts at the limit, and with the program's signal. */
  readonly signal: AbortSignal | undefined
  readonly #beganMs = performance.now()
  readonly #names: readonly string[]
  readonly #reachedSince: (sinceMs: number) => Reached
  readonly #joined: JoinedSignal | null = null
  readonly #timer: NodeJS.Timeout | undefined
  #timeout: LockTimeout | null = null

  constructor({ names, waitMs, signal }: LockRequest, reachedSince: (sinceMs: number) => Reached) {
    this.#names = names
    this.#reachedSince = reachedSince
    this.signal = signal
    if (waitMs === null) return
    const controller = new AbortController()
    this.#timer = setTimeout(() => {
      this.#timeout = new LockTimeout(this.#names, this.#waitedMs)
      controller.abort(this.#timeout)
    }, waitMs)
    this.#joined = new JoinedSignal(controller.signal, signal)
    this.signal = this.#joined.signal
  }

  /** The error of the request, as the program receives it. */
  explained(error: unknown): unknown {
    const timeout = this.#timeout
    if (timeout === null) return error
    const isUnknown = error instanceof Aborted && error.outcome === null && error.cause === timeout
    if (error !== timeout && !isUnknown) return error
    const { answered, silent } = this.#reachedSince(this.#beganMs)
    return isUnknown || answered.length === 0 ? new Unreachable(this.#waitedMs, answered, silent) : timeout
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#joined?.part()
  }

  get #waitedMs(): number {
    return Math.round(performance.now() - this.#beganMs)
  }
}
