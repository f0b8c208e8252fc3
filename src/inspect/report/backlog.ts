import type { HeadsRecord, ServerRecord } from '../records/record.ts'
import type { Allowance } from './allowance.ts'

/** Consecutive records, each as JSON. */
export interface Stretch {
  /** The number of records that were left out before it. */
  readonly leftOut: number
  readonly records: readonly string[]
}

export interface BacklogLimits {
  /** The number of records that may wait. */
  readonly records: number
  /** The characters of JSON that may wait. */
  readonly characters: number
}

/** The weight of a record in addition to its characters: the cost of making it. */
const recordWeight = 400

/**
 * The records that wait to be sent, bounded in number. Without room or allowance, records are only counted. After a gap the
 * reader needs the server's state, so a keyframe comes first.
 */
export class Backlog {
  readonly #allowance: Allowance
  readonly #limits: BacklogLimits
  #stretches: { leftOut: number; records: string[] }[] = []
  #records = 0
  #characters = 0
  /** The number left out since the last record that was taken. */
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

  /** There is no room. No record is taken until `reopen`. */
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

  /** The total number of records that were left out. */
  get totalLeftOut(): number {
    return this.#totalLeftOut
  }

  /** True when a record may be made at `nowMs`. Otherwise the caller makes none. */
  admits(nowMs: number): boolean {
    return !this.#isFull && this.#allowance.isLeft(nowMs)
  }

  /** Counts records that are left out. */
  leaveOut(count = 1): void {
    this.#leftOut += count
    this.#totalLeftOut += count
    this.#needsKeyframe = true
  }

  /** The number of records that were left out since the last one that was taken. */
  get leftOut(): number {
    return this.#leftOut
  }

  /** Takes heads, which need no allowance. The gap stays, and a keyframe still follows it. Drops the heads without room. */
  addHeads(record: HeadsRecord): void {
    const text = JSON.stringify(record)
    if (this.#isFull || !this.#hasRoom(text)) return
    this.#put(text)
  }

  /** Takes a record that was admitted. */
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

  /** Returns all waiting records, and removes them. */
  take(): readonly Stretch[] {
    const taken = this.#stretches
    this.#stretches = []
    this.#records = 0
    this.#characters = 0
    return taken
  }

  /** Leaves out all waiting records. A keyframe comes next. */
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
