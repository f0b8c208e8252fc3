/** The reads of clients. Invariant 16: what is read contains everything that was answered before the read was sent. */
import type { Instance, NodeId } from '../../machines/batch.ts'
import type { Response } from '../../machines/messages.ts'
import { isOfRead } from '../../machines/outcome.ts'
import { Violation } from '../core/violation.ts'
import { Part } from './part.ts'

/** A read, and the instance below which everything was answered when it was sent. */
export type AskedRead = readonly [uid: string, seq: number, below: Instance]

/** The reads as plain data, in order of uid and seq. */
export interface ReadsRecord {
  readonly answeredBelow: Instance
  readonly asked: readonly AskedRead[]
}

/** The knowledge of a run without reads: what is answered need not be remembered for them. */
export const noReads = null

export class Reads extends Part {
  readonly #isJudging: boolean
  /** Above every instance whose effect a client has seen. */
  #answeredBelow: Instance
  /** By uid and seq. */
  readonly #asked: Map<string, AskedRead>

  constructor(record: ReadsRecord | typeof noReads = { answeredBelow: 0, asked: [] }) {
    super()
    const { answeredBelow, asked } = record ?? { answeredBelow: 0, asked: [] }
    this.#isJudging = record !== noReads
    this.#answeredBelow = answeredBelow
    this.#asked = new Map(asked.map((read) => [nameOf(read[0], read[1]), read]))
  }

  /** A client has sent a read that must not be stale, for the first time. Throws in a run without reads. */
  asked(uid: string, seq: number): void {
    if (!this.#isJudging)
      throw new Error('a client reads in a run without reads: judge its reads from the start')
    const name = nameOf(uid, seq)
    if (this.#asked.has(name)) return
    this.changed()
    this.#asked.set(name, [uid, seq, this.#answeredBelow])
  }

  /** A server has answered requests or reads. */
  responded(node: NodeId, { uid, answers }: Response): void {
    if (!this.#isJudging) return
    let below = this.#answeredBelow
    for (const { seq, outcome } of answers) {
      if (!isOfRead(outcome)) {
        if (outcome.kind !== 'refused') below = Math.max(below, outcome.instance + 1)
        continue
      }
      const needed = this.#asked.get(nameOf(uid, seq))?.[2] ?? 0
      if (outcome.instance < needed) {
        throw new Violation(
          16,
          `server ${node} answered the read ${uid} ${seq} from the state below instance ${outcome.instance}, and everything below ${needed} had been answered before the read was sent`,
        )
      }
      below = Math.max(below, outcome.instance)
    }
    if (below === this.#answeredBelow) return
    this.changed()
    this.#answeredBelow = below
  }

  protected override duplicate(): Reads {
    return new Reads(this.toJson())
  }

  override toJson(): ReadsRecord | typeof noReads {
    if (!this.#isJudging) return noReads
    const asked = [...this.#asked.values()].sort(([a, i], [b, j]) => (a === b ? i - j : a < b ? -1 : 1))
    return { answeredBelow: this.#answeredBelow, asked }
  }
}

function nameOf(uid: string, seq: number): string {
  return `${seq}:${uid}`
}
