import type { HeadsRecord, ServerRecord } from '../records/record.ts'
import type { Allowance } from './allowance.ts'

/** Records without a gap between them, each as JSON. */
export interface Stretch {
  /** How many records were left out before it. */
  readonly leftOut: number
  readonly records: readonly string[]
}

export interface BacklogLimits {
  /** Records that may wait. */
  readonly records: number
  /** Characters of JSON that may wait. */
  readonly characters: number
}

/** What a record weighs beside its characters: that it is put together at all. */
const recordWeight = 400

/**
 * The records that wait to be sent: a bounded number of them. When there is no room or no allowance left, nothing is taken,
 * only counted; and since whoever reads on after a gap must know where the server stands, a keyframe comes first then.
 */
export class Backlog {
  readonly #allowance: Allowance
  readonly #limits: BacklogLimits
  #stretches: { leftOut: number; records: string[] }[] = []
  #records = 0
  #characters = 0
  /** Left out since the last record that was taken. */
  #leftOut = 0
  #totalLeftOut = 0
  #isFull = false
  #needsKeyframe = true

  constructor(allowance: Allowance, limits: BacklogLimits) {
    this.#allowance = allowance
    this.#limits = limits
  }

  /** True when the next record must be a keyframe. */
  get needsKeyframe(): boolean {
    return this.#needsKeyframe
  }

  /** There was no room; nothing is taken until `reopen`. */
  get isFull(): boolean {
    return this.#isFull
  }

  get isEmpty(): boolean {
    return this.#records === 0
  }

  /** Characters of JSON that wait. */
  get characters(): number {
    return this.#characters
  }

  /** All that were left out so far. */
  get totalLeftOut(): number {
    return this.#totalLeftOut
  }

  /** True when a record may be made at `nowMs`; when not, nothing is to be made of it. */
  admits(nowMs: number): boolean {
    return !this.#isFull && this.#allowance.isLeft(nowMs)
  }

  /** A record is left out. */
  leaveOut(count = 1): void {
    this.#leftOut += count
    this.#totalLeftOut += count
    this.#needsKeyframe = true
  }

  /** Records that were left out since the last one that was taken. */
  get leftOut(): number {
    return this.#leftOut
  }

  /** Takes heads, which need no allowance; what is left out stays left out, and a keyframe still comes next. Drops them without room. */
  addHeads(record: HeadsRecord): void {
    const text = JSON.stringify(record)
    if (this.#isFull || !this.#hasRoom(text)) return
    this.#put(text)
  }

  /** Takes a record, which was admitted. */
  add(record: ServerRecord): void {
    const text = JSON.stringify(record)
    this.#allowance.spend(text.length + recordWeight)
    if (!this.#hasRoom(text)) {
      this.forget()
      this.leaveOut()
      this.#isFull = true
      return
    }
    if (this.#leftOut > 0) this.#stretches.push({ leftOut: this.#leftOut, records: [] })
    this.#leftOut = 0
    this.#put(text)
    this.#needsKeyframe = false
  }

  /** Everything that waits; from now on nothing does. */
  take(): readonly Stretch[] {
    const taken = this.#stretches
    this.#stretches = []
    this.#records = 0
    this.#characters = 0
    return taken
  }

  /** Leaves out everything that waits. A keyframe comes next. */
  forget(): void {
    const before = this.take()
    const records = before.reduce((sum, stretch) => sum + stretch.records.length, 0)
    this.#leftOut += before.reduce((sum, stretch) => sum + stretch.leftOut, 0)
    this.leaveOut(records)
  }

  /** There is room again. */
  reopen(): void {
    this.#isFull = false
  }

  #hasRoom(text: string): boolean {
    const { records, characters } = this.#limits
    return this.#records < records && this.#characters + text.length <= characters
  }

  #put(text: string): void {
    const last = this.#stretches.at(-1)
    if (last === undefined) this.#stretches.push({ leftOut: 0, records: [text] })
    else last.records.push(text)
    this.#records += 1
    this.#characters += text.length
  }
}
