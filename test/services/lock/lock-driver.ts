/** The lock service alone, with each command given as little as matters. */
import { type LockCommand, type LockResult, type LockState, lockService } from '../../../src/services/lock.ts'
import type { Changed, Service } from '../../../src/services/service.ts'
import { readOnly } from '../../../src/testing.ts'

/** Finds writes into a state, at a cost that grows with the state. */
const watched = readOnly(lockService as Service) as unknown as typeof lockService

export type LockService = typeof lockService

/** What a command or an end came to. */
export interface Reply {
  readonly result: LockResult | 'waits' | null
  readonly freed: readonly string[]
  readonly revoked: readonly string[]
}

export interface At {
  readonly clockMs?: number
  readonly ttlMs?: number | null
}

export class LockDriver {
  state: LockState = lockService.initial()
  readonly #service: LockService
  /** Whether the timer of the service is set. */
  isTimed = false
  #instance = 0

  /** With `isLarge`, writes into the state are not found. */
  constructor({
    isLarge = false,
    service,
  }: { readonly isLarge?: boolean; readonly service?: LockService } = {}) {
    this.#service = service ?? (isLarge ? lockService : watched)
  }

  /** The session `uid` asks with `seq`. */
  run(uid: string, seq: number, body: LockCommand, { clockMs = 0, ttlMs = 30_000 }: At = {}): Reply {
    this.#instance += 1
    const at = { instance: this.#instance, version: 1, index: 0, clockMs, uid, seq, ttlMs }
    const outcome = this.#service.execute(this.state, this.#service.parse(body), at)
    const { freed } = this.#adopt(outcome)
    return {
      result: outcome.kind === 'executed' ? outcome.result : 'waits',
      freed,
      revoked: outcome.revoked ?? [],
    }
  }

  requestEnded(uid: string, seq: number): Reply {
    return this.#adopt(
      this.#service.requestEnded?.(
        this.state,
        { uid, seq },
        { instance: this.#instance, version: 1, clockMs: 0 },
      ),
    )
  }

  sessionEnded(uid: string): Reply {
    return this.#adopt(
      this.#service.sessionEnded?.(this.state, uid, { instance: this.#instance, version: 1, clockMs: 0 }),
    )
  }

  fireTimer(): Reply {
    this.isTimed = false
    return this.#adopt(
      this.#service.timerFired?.(this.state, 'rest', { instance: this.#instance, version: 1, clockMs: 0 }),
    )
  }

  restore(): void {
    this.state = this.#service.restore(this.#service.snapshot(this.state))
  }

  holds(uid: string): boolean {
    return this.#service.holds?.(this.state, uid) === true
  }

  snapshot(): string {
    return JSON.stringify([...this.#service.snapshot(this.state)])
  }

  #adopt(change: Changed<LockState> | undefined): Reply {
    if (change === undefined) throw new Error('the service gave no change')
    this.state = change.state
    for (const { afterMs } of change.timers ?? []) this.isTimed = afterMs !== null
    return { result: null, freed: change.freed ?? [], revoked: change.revoked ?? [] }
  }
}
