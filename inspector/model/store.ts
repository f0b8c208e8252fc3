/** What the page is doing: which records it has, where in them the reader is, and whether it goes on by itself. */

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

/** How the reader follows the records. */
export type Following =
  /** The latest is shown. */
  | { readonly mode: 'live' }
  | { readonly mode: 'paused' }
  /** Goes on by itself, so many records a second, up to the latest. */
  | { readonly mode: 'playing'; readonly perSecond: number }

/** What makes more happen where the records end: the playground. */
export interface Onward {
  /** Makes the next event happen. */
  step(): void
  /** Makes events happen by themselves, or ends that. */
  runOrStop(): void
}

export interface View {
  readonly source: SourceState
  /** `step` and `play` at the end of the records make more happen. */
  readonly goesOn: boolean
  /** Events happen by themselves. */
  readonly isRunning: boolean
  readonly following: Following
  /** Records a second at which it plays, or would. */
  readonly speed: number
  /** How many records, from the first one on, are shown. */
  readonly cursor: number
  readonly first: number
  readonly end: number
  readonly picture: Picture
  /** The number of the record that the reader selected, `null` for none. */
  readonly selected: number | null
  /** Records that came in since the last view that was drawn: above 1, the view leaves steps out. */
  readonly coalesced: number
  /** Drawings take so long that some are left out: what can't be followed by eye need not be in each of them. */
  readonly isSlow: boolean
  /** Records that stand out. */
  readonly marks: readonly Mark[]
  /** Invariants that broke, each at its first time. */
  readonly breaches: readonly Breach[]
  /** Records of which nothing could be made. */
  readonly unreadable: number
  /** Servers that the hub refused lately. */
  readonly refusals: readonly Refusal[]
}

/**
 * Changes are told at most once a frame, so that a burst of records costs one drawing. `schedule` calls `run` in a frame: in
 * the next one when it is urgent, since the reader waits for it, and else when there is time.
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

  /** Calls `listener` after changes; returns how to end that. */
  subscribe(listener: (view: View) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Takes what came in, as so many characters if that is known. A page that follows the latest stops where an invariant is seen
   * to break, the first time it is; a recording whose reader has not moved yet is opened there.
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

  /** So many records came that are none. */
  skip(count: number): void {
    if (count === 0) return
    this.timeline.skip(count)
    this.#changed(false)
  }

  /** Forgets all records; those that come next are followed, or, of a recording, shown from its beginning. */
  clear(): void {
    this.timeline.clear()
    this.#following = { mode: this.#source.kind === 'recording' ? 'paused' : 'live' }
    this.#cursor = 0
    this.#selected = null
    this.#changed()
  }

  /** Shows these records in the place of those that there were; none of them counts as left out of the view. */
  replace(records: readonly InspectorRecord[]): void {
    this.clear()
    this.add(records)
    this.#coalesced = 0
  }

  setSource(source: SourceState): void {
    this.#source = source
    this.#changed()
  }

  /** These servers were refused. */
  setRefusals(refusals: readonly Refusal[]): void {
    this.#refusals = refusals
    this.#changed()
  }

  /** From now on `onward` makes more happen where the records end, as long as a playground is shown. */
  goOnWith(onward: Onward): void {
    this.#onward = onward
    this.#changed()
  }

  /** Whether events happen by themselves: `onward` says so. */
  setRunning(isRunning: boolean): void {
    if (isRunning === this.#isRunning) return
    this.#isRunning = isRunning
    this.#changed()
  }

  /** Drawings have become slow, or quick again. */
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
   * Plays from where the reader is, or stops. Where there is nothing further, more is made to happen, if that can be; else it
   * plays from the start.
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

  /** So many records a second, from now on. */
  setSpeed(perSecond: number): void {
    this.#speed = perSecond
    if (this.#following.mode === 'playing') this.#following = { mode: 'playing', perSecond }
    this.#changed()
  }

  /** Shows the first `cursor` records; the page no longer goes on by itself. */
  moveTo(cursor: number): void {
    this.#cursor = cursor
    this.#keepInside()
    this.#following = { mode: 'paused' }
    this.#changed()
  }

  /** As `moveTo`, by so many records; forward from the end, the next event is made to happen, if that can be. */
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

  /** Shows what broke an invariant: the record is selected, and its verdict is the last that is seen. */
  showBreach(breach: Breach): void {
    this.#showBreach(breach)
    this.#changed()
  }

  /** While it plays: shows the records that are due at `nowMs`. Stops at the end, unless more may come. */
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

  /** What makes more happen, unless what is shown is a recording. */
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
    this.#schedule(this.#tell, isUrgent)
  }

  readonly #tell = (): void => {
    if (this.#scheduled === null) return
    this.#scheduled = null
    const { view } = this
    this.#coalesced = 0
    for (const listener of this.#listeners) listener(view)
  }
}
