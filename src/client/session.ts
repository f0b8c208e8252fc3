import { replicatedLimits } from '../../machines/limits.ts'
import type { RequestActor } from './request-actors.ts'

/**
 * The most seqs from the lowest open one on: half of what the cluster keeps, so that it evicts no result that the client
 * needs.
 */
const mostBetween = replicatedLimits.sessionResults / 2

/** Carries a request: an actor of the library, or its counterpart in the simulator. */
interface Carrier {
  giveUp(): void
}

/**
 * A session of the client: a uid, and the seqs used under it. The cluster keeps the outcomes from `ackedBelow` on, so a seq
 * stays open until the program has received the answer, or the client has received the answer to the cancel.
 */
export class Session<L extends Carrier = RequestActor> {
  readonly uid: string
  /** The largest command that the servers accept, in bytes of JSON. */
  readonly maxCommandBytes: number
  /** The carrier of each open seq; `null` when the seq was given up and its cancel is outstanding. */
  readonly #open = new Map<number, L | null>()
  #nextSeq = 1
  #ackedBelow = 1

  constructor(uid: string, maxCommandBytes: number) {
    this.uid = uid
    this.maxCommandBytes = maxCommandBytes
  }

  /** The lowest open seq, or the next one. */
  get ackedBelow(): number {
    while (this.#ackedBelow < this.#nextSeq && !this.#open.has(this.#ackedBelow)) this.#ackedBelow += 1
    return this.#ackedBelow
  }

  /**
   * True when the next seq is too far above the lowest open one, so that a new session must take further requests: the
   * cluster keeps all results between the two, and evicts the lowest when they are too many.
   */
  get isFull(): boolean {
    return this.#nextSeq - this.ackedBelow >= mostBetween
  }

  get isIdle(): boolean {
    return this.#open.size === 0
  }

  /** Opens the next seq. */
  begin(carrier: L): number {
    const seq = this.#nextSeq
    this.#nextSeq += 1
    this.#open.set(seq, carrier)
    return seq
  }

  carrierOf(seq: number): L | null {
    return this.#open.get(seq) ?? null
  }

  /**
   * Stops waiting for the answer of `seq`, which stays open until its cancel has ended. Returns `false` when it has ended
   * already.
   */
  giveUp(seq: number): boolean {
    const carrier = this.carrierOf(seq)
    if (carrier === null) return false
    carrier.giveUp()
    this.#open.set(seq, null)
    return true
  }

  end(seq: number): void {
    this.#open.delete(seq)
  }

  giveUpAll(): void {
    for (const carrier of this.#open.values()) carrier?.giveUp()
    this.#open.clear()
  }
}
