/** All records that the page has, and the picture at each of them. */

import type { Invariant } from '../../src/core/invariants.ts'
import { keptMilestones, type Milestone, type MilestoneKind } from '../../src/inspect/records/milestones.ts'
import { emptyPicture, type Picture, pictureAfter } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'

/** The distance of kept pictures, in records. The pictures between them are computed again. */
const checkpointEvery = 200

/** The most records that are kept. When there are more, the oldest fifth is evicted. */
export const keptRecords = 20_000

/** The limit for the JSON characters of the kept records, where known. As objects they take about as many bytes. */
const keptCharacters = 80_000_000

/** The part that is kept after an eviction. */
const keptPart = 0.8

/** How many marks of gaps are kept. They evict no other marks; of those there are as many as milestones. */
const keptGaps = 1_000

/** A record that stands out: a gap, or a milestone. Ends of sessions have no mark: they are too many. */
export interface Mark {
  /** Of the record. */
  readonly number: number
  readonly kind: 'gap' | Exclude<MilestoneKind, 'sessionEnded'>
}

/** What is broken, and the record that showed it. */
export interface Breach {
  /** `null` when it is no invariant: an assertion, or answers that no order explains. */
  readonly invariant: Invariant | null
  readonly text: string
  /** The number of the verdict. The record before it broke the invariant. */
  readonly verdict: number
}

export class Timeline {
  readonly #kept: number
  readonly #keptCharacters: number
  #records: InspectorRecord[] = []
  /** The size of each record, where known. */
  #sizes: number[] = []
  #characters = 0
  /** The picture before record `base + i * checkpointEvery`. */
  #checkpoints: Picture[] = [emptyPicture]
  #latest: Picture = emptyPicture
  /** The number of the first record that is kept. Earlier records were evicted. */
  #base = 0
  #gaps: readonly Mark[] = []
  #milestones: readonly Mark[] = []
  #marks: readonly Mark[] | null = []
  readonly #numbers = new WeakMap<Milestone, number>()
  #breaches: readonly Breach[] = []
  #originMs: number | null = null
  #unreadable = 0
  /** The last picture that was computed. The next request is often for the record after it. */
  #made: { readonly end: number; readonly picture: Picture } = { end: 0, picture: emptyPicture }

  /** Keeps `kept` records, and fewer when they are large. */
  constructor(kept = keptRecords, characters = keptCharacters) {
    this.#kept = kept
    this.#keptCharacters = characters
  }

  /** The number of the first kept record. Records are numbered from 0 for as long as the page is open. */
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

  /** The latest gaps, then the milestones, each in order. */
  get marks(): readonly Mark[] {
    this.#marks ??= [...this.#gaps, ...this.#milestones]
    return this.#marks
  }

  /** The number of a milestone's record, if it is kept. */
  numberOf(milestone: Milestone): number | null {
    const number = this.#numbers.get(milestone)
    return number === undefined || number < this.#base ? null : number
  }

  /** Each invariant that broke, and each other failure of the run, once. */
  get breaches(): readonly Breach[] {
    return this.#breaches
  }

  /** The time of the first record that has one, in milliseconds. The page counts time from there. */
  get originMs(): number {
    return this.#originMs ?? 0
  }

  /** The number of records that did not fit a picture. */
  get unreadable(): number {
    return this.#unreadable
  }

  /** Adds the next records. `characters` is the length of their JSON, if known. */
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

  /** Counts records that were malformed and are not kept. */
  skip(count: number): void {
    this.#unreadable += count
  }

  /** The record with that number, if it is kept. */
  record(number: number): InspectorRecord | undefined {
    return this.#records[number - this.#base]
  }

  /** The kept records from `from` to below `to`. */
  records(from: number, to: number): readonly InspectorRecord[] {
    return this.#records.slice(Math.max(0, from - this.#base), Math.max(0, to - this.#base))
  }

  /** The picture after all records below `end`. Computes at most as many pictures as lie between two kept ones. */
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

  /** Forgets everything, for example when another recording is opened. */
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

  /** Milestones from before the kept records have no record. */
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
    const marks = news.flatMap(({ what }) => (what === 'sessionEnded' ? [] : [{ number, kind: what }]))
    if (marks.length === 0) return
    this.#milestones = [...this.#milestones, ...marks].slice(-keptMilestones)
    this.#marks = null
  }

  /** Evicts records up to a kept picture. Of a large burst, the end stays. */
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

/** The time of a record in milliseconds, where it has one. */
export function timeOf(record: InspectorRecord): number | null {
  if (record.kind === 'server') return record.record.timeMs
  return 'timeMs' in record ? record.timeMs : null
}

/** The picture after `record`; `null` when the record does not fit, as a line of a file that was edited by hand may not. */
function taken(picture: Picture, record: InspectorRecord): Picture | null {
  try {
    return pictureAfter(picture, record)
  } catch {
    return null
  }
}
