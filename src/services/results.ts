/** Keeps the outcomes of requests until their clients acknowledge them, within limits. */
import { type ReplicatedLimits, resultOverheadBytes } from '../../machines/limits.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { heldBytes } from '../core/json.ts'
import { IdleOrder, type Linked } from './idle-order.ts'
import type { KeptCommand } from './kept-command.ts'

/** A request that has ended. */
export interface Ended extends Linked<Ended> {
  readonly seq: number
  readonly outcome: Outcome
  /** `null` when it was cancelled before it was chosen. */
  readonly command: KeptCommand | null
  readonly bytes: number
  readonly keeper: Keeper
}

/** Keeps the results of one client. Its session is one. */
export interface Keeper {
  /** By seq. */
  readonly ended: ReadonlyMap<number, Ended>
  /** Invariant: the sum of `bytes` of all entries in `ended`. */
  readonly endedBytes: number
  /**
   * A request below this seq that is not in `ended` was acknowledged, or evicted, or has not ended: nothing tells which.
   * Invariant: never decreases.
   */
  readonly forgottenBelow: number
}

/** A keeper that may be changed now. */
export interface ChangingKeeper extends Keeper {
  readonly ended: Map<number, Ended>
  endedBytes: number
  forgottenBelow: number
}

type ResultLimits = Pick<ReplicatedLimits, 'sessionResults' | 'sessionResultBytes' | 'resultBytes'>

/** The results of all sessions, the oldest first. */
export class Results {
  /** Invariant: contains all results, in the order in which their requests ended. */
  readonly #oldestFirst = new IdleOrder<Ended>()
  readonly #limits: ResultLimits
  readonly #willChange: (keeper: Keeper) => ChangingKeeper
  #bytes = 0

  /** `willChange` is called before each change of a keeper, and returns it. */
  constructor(limits: ResultLimits, willChange: (keeper: Keeper) => ChangingKeeper) {
    this.#limits = limits
    this.#willChange = willChange
  }

  /** The approximate size of all results together. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keeps an outcome. Without room, evicts the lowest seqs of the session, or the oldest results of all sessions. */
  keep(keeper: Keeper, seq: number, outcome: Outcome, command: KeptCommand | null): void {
    const bytes = resultOverheadBytes + heldBytes(outcome)
    const ended: Ended = { seq, outcome, command, bytes, keeper, longerIdle: null, lessIdle: null }
    const changing = this.#willChange(keeper)
    changing.ended.set(seq, ended)
    changing.endedBytes += bytes
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

  /** Removes a result that its client has acknowledged, or whose session is gone. */
  release({ seq, keeper, bytes }: Ended): void {
    const ended = keeper.ended.get(seq)
    if (ended === undefined) return
    const changing = this.#willChange(keeper)
    changing.ended.delete(seq)
    changing.endedBytes -= bytes
    this.#oldestFirst.remove(ended)
    this.#bytes -= bytes
  }

  /** Evicts the lowest half at once, so that the next results need no eviction. */
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
    const { keeper, seq } = ended
    this.#willChange(keeper).forgottenBelow = Math.max(keeper.forgottenBelow, seq + 1)
  }
}
