import { run } from '../../core/process.ts'
import type { Files } from '../files.ts'
import { type LogBase, pathOf, segmentName } from './layout.ts'
import { removeAll } from './leftovers.ts'

/** The segments of an open log, and the deletion of those that it does not need any more. */
export class SegmentFiles {
  readonly #files: Files
  #segments: number[] = []
  #isRemoving = false

  constructor(files: Files) {
    this.#files = files
  }

  get isRemoving(): boolean {
    return this.#isRemoving
  }

  /** The log was opened with these segments, in order. */
  opened(segments: readonly number[]): void {
    this.#segments = [...segments]
  }

  /** A group was written to `segment`, the last one. */
  wrote(segment: number): void {
    if (this.#segments.at(-1) !== segment) this.#segments.push(segment)
  }

  /** Deletes the segments before `base`, and the files `others`. A crash may undo that: then the next start deletes them. */
  remove(base: LogBase, others: readonly string[], ended: (error: Error | null) => void): void {
    this.#isRemoving = true
    const before = this.#segments.filter((segment) => segment < base.segment)
    this.#segments = this.#segments.slice(before.length)
    run(removeAll(this.#files, [...before.map(segmentName).map(pathOf), ...others]), (error) => {
      this.#isRemoving = false
      ended(error)
    })
  }
}
