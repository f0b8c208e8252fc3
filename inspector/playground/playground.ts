/** The playground: a session in the page's store. It advances by the reader's choices, or automatically. */

import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { parseRecords } from '../../src/inspect/records/record-lines.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { nextInOrder } from '../../src/schedule/settle.ts'
import type { Plan } from '../../src/simulator/plan.ts'
import { parsePlan } from '../../src/simulator/plan-file.ts'
import { runPlan } from '../../src/simulator/run.ts'
import { claimedIn } from '../../src/transcript/claim.ts'
import { runTranscript } from '../../src/transcript/file.ts'
import { linkFragment, parseLink } from '../../src/transcript/link.ts'
import { parseCommand } from '../../src/transcript/parse.ts'
import { eventsOf } from '../../src/transcript/resolve.ts'
import type { Store } from '../model/store.ts'
import { drawnEvent, type Odds, usualOdds } from './chance.ts'
import { readSchedule } from './read.ts'
import {
  begun,
  endOf,
  happened,
  here,
  movedTo,
  type Point,
  placeAt,
  type Session,
  type Setting,
  scheduleText,
  switchedTo,
} from './session.ts'

/** How the next event is chosen. */
export type Chooser = 'order' | 'chance'

export interface PlaygroundState {
  readonly session: Session
  readonly chooser: Chooser
  readonly isPlaying: boolean
  /** Events a second. */
  readonly perSecond: number
  readonly seed: number
  readonly odds: Odds
  /** What failed or could not be read, for the reader; `null` for none. */
  readonly problem: string | null
  /** What is shown instead of the session: a file, or a simulated run. */
  readonly recording: string | null
  /** The schedule that the session began with; `null` for a new cluster. */
  readonly opened: Opened | null
  /** The plan of the shown run, if it ran here. The address contains it. */
  readonly plan: Plan | null
}

/** A schedule that was opened. */
export interface Opened {
  readonly name: string
  /** The end of its branch, as it was read. */
  readonly end: Point
}

/** True when the reader left the opened schedule, or continued after its end. */
export function isChanged({ session, opened }: Pick<PlaygroundState, 'session' | 'opened'>): boolean {
  return opened !== null && endOf(session) !== opened.end
}

export interface OpenOptions {
  readonly atEnd: boolean
}

/** A run with a longer storm would block the page. */
const longestStormMs = 600_000

/** Calls `run` at this interval in milliseconds. Returns a function that stops it. */
export type Ticker = (run: () => void, everyMs: number) => () => void

/** The default cluster of a page. */
export const usualSetting: Setting = { servers: 3, service: 'lock' }

export class Playground {
  readonly #store: Store
  readonly #ticker: Ticker
  readonly #listeners = new Set<(state: PlaygroundState) => void>()
  #state: PlaygroundState
  #stopTicking: (() => void) | null = null

  constructor(store: Store, ticker: Ticker) {
    this.#store = store
    this.#ticker = ticker
    this.#state = {
      session: begun(usualSetting),
      chooser: 'order',
      isPlaying: false,
      perSecond: 4,
      seed: 1,
      odds: usualOdds,
      problem: null,
      recording: null,
      opened: null,
      plan: null,
    }
    this.#showAll()
    store.subscribe(({ cursor }) => this.#follow(cursor))
    store.goOnWith({ step: () => this.step(), runOrStop: () => this.playOrPause() })
  }

  get state(): PlaygroundState {
    return this.#state
  }

  /** Calls `listener` after each change. Returns a function that unsubscribes it. */
  subscribe(listener: (state: PlaygroundState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Founds a new cluster. */
  found(setting: Setting): void {
    this.#attempt(() => this.#begin(begun(setting)))
  }

  /** Executes the event at the reader's place. */
  choose(event: ClusterEvent): void {
    this.#attempt(() => this.#go(happened(this.#state.session, event)))
  }

  /** Executes a command of a transcript, such as `request a→0 lock x` or `cut 0 from 1 2`. */
  command(line: string): void {
    this.#attempt(() => {
      const command = parseCommand(line)
      if (['servers', 'settle', 'expect', 'show'].includes(command.verb)) {
        throw new Error(`"${line}" is not an event`)
      }
      let { session } = this.#state
      for (const event of eventsOf(here(session).state, command as Parameters<typeof eventsOf>[1])) {
        session = happened(session, event)
      }
      this.#go(session)
    })
  }

  /**
   * Executes the next event: of the schedule, if it has one; otherwise by the order or by chance. False when no event is left.
   */
  step(): boolean {
    const { session } = this.#state
    if (session.at < session.path.length - 1) {
      this.#go(movedTo(session, session.at + 1))
      return true
    }
    const event = nextOf(this.#state)
    if (event === null) return false
    this.choose(event)
    return this.#state.problem === null
  }

  /** Moves to a place of the branch. */
  goTo(at: number): void {
    this.pause()
    this.#attempt(() => this.#go(movedTo(this.#state.session, at)))
  }

  back(): void {
    this.goTo(this.#state.session.at - 1)
  }

  /** Shows another branch. */
  switchTo(end: Point): void {
    this.pause()
    this.#attempt(() => this.#go(switchedTo(this.#state.session, end)))
  }

  /** Shows the opened schedule again, at the reader's last place in it. Does nothing when none was opened. */
  returnToOpened(): void {
    const { session, opened } = this.#state
    if (opened === null) return
    const back = switchedTo(session, opened.end)
    const gone = new Set(session.path)
    const left = back.path.findLastIndex((point) => gone.has(point))
    this.pause()
    this.#attempt(() => this.#go(movedTo(back, Math.min(left, session.at))))
  }

  /** Advances automatically until no event is left. */
  play(): void {
    this.#stopTicking?.()
    this.#stopTicking = this.#ticker(() => {
      if (!this.step()) this.pause()
    }, 1_000 / this.#state.perSecond)
    this.#set({ isPlaying: true })
  }

  playOrPause(): void {
    if (this.#state.isPlaying) this.pause()
    else this.play()
  }

  pause(): void {
    if (this.#stopTicking === null) return
    this.#stopTicking()
    this.#stopTicking = null
    this.#set({ isPlaying: false })
  }

  /** Changes how it advances. */
  adjust(change: Partial<Pick<PlaygroundState, 'chooser' | 'perSecond' | 'seed' | 'odds'>>): void {
    this.#set(change)
    if (this.#state.isPlaying) this.play()
  }

  /**
   * Opens a transcript (at its beginning or its end), a recording or a plan of the simulator; the text shows which it is. An
   * error becomes the `problem`; of a transcript, the part before the error is shown.
   */
  open(name: string, text: string, options: OpenOptions = { atEnd: true }): void {
    switch (kindOfFile(text)) {
      case 'plan':
        this.#attempt(() => this.#run(parsePlan(text)), name)
        return
      case 'recording':
        this.#attempt(() => this.#openRecording(name, parseRecords(text)), name)
        return
      case 'transcript':
        this.#openTranscript(name, text, options)
    }
  }

  /** Runs a plan of the simulator to its end or to a failure, and shows the run. */
  simulate(plan: Plan): void {
    this.#attempt(() => this.#run(plan))
  }

  #run(plan: Plan): void {
    if (plan.stormMs > longestStormMs) {
      throw new Error(`its storm lasts ${plan.stormMs} ms, and a page runs at most ${longestStormMs} ms`)
    }
    const records: InspectorRecord[] = []
    // The codec needs Node.js, so here messages are passed as values.
    const { datagramBytes, ...carried } = plan
    const { failure } = runPlan(carried, { recorded: (record) => records.push(record) })
    const ended = failure === null ? 'everything held' : `failed after ${Math.round(failure.atMs)} ms`
    const came = datagramBytes === undefined ? ended : `${ended}; without the codec, which needs Node.js`
    this.#openRecording(`the simulated run of seed ${plan.seed} (${came})`, records)
    this.#set({ plan })
  }

  #openTranscript(name: string, text: string, { atEnd }: OpenOptions): void {
    const { session, problem } = readSchedule(text)
    if (session !== null) {
      this.#begin(atEnd ? session : movedTo(session, 0), { name, end: endOf(session) })
    }
    const isBroken = session !== null && endOf(session).failure !== null
    const claim = session === null ? null : claimIn(session)
    const faults = isBroken
      ? []
      : [
          ...(problem === null ? [] : [problem]),
          ...(claim === null
            ? []
            : [`it reports "${claim}", which does not happen here: this page runs other code`]),
        ]
    this.#set({ problem: faults.length === 0 ? null : `${name}: ${faults.join('; ')}` })
  }

  /** Opens a link. An error becomes the `problem`. */
  async openLink(fragment: string): Promise<void> {
    try {
      const { schedule, at, seed, plan } = await parseLink(fragment)
      if (plan != null) {
        this.open('the link', plan)
        return
      }
      if (schedule !== null) this.open('the link', schedule)
      else if (this.#state.recording !== null) this.returnToSession()
      if (at !== null) this.#go(movedTo(this.#state.session, at))
      if (seed !== null) this.#set({ seed, chooser: 'chance' })
    } catch (error) {
      this.#set({ problem: `the link: ${(error as Error).message}` })
    }
  }

  /** The fragment of the address that leads back to this state; only the mark for the default cluster without events. */
  link(): Promise<string> {
    const { session, chooser, seed, plan } = this.#state
    if (plan !== null)
      return linkFragment({ schedule: null, at: null, seed: null, plan: JSON.stringify(plan) })
    const { path, at } = session
    return linkFragment({
      schedule: scheduleText(session),
      at: at === path.length - 1 ? null : at,
      seed: chooser === 'chance' ? seed : null,
    })
  }

  /** The golden transcript of the events so far, with the messages of each server. */
  transcript(): string {
    const { session } = this.#state
    const lines = scheduleText(session, session.at)
      .split('\n')
      .map((line) => (line.startsWith('#') ? line : `${line}\n`))
    return runTranscript(`${lines.join('\n').trimEnd()}\n`).text
  }

  /** Shows the session again, after a recording. */
  returnToSession(): void {
    this.#set({ recording: null, plan: null, problem: null })
    this.#showAll()
  }

  /** Shows a problem, or removes it. */
  report(problem: string | null): void {
    this.#set({ problem })
  }

  /** `about` is the subject of the problem, if it is not the reader's command. */
  #attempt(act: () => void, about: string | null = null): void {
    try {
      act()
      this.#set({ problem: null })
    } catch (error) {
      this.pause()
      const reason = error instanceof Error ? error.message : String(error)
      this.#set({ problem: about === null ? reason : `${about}: ${reason}` })
    }
  }

  #begin(session: Session, opened: Opened | null = null): void {
    this.pause()
    this.#set({ session, recording: null, opened, plan: null })
    this.#showAll()
  }

  #openRecording(name: string, records: Parameters<Store['add']>[0]): void {
    if (records.length === 0) throw new Error('it contains no record of the inspector')
    this.pause()
    this.#set({ recording: name, plan: null })
    this.#store.setSource({ kind: 'recording', name })
    this.#store.replace(records)
  }

  /** Shows `session`. The page already has its first points. */
  #go(session: Session): void {
    const before = this.#state.session
    this.#set({ session, recording: null, plan: null })
    const last = before.path.length - 1
    if (session.path[last] !== before.path[last]) {
      this.#showAll()
      return
    }
    this.#store.add(session.path.slice(last + 1).flatMap(({ records }) => records))
    this.#moveCursor()
  }

  #showAll(): void {
    this.#store.setSource({ kind: 'playground' })
    this.#store.replace(this.#state.session.path.flatMap(({ records }) => records))
    this.#moveCursor()
  }

  /** A page that shows a failure stays there. */
  #moveCursor(): void {
    const { session } = this.#state
    const point = here(session)
    if (point !== endOf(session)) this.#store.moveTo(point.recordsEnd)
    else if (point.failure === null) this.#store.follow({ mode: 'live' })
  }

  /** The reader moved through time. The session follows, so that the next event happens there. */
  #follow(cursor: number): void {
    const { session, recording } = this.#state
    if (recording !== null || cursor === here(session).recordsEnd) return
    const moved = movedTo(session, placeAt(session, cursor))
    if (moved !== session) this.#set({ session: moved })
  }

  #set(change: Partial<PlaygroundState>): void {
    this.#state = { ...this.#state, ...change }
    this.#store.setRunning(this.#state.isPlaying)
    for (const listener of this.#listeners) listener(this.#state)
  }
}

/** The event that the order or chance would choose at the reader's place; `null` for none. */
export function nextOf({ session, chooser, seed, odds }: PlaygroundState): ClusterEvent | null {
  const point = here(session)
  if (point.failure !== null) return null
  return chooser === 'order'
    ? nextInOrder(point.state, { withTimers: true })
    : drawnEvent(point, session.setting.service, seed, odds)
}

/** The failure that a comment of the schedule claims, as `paxos check` writes it above a counterexample. */
function claimIn({ path }: Session): string | null {
  const claims = path.flatMap(({ note }) => note).map(claimedIn)
  return claims.find((claim) => claim !== null) ?? null
}

/** Recordings and plans begin with an object, transcripts do not. A plan names its form before any record could. */
function kindOfFile(text: string): 'transcript' | 'recording' | 'plan' {
  if (!text.trimStart().startsWith('{')) return 'transcript'
  return /^\s*\{\s*"format"/.test(text) ? 'plan' : 'recording'
}
