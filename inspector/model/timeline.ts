/** All records that the page has, and the picture at each of them. */

import type { Invariant } from '../../src/core/invariants.ts'
import { keptMilestones, type Milestone, type MilestoneKind } from '../../src/inspect/records/milestones.ts'
import { emptyPicture, type Picture, pictureAfter } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'

/** Pictures are kept at every so many records; those between are made again. */
const checkpointEvery = 200

/** Records that are kept, at most; when there are more, a fifth of them is let go. */
export const keptRecords = 20_000

/** Characters of JSON that the records that are kept had, at most, where that is known: as objects they take about as many bytes. */
const keptCharacters = 80_000_000

/** After too many of them, so much is kept. */
const keptPart = 0.8

/** Marks of gaps that are kept, at most. They push out no other mark: of those there are as many as milestones. */
const keptGaps = 1_000

/** A record that stands out among the others: where some are missing, or what is kept for good. */
export interface Mark {
  /** Of the record. */
  readonly number: number
  readonly kind: 'gap' | MilestoneKind
}

/** What does not hold, and the record by which that was seen. */
export interface Breach {
  /** `null` for what is no invariant: an assertion, or answers that cannot be explained. */
  readonly invariant: Invariant | null
  readonly text: string
  /** The number of the verdict; what broke it is the record before. */
  readonly verdict: number
}

export class Timeline {
  readonly #kept: number
  readonly #keptCharacters: number
  #records: InspectorRecord[] = []
  /** Of each record, as far as known. */
  #sizes: number[] = []
  #characters = 0
  /** The picture before record `base + i * checkpointEvery`. */
  #checkpoints: Picture[] = [emptyPicture]
  #latest: Picture = emptyPicture
  /** The number of the first record that is kept: those before it were let go. */
  #base = 0
  #gaps: readonly Mark[] = []
  #milestones: readonly Mark[] = []
  #marks: readonly Mark[] | null = []
  readonly #numbers = new WeakMap<Milestone, number>()
  #breaches: readonly Breach[] = []
  #originMs: number | null = null
  #unreadable = 0
  /** The picture that was made last, since the next one that is asked for is often that of the record after. */
  #made: { readonly end: number; readonly picture: Picture } = { end: 0, picture: emptyPicture }

  /** Keeps so many records, and of large ones fewer. */
  constructor(kept = keptRecords, characters = keptCharacters) {
    this.#kept = kept
    this.#keptCharacters = characters
  }

  /** Records are numbered from 0 on, for as long as the page is open; this is the number of the first one kept. */
  get first(): number {
    return this.#base
  }

  /** The number that the next record gets. */
  get end(): number {
    return this.#base + this.#records.length
  }

  get latest(): Picture {
    return this.#latest
  }

  /** Gaps, the latest of them, then milestones, each in order. */
  get marks(): readonly Mark[] {
    this.#marks ??= [...this.#gaps, ...this.#milestones]
    return this.#marks
  }

  /** The number of the record that tells of a milestone, if it is kept. */
  numberOf(milestone: Milestone): number | null {
    const number = this.#numbers.get(milestone)
    return number === undefined || number < this.#base ? null : number
  }

  /** Each invariant that broke, and what else ended the run, once. */
  get breaches(): readonly Breach[] {
    return this.#breaches
  }

  /** The time of the first record that has one, in milliseconds: where the page counts time from. */
  get originMs(): number {
    return this.#originMs ?? 0
  }

  /** Records of which nothing could be made. */
  get unreadable(): number {
    return this.#unreadable
  }

  /** Takes what comes next. It was JSON of so many characters, if that is known. */
  add(records: readonly InspectorRecord[], characters = 0): void {
    const size = characters / Math.max(1, records.length)
    this.#characters += characters
    for (const record of records) {
      const number = this.end
      this.#records.push(record)
      this.#sizes.push(size)
      const after = taken(this.#latest, record)
      if (after === null) this.#unreadable += 1
      else {
        const { milestones } = this.#latest
        this.#latest = after
        if (after.milestones !== milestones) this.#reached(number, record, milestones, after.milestones)
        this.#note(number, record)
      }
      if (this.#records.length % checkpointEvery === 0) this.#checkpoints.push(this.#latest)
    }
    if (this.#records.length > this.#kept || this.#characters > this.#keptCharacters) this.#letGo()
  }

  /** So many records came that are none: they are counted, and not kept. */
  skip(count: number): void {
    this.#unreadable += count
  }

  /** The record of that number, if it is kept. */
  record(number: number): InspectorRecord | undefined {
    return this.#records[number - this.#base]
  }

  /** Those from `from` on and below `to`, as far as they are kept. */
  records(from: number, to: number): readonly InspectorRecord[] {
    return this.#records.slice(Math.max(0, from - this.#base), Math.max(0, to - this.#base))
  }

  /** The picture after all records below `end`. Makes at most as many pictures as there are records between two that are kept. */
  pictureAt(end: number): Picture {
    if (end >= this.end) return this.#latest
    const count = Math.max(0, end - this.#base)
    const checkpoint = Math.floor(count / checkpointEvery)
    let from = checkpoint * checkpointEvery
    let picture = this.#checkpoints[checkpoint] ?? emptyPicture
    const made = this.#made.end - this.#base
    if (made > from && made <= count) {
      from = made
      picture = this.#made.picture
    }
    for (const record of this.#records.slice(from, count)) picture = taken(picture, record) ?? picture
    this.#made = { end: this.#base + count, picture }
    return picture
  }

  /** Forgets everything, as when another recording is opened. */
  clear(): void {
    this.#records = []
    this.#sizes = []
    this.#characters = 0
    this.#checkpoints = [emptyPicture]
    this.#latest = emptyPicture
    this.#base = 0
    this.#gaps = []
    this.#milestones = []
    this.#marks = null
    this.#breaches = []
    this.#originMs = null
    this.#unreadable = 0
    this.#made = { end: 0, picture: emptyPicture }
  }

  #note(number: number, record: InspectorRecord): void {
    this.#originMs ??= timeOf(record)
    if (record.kind === 'gap') {
      this.#gaps = [...this.#gaps.slice(1 - keptGaps), { number, kind: 'gap' }]
      this.#marks = null
    }
    if (record.kind !== 'verdict') return
    const broken: Omit<Breach, 'verdict'>[] = record.invariants.filter(
      ({ standing }) => standing === 'broken',
    )
    if (record.failure !== undefined) broken.push({ invariant: null, text: record.failure })
    const news = broken.filter((one) => this.#breaches.every(({ invariant }) => invariant !== one.invariant))
    if (news.length === 0) return
    const breaches = news.map(({ invariant, text }) => ({ invariant, text, verdict: number }))
    this.#breaches = [...this.#breaches, ...breaches]
  }

  /** Milestones of a time that is forgotten have no record. */
  #reached(
    number: number,
    record: InspectorRecord,
    before: readonly Milestone[],
    after: readonly Milestone[],
  ): void {
    if (record.kind === 'milestones') return
    const known = new Set(before)
    const news = after.filter((milestone) => !known.has(milestone))
    for (const milestone of news) this.#numbers.set(milestone, number)
    const marks = news.map(({ what }) => ({ number, kind: what }))
    this.#milestones = [...this.#milestones, ...marks].slice(-keptMilestones)
    this.#marks = null
  }

  /** Up to a picture that is kept; of what comes at once, however much it is, the end stays. */
  #letGo(): void {
    let count = 0
    let characters = this.#characters
    const isMuch = () =>
      this.#records.length - count > this.#kept * keptPart || characters > this.#keptCharacters * keptPart
    while (isMuch() && count + checkpointEvery < this.#records.length) {
      for (const size of this.#sizes.slice(count, count + checkpointEvery)) characters -= size
      count += checkpointEvery
    }
    this.#records = this.#records.slice(count)
    this.#sizes = this.#sizes.slice(count)
    this.#characters = characters
    this.#checkpoints = this.#checkpoints.slice(count / checkpointEvery)
    this.#base += count
    const isKept = ({ number }: Mark) => number >= this.#base
    this.#gaps = this.#gaps.filter(isKept)
    this.#milestones = this.#milestones.filter(isKept)
    this.#marks = null
  }
}

/** Milliseconds, where the record has a time. */
export function timeOf(record: InspectorRecord): number | null {
  if (record.kind === 'server') return record.record.timeMs
  return 'timeMs' in record ? record.timeMs : null
}

/** The picture after `record`; `null` when nothing can be made of it, as of a line in a file that somebody wrote by hand. */
function taken(picture: Picture, record: InspectorRecord): Picture | null {
  try {
    return pictureAfter(picture, record)
  } catch {
    return null
  }
}
