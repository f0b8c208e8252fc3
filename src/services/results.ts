/** How requests ended, kept until their clients acknowledge it, and never more than there is room for. */
import { type ReplicatedLimits, resultOverheadBytes } from '../../machines/limits.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { heldBytes } from '../core/json.ts'
import { IdleOrder, type Linked } from './idle-order.ts'

/** A request that has ended. */
export interface Ended extends Linked<Ended> {
  readonly seq: number
  readonly outcome: Outcome
  /** Of its command; `null` when it was cancelled before it was ever seen. */
  readonly commandDigest: string | null
  readonly bytes: number
  readonly keeper: Keeper
}

/** What keeps the results of one client: its session. */
export interface Keeper {
  /** By seq. */
  readonly ended: Map<number, Ended>
  /** Invariant: the `bytes` of all in `ended` together. */
  endedBytes: number
  /**
   * What ended below and is not in `ended` was acknowledged or forgotten, and what has not ended can no more be told from it.
   * Invariant: never decreases.
   */
  forgottenBelow: number
}

type ResultLimits = Pick<ReplicatedLimits, 'sessionResults' | 'sessionResultBytes' | 'resultBytes'>

/** The results of all sessions, the oldest first. */
export class Results {
  /** Invariant: all of them, in the order in which they ended. */
  readonly #oldestFirst = new IdleOrder<Ended>()
  readonly #limits: ResultLimits
  #bytes = 0

  constructor(limits: ResultLimits) {
    this.#limits = limits
  }

  /** What they take together, about. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keeps how a request ended. Forgets the lowest of the session, or the oldest of all, where there is no room. */
  keep(keeper: Keeper, seq: number, outcome: Outcome, commandDigest: string | null): void {
    const bytes = resultOverheadBytes + heldBytes(outcome)
    const ended: Ended = { seq, outcome, commandDigest, bytes, keeper, longerIdle: null, lessIdle: null }
    keeper.ended.set(seq, ended)
    keeper.endedBytes += bytes
    this.#oldestFirst.use(ended)
    this.#bytes += bytes
    this.#makeRoomIn(keeper)
    for (
      let oldest = this.#oldestFirst.longestIdle;
      oldest !== null;
      oldest = this.#oldestFirst.longestIdle
    ) {
      if (this.#bytes <= this.#limits.resultBytes) return
      this.#forget(oldest)
    }
  }

  /** The client has it, or its session is gone. */
  release({ seq, keeper, bytes }: Ended): void {
    const ended = keeper.ended.get(seq)
    if (ended === undefined) return
    keeper.ended.delete(seq)
    keeper.endedBytes -= bytes
    this.#oldestFirst.remove(ended)
    this.#bytes -= bytes
  }

  /** The lowest half goes at once, so that the next results cost nothing. */
  #makeRoomIn(keeper: Keeper): void {
    const { sessionResults, sessionResultBytes } = this.#limits
    if (keeper.ended.size <= sessionResults && keeper.endedBytes <= sessionResultBytes) return
    for (const seq of [...keeper.ended.keys()].sort((a, b) => a - b)) {
      if (keeper.ended.size <= sessionResults / 2 && keeper.endedBytes <= sessionResultBytes / 2) return
      const ended = keeper.ended.get(seq)
      if (ended !== undefined) this.#forget(ended)
    }
  }

  #forget(ended: Ended): void {
    this.release(ended)
    ended.keeper.forgottenBelow = Math.max(ended.keeper.forgottenBelow, ended.seq + 1)
  }
}
