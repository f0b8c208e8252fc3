/** What the page is doing: which records it has, where in them the reader is, and whether it goes on by itself. */
import type { InspectorRecord } from '../../src/inspect/record.ts'
import type { Picture } from './picture.ts'
import { Timeline } from './timeline.ts'

/** Where the records come from. */
export type SourceState =
  | { readonly kind: 'live'; readonly state: 'connecting' | 'open' | 'lost' }
  | { readonly kind: 'recording'; readonly name: string }
  | { readonly kind: 'playground' }

/** How the reader follows the records. */
export type Following =
  /** The latest is shown. */
  | { readonly mode: 'live' }
  | { readonly mode: 'paused' }
  /** Goes on by itself, so many records a second, up to the latest. */
  | { readonly mode: 'playing'; readonly perSecond: number }

export interface View {
  readonly source: SourceState
  readonly following: Following
  /** How many records, from the first one on, are shown. */
  readonly cursor: number
  readonly first: number
  readonly end: number
  readonly picture: Picture
  /** The number of the record that the reader selected, `null` for none. */
  readonly selected: number | null
  /** Records that came in since the last view that was drawn: above 1, the view leaves steps out. */
  readonly coalesced: number
}

/**
 * Changes are told at most once a frame, so that a burst of records costs one drawing. `schedule` is the page's
 * `requestAnimationFrame`.
 */
export class Store {
  readonly timeline = new Timeline()
  readonly #schedule: (run: () => void) => void
  readonly #listeners = new Set<(view: View) => void>()
  #source: SourceState
  #following: Following = { mode: 'live' }
  #cursor = 0
  #selected: number | null = null
  #coalesced = 0
  #isScheduled = false
  #view: View | null = null

  constructor(source: SourceState, schedule: (run: () => void) => void) {
    this.#source = source
    this.#schedule = schedule
  }

  get view(): View {
    this.#view ??= {
      source: this.#source,
      following: this.#following,
      cursor: this.#cursor,
      first: this.timeline.first,
      end: this.timeline.end,
      picture: this.timeline.pictureAt(this.#cursor),
      selected: this.#selected,
      coalesced: this.#coalesced,
    }
    return this.#view
  }

  /** Calls `listener` after changes; returns how to end that. */
  subscribe(listener: (view: View) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  add(records: readonly InspectorRecord[]): void {
    if (records.length === 0) return
    this.timeline.add(records)
    this.#coalesced += records.length
    if (this.#following.mode === 'live') this.#cursor = this.timeline.end
    this.#cursor = Math.max(this.#cursor, this.timeline.first)
    this.#changed()
  }

  clear(): void {
    this.timeline.clear()
    this.#cursor = 0
    this.#selected = null
    this.#changed()
  }

  setSource(source: SourceState): void {
    this.#source = source
    this.#changed()
  }

  follow(following: Following): void {
    this.#following = following
    if (following.mode === 'live') this.#cursor = this.timeline.end
    this.#changed()
  }

  /** Shows the first `cursor` records; the page no longer follows. */
  moveTo(cursor: number): void {
    this.#cursor = Math.min(Math.max(cursor, this.timeline.first), this.timeline.end)
    if (this.#following.mode === 'live') this.#following = { mode: 'paused' }
    this.#changed()
  }

  /** As `moveTo`, by so many records. */
  moveBy(records: number): void {
    this.moveTo(this.#cursor + records)
  }

  select(record: number | null): void {
    this.#selected = record
    this.#changed()
  }

  #changed(): void {
    this.#view = null
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#schedule(() => {
      this.#isScheduled = false
      const { view } = this
      this.#coalesced = 0
      for (const listener of this.#listeners) listener(view)
    })
  }
}
