/** The state of a replica from its snapshot, which is read in parts. */
import type { Json } from '../../../machines/batch.ts'
import type { Outcome } from '../../../machines/outcome.ts'
import { isPlainText } from '../../core/plain-text-client.ts'
import { compareEnds } from '../outcomes.ts'
import type { Session } from '../sessions.ts'
import type { SnapshotHead, SnapshotLine } from '../snapshot.ts'
import { LineReader } from './line-reader.ts'
import { headIn, lineIn } from './snapshot-lines.ts'
import { type InitialOptions, initialState, type ReplicaState, setWaiting } from './state.ts'

export type RestoreOptions = Omit<InitialOptions, 'members'>

interface StoredResult {
  readonly session: Session
  readonly seq: number
  readonly outcome: Outcome
  readonly command: string | null
}

/** The kinds of lines in their order. What has ended and what waits follows its session. */
const sections = { session: 0, ended: 0, waiting: 0, timer: 1, state: 2, end: 3 } as const

export class RestoringState {
  readonly #options: RestoreOptions
  readonly #reader = new LineReader((line) => this.#read(line))
  #head: SnapshotHead | null = null
  #state: ReplicaState | null = null
  #session: Session | null = null
  readonly #plainText: Session[] = []
  readonly #results: StoredResult[] = []
  readonly #rows: Json[] = []
  #section = 0
  #lines = 0
  #isWhole = false
  #isEnded = false
  #error: Error | null = null

  constructor(options: RestoreOptions) {
    this.#options = options
  }

  /** The head; `null` until it is read. */
  get head(): SnapshotHead | null {
    return this.#head
  }

  /** Reads the next bytes. Throws when they belong to no snapshot of the service; then everything fails that follows. */
  add(bytes: Uint8Array): void {
    this.#attempt(() => this.#reader.add(bytes))
  }

  /** Returns the state, once. Throws when the snapshot is not whole, or when the service cannot restore its rows. */
  end(): ReplicaState {
    return this.#attempt(() => {
      if (this.#isEnded) throw new Error('the snapshot was read to its end before')
      const state = this.#state
      if (state === null || !this.#isWhole || this.#reader.hasRest) {
        throw new Error(`the snapshot is cut short, after ${this.#lines} lines`)
      }
      this.#isEnded = true
      state.service.checkVersion(state.serviceVersion)
      state.service.restore(this.#rows, this.#head?.serviceBytes ?? 0)
      // A snapshot does not store the order of last use: the times give it.
      const byUse = this.#plainText.sort((a, b) => a.lastClockMs - b.lastClockMs)
      for (const session of byUse) state.sessions.usePlainText(session, session.lastClockMs)
      // Nor the order in which results ended, which is that of their positions. It decides which are evicted first.
      const byEnd = this.#results.sort((a, b) => compareEnds(a.outcome, b.outcome))
      for (const { session, seq, outcome, command } of byEnd) {
        state.sessions.results.keep(session, seq, outcome, command)
      }
      return state
    })
  }

  #attempt<T>(action: () => T): T {
    if (this.#error !== null) throw this.#error
    try {
      return action()
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error))
      throw this.#error
    }
  }

  #read(text: string): void {
    this.#lines += 1
    if (this.#isWhole) throw new Error(`line ${this.#lines} of the snapshot stands behind its end`)
    try {
      if (this.#state === null) this.#begin(text)
      else this.#accept(this.#state, lineIn(text))
    } catch (error) {
      throw new Error(`line ${this.#lines} of the snapshot: ${(error as Error).message}`, { cause: error })
    }
  }

  #begin(text: string): void {
    const head = headIn(text, this.#options.service.name)
    this.#head = head
    const state = initialState({ ...this.#options, members: head.members })
    state.firstUnexecuted = head.firstUnexecuted
    state.clockMs = head.clockMs
    state.runningDigest = head.runningDigest
    state.quotaBytes = head.quotaBytes
    state.serviceVersion = head.serviceVersion
    this.#state = state
  }

  #accept(state: ReplicaState, line: SnapshotLine): void {
    const section = sections[line[0]]
    if (section < this.#section) throw new Error(`${line[0]} stands too late`)
    this.#section = section
    switch (line[0]) {
      case 'session':
        this.#openSession(state, line)
        return
      case 'ended': {
        const [, seq, outcome, command] = line
        this.#results.push({ session: this.#ofSession(), seq, outcome, command })
        return
      }
      case 'waiting': {
        const [, seq, node, key, command, uids] = line
        setWaiting(state, this.#ofSession(), seq, { node, key, command, ...(uids && { uids }) })
        return
      }
      case 'timer':
        state.service.restoreTimer({ name: line[1], deadlineMs: line[2] })
        return
      case 'state':
        this.#rows.push(line[1])
        return
      case 'end':
        if (line[1] !== this.#lines) throw new Error(`${line[1]} lines were written: some are missing`)
        this.#isWhole = true
        return
    }
    line satisfies never
  }

  #openSession({ sessions }: ReplicaState, line: Extract<SnapshotLine, { readonly 0: 'session' }>): void {
    const [, uid, ttlMs, deadlineMs, isRevoked, isKept, touchedSeq, ackedBelow, forgottenBelow, lastClockMs] =
      line
    if (sessions.get(uid) !== undefined) throw new Error(`the session ${uid} stands there twice`)
    const session = sessions.open(uid, ttlMs, ttlMs === null ? lastClockMs : (deadlineMs ?? 0) - ttlMs)
    sessions.restore(session, { isRevoked, touchedSeq, ackedBelow, forgottenBelow })
    sessions.keep(session, isKept)
    if (isPlainText(uid)) this.#plainText.push(session)
    this.#session = session
  }

  #ofSession(): Session {
    if (this.#session === null) throw new Error('a request stands before every session')
    return this.#session
  }
}
