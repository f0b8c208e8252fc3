/** The state of the page: its records, the reader's place in them, and whether the place advances by itself. */

import type { Picture } from '../../src/inspect/records/picture.ts'
import type { Refusal } from '../../src/inspect/records/protocol.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { advancePlayback, type Playback, startPlayback, usualSpeed } from './playback.ts'
import { type Breach, type Mark, Timeline } from './timeline.ts'

/** Where the records come from. */
export type SourceState =
  | { readonly kind: 'live'; readonly state: 'connecting' | 'open' | 'lost' }
  | { readonly kind: 'recording'; readonly name: string }
  | { readonly kind: 'playground' }

/** How the reader's place follows the records. */
export type Following =
  /** The latest record is shown. */
  | { readonly mode: 'live' }
  | { readonly mode: 'paused' }
  /** Advances by this many records a second, up to the latest. */
  | { readonly mode: 'playing'; readonly perSecond: number }

/** Makes new events at the end of the records: the playground. */
export interface Onward {
  /** Makes the next event happen. */
  step(): void
  /** Starts or stops automatic events. */
  runOrStop(): void
}

export interface View {
  readonly source: SourceState
  /** At the end of the records, `step` and `play` make new events. */
  readonly goesOn: boolean
  /** Events happen automatically. */
  readonly isRunning: boolean
  readonly following: Following
  /** The playback speed in records a second. */
  readonly speed: number
  /** How many records, from the first one on, are shown. */
  readonly cursor: number
  readonly first: number
  readonly end: number
  readonly picture: Picture
  /** The number of the selected record; `null` for none. */
  readonly selected: number | null
  /** Records since the last view that was drawn. Above 1, the view skips steps. */
  readonly coalesced: number
  /** Drawing is slow and some frames are skipped, so parts that change too fast to read need not be in each drawing. */
  readonly isSlow: boolean
  /** The records that stand out. */
  readonly marks: readonly Mark[]
  /** The invariants that broke, each at its first time. */
  readonly breaches: readonly Breach[]
  /** The number of records that did not fit a picture. */
  readonly unreadable: number
  /** The servers that the hub refused recently. */
  readonly refusals: readonly Refusal[]
}

/**
 * Listeners are notified at most once a frame, so that a burst of records costs one drawing. `schedule` calls `run` in a frame:
 * in the next frame when it is urgent because the reader waits for it, otherwise when there is time.
 */
export class Store {
  readonly timeline = new Timeline()
  readonly #schedule: (run: () => void, isUrgent: boolean) => void
  readonly #listeners = new Set<(view: View) => void>()
  #source: SourceState
  #onward: Onward | null = null
  #isRunning = false
  #refusals: readonly Refusal[] = []
  #following: Following = { mode: 'live' }
  #speed = usualSpeed
  #playback: Playback | null = null
  #cursor = 0
  #selected: number | null = null
  #coalesced = 0
  #isSlow = false
  #scheduled: 'urgent' | 'some time' | null = null
  #view: View | null = null

  constructor(source: SourceState, schedule: (run: () => void, isUrgent: boolean) => void) {
    this.#source = source
    this.#schedule = schedule
  }

  get view(): View {
    this.#view ??= {
      source: this.#source,
      goesOn: this.#onwardHere !== null,
      isRunning: this.#isRunning,
      following: this.#following,
      speed: this.#speed,
      cursor: this.#cursor,
      first: this.timeline.first,
      end: this.timeline.end,
      picture: this.timeline.pictureAt(this.#cursor),
      selected: this.#selected,
      coalesced: this.#coalesced,
      isSlow: this.#isSlow,
      marks: this.timeline.marks,
      breaches: this.timeline.breaches,
      unreadable: this.timeline.unreadable,
      refusals: this.#refusals,
    }
    return this.#view
  }

  /** Calls `listener` after changes. Returns a function that unsubscribes it. */
  subscribe(listener: (view: View) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Adds records; `characters` is the length of their JSON, if known. A page that follows the latest record stops where it first
   * sees that an invariant broke. A recording whose reader has not moved yet opens there.
   */
  add(records: readonly InspectorRecord[], characters = 0): void {
    if (records.length === 0) return
    const known = this.timeline.breaches.length
    const isUnmoved = this.#source.kind === 'recording' && this.#cursor <= this.timeline.first
    this.timeline.add(records, characters)
    this.#coalesced += records.length
    const breach = this.timeline.breaches[known]
    const isLive = this.#following.mode === 'live'
    if (breach !== undefined && (isLive || isUnmoved)) this.#showBreach(breach)
    else if (isLive) this.#cursor = this.timeline.end
    this.#keepInside()
    this.#changed(false)
  }

  /** Counts records that were malformed. */
  skip(count: number): void {
    if (count === 0) return
    this.timeline.skip(count)
    this.#changed(false)
  }

  /** Forgets all records. The page then follows new records, or shows a recording from its beginning. */
  clear(): void {
    this.timeline.clear()
    this.#following = { mode: this.#source.kind === 'recording' ? 'paused' : 'live' }
    this.#cursor = 0
    this.#selected = null
    this.#changed()
  }

  /** Replaces the records. None of the new ones counts as skipped by the view. */
  replace(records: readonly InspectorRecord[]): void {
    this.clear()
    this.add(records)
    this.#coalesced = 0
  }

  setSource(source: SourceState): void {
    this.#source = source
    this.#changed()
  }

  /** Sets the refused servers. */
  setRefusals(refusals: readonly Refusal[]): void {
    this.#refusals = refusals
    this.#changed()
  }

  /** From now on `onward` makes new events at the end of the records, as long as a playground is shown. */
  goOnWith(onward: Onward): void {
    this.#onward = onward
    this.#changed()
  }

  /** Whether events happen automatically, as `onward` reports. */
  setRunning(isRunning: boolean): void {
    if (isRunning === this.#isRunning) return
    this.#isRunning = isRunning
    this.#changed()
  }

  /** Drawing became slow, or fast again. */
  setSlow(isSlow: boolean): void {
    this.#isSlow = isSlow
    this.#changed(false)
  }

  follow(following: Following): void {
    this.#following = following
    this.#playback = null
    if (following.mode === 'playing') this.#speed = following.perSecond
    if (following.mode === 'live') this.#cursor = this.timeline.end
    this.#changed()
  }

  /**
   * Starts or stops playback at the reader's place. At the end it starts new events, if it can; otherwise playback starts from
   * the beginning.
   */
  playOrPause(): void {
    const onward = this.#onwardHere
    if (onward !== null && (this.#isRunning || this.#cursor >= this.timeline.end)) {
      onward.runOrStop()
      return
    }
    if (this.#following.mode !== 'paused') {
      this.follow({ mode: 'paused' })
      return
    }
    if (this.#cursor >= this.timeline.end) this.#cursor = this.timeline.first
    this.follow({ mode: 'playing', perSecond: this.#speed })
  }

  /** Sets the playback speed in records a second. */
  setSpeed(perSecond: number): void {
    this.#speed = perSecond
    if (this.#following.mode === 'playing') this.#following = { mode: 'playing', perSecond }
    this.#changed()
  }

  /** Shows the first `cursor` records. The page stops advancing. */
  moveTo(cursor: number): void {
    this.#cursor = cursor
    this.#keepInside()
    this.#following = { mode: 'paused' }
    this.#changed()
  }

  /** Moves by this many records. Forward from the end makes the next event happen, if it can. */
  moveBy(records: number): void {
    const onward = this.#onwardHere
    if (onward !== null && records > 0 && this.#cursor >= this.timeline.end) {
      onward.step()
      return
    }
    this.moveTo(this.#cursor + records)
  }

  select(record: number | null): void {
    this.#selected = record
    this.#changed()
  }

  /** Selects a record and shows the picture after it. */
  show(record: number): void {
    this.#selected = record
    this.moveTo(record + 1)
  }

  /** Shows a breach: selects the record that caused it, with its verdict as the last record in view. */
  showBreach(breach: Breach): void {
    this.#showBreach(breach)
    this.#changed()
  }

  /** During playback: shows the records that are due at `nowMs`. Stops at the end, unless more may come. */
  tick(nowMs: number): void {
    if (this.#following.mode !== 'playing') return
    const { steps, playback } = advancePlayback(
      this.#playback ?? startPlayback(nowMs),
      nowMs,
      this.#following.perSecond,
    )
    this.#playback = playback
    if (steps === 0) return
    const before = this.#cursor
    this.#cursor = Math.min(before + steps, this.timeline.end)
    const breach = this.timeline.breaches.find(({ verdict }) => verdict >= before && verdict < this.#cursor)
    if (breach !== undefined) this.#showBreach(breach)
    else if (this.#cursor === this.timeline.end && this.#source.kind !== 'live') {
      this.#following = { mode: 'paused' }
    }
    if (this.#cursor !== before || this.#following.mode === 'paused') this.#changed(false)
  }

  /** The source of new events, unless a recording is shown. */
  get #onwardHere(): Onward | null {
    return this.#source.kind === 'playground' ? this.#onward : null
  }

  #showBreach({ verdict }: Breach): void {
    this.#cursor = verdict + 1
    this.#selected = verdict - 1
    this.#following = { mode: 'paused' }
    this.#keepInside()
  }

  #keepInside(): void {
    const { first, end } = this.timeline
    this.#cursor = Math.min(Math.max(this.#cursor, first), end)
    if (this.#selected !== null && this.#selected < first) this.#selected = null
  }

  #changed(isUrgent = true): void {
    this.#view = null
    if (this.#scheduled === 'urgent' || (this.#scheduled !== null && !isUrgent)) return
    this.#scheduled = isUrgent ? 'urgent' : 'some time'
    this.#schedule(this.#notify, isUrgent)
  }

  readonly #notify = (): void => {
    if (this.#scheduled === null) return
    this.#scheduled = null
    const { view } = this
    this.#coalesced = 0
    for (const listener of this.#listeners) listener(view)
  }
}
