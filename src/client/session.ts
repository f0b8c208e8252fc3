import { replicatedLimits } from '../../machines/limits.ts'
import type { RequestActor } from './request-actors.ts'

/** Seqs from the lowest open one on. Half of what the cluster keeps: nothing that a client may still need is forgotten. */
const mostBetween = replicatedLimits.sessionResults / 2

/** What carries a request: an actor of the library, or what stands for one in the simulator. */
interface Carrier {
  giveUp(): void
}

/**
 * A client as the cluster knows it: a uid, and the seqs used under it. The cluster keeps the outcomes from `ackedBelow` on,
 * so a seq counts as open until its program has the answer, or the answer to its cancel.
 */
export class Session<L extends Carrier = RequestActor> {
  readonly uid: string
  /** The largest command that the servers take, in bytes of JSON. */
  readonly maxCommandBytes: number
  /** Every open seq, with what carries it; `null` when it was given up and its cancel is under way. */
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
   * True when the next seq is so far above one that is still open that another session should take it: the cluster keeps the
   * results of all between them, and forgets the lowest where they are too many.
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

  /** Nobody waits for this seq's answer, but it stays open until its cancel has ended. `false` when it has ended already. */
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
