import { replicatedLimits } from '../../machines/limits.ts'

/**
 * The most seqs from the lowest open one on: half of what the cluster keeps, so that it evicts no result that the client
 * needs.
 */
const mostBetween = replicatedLimits.sessionResults / 2

/**
 * The seqs of a session, and the waiter of each open one. The cluster keeps the outcomes of open seqs, so a seq stays open until
 * the program has received the answer, or the client has received the answer to the cancel.
 */
export class SessionSeqs<Waiter extends object> {
  /** `null` when the seq was given up and its cancel is outstanding. */
  readonly #open = new Map<number, Waiter | null>()
  #nextSeq = 1
  #lowest = 1

  /**
   * True when the next seq is too far above the lowest open one, so that a new session must take further requests: the
   * cluster keeps all results between the two, and evicts the lowest when they are too many.
   */
  get isFull(): boolean {
    while (this.#lowest < this.#nextSeq && !this.#open.has(this.#lowest)) this.#lowest += 1
    return this.#nextSeq - this.#lowest >= mostBetween
  }

  get openCount(): number {
    return this.#open.size
  }

  /** The seq that `open` opens next. */
  get next(): number {
    return this.#nextSeq
  }

  /** Opens the next seq. */
  open(waiter: Waiter): number {
    const seq = this.#nextSeq
    this.#nextSeq += 1
    this.#open.set(seq, waiter)
    return seq
  }

  /**
   * Stops waiting for the answer of `seq`, which stays open until its cancel has ended. Returns `false` when it has ended
   * already.
   */
  giveUp(seq: number): boolean {
    if ((this.#open.get(seq) ?? null) === null) return false
    this.#open.set(seq, null)
    return true
  }

  /** Closes an answered seq. Returns its waiter; `null` when the seq has ended already or was given up. */
  answered(seq: number): Waiter | null {
    const waiter = this.#open.get(seq) ?? null
    if (waiter !== null) this.#open.delete(seq)
    return waiter
  }

  /** Closes a seq that was given up: its cancel has ended. */
  cancelled(seq: number): void {
    this.#open.delete(seq)
  }

  /** Closes every seq. Returns the waiters of those that were not given up. */
  closeAll(): readonly Waiter[] {
    const waiters = [...this.#open.values()].flatMap((waiter) => waiter ?? [])
    this.#open.clear()
    return waiters
  }
}
