/** All records that the page has, and the picture at each of them. */
import type { InspectorRecord } from '../../src/inspect/record.ts'
import { emptyPicture, type Picture, pictureAfter } from './picture.ts'

/** Pictures are kept at every so many records; those between are made again. */
const checkpointEvery = 200

/** Records that are kept, at most, and how many are let go when there are more. */
const keptRecords = 40_000
const letGo = 8_000

export class Timeline {
  #records: InspectorRecord[] = []
  /** The picture before record `base + i * checkpointEvery`. */
  #checkpoints: Picture[] = [emptyPicture]
  #latest: Picture = emptyPicture
  /** The number of the first record that is kept: those before it were let go. */
  #base = 0

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

  add(records: readonly InspectorRecord[]): void {
    for (const record of records) {
      this.#records.push(record)
      this.#latest = pictureAfter(this.#latest, record)
      if (this.#records.length % checkpointEvery === 0) this.#checkpoints.push(this.#latest)
    }
    if (this.#records.length > keptRecords) this.#letGo()
  }

  /** The record of that number, if it is kept. */
  record(number: number): InspectorRecord | undefined {
    return this.#records[number - this.#base]
  }

  /** Those from `from` on and below `to`, as far as they are kept. */
  records(from: number, to: number): readonly InspectorRecord[] {
    return this.#records.slice(Math.max(0, from - this.#base), Math.max(0, to - this.#base))
  }

  /** The picture after all records below `end`. */
  pictureAt(end: number): Picture {
    if (end >= this.end) return this.#latest
    const count = Math.max(0, end - this.#base)
    const checkpoint = Math.floor(count / checkpointEvery)
    const picture = this.#checkpoints[checkpoint] ?? emptyPicture
    return this.#records.slice(checkpoint * checkpointEvery, count).reduce(pictureAfter, picture)
  }

  /** Forgets everything, as when another recording is opened. */
  clear(): void {
    this.#records = []
    this.#checkpoints = [emptyPicture]
    this.#latest = emptyPicture
    this.#base = 0
  }

  #letGo(): void {
    this.#records = this.#records.slice(letGo)
    this.#checkpoints = this.#checkpoints.slice(letGo / checkpointEvery)
    this.#base += letGo
  }
}
