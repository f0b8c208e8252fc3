/** The wire from a live server to the hub: records in batches over a WebSocket, which may come and go. */
import type { Address } from '../../../machines/batch.ts'
import type { ControlResult } from '../records/control.ts'
import type { ServerHello, ServerToHub } from '../records/protocol.ts'
import type { HeadsRecord, ServerRecord } from '../records/record.ts'
import { Allowance, processorShare } from './allowance.ts'
import { Backlog } from './backlog.ts'
import { Connection } from './connection.ts'
import type { RecordSink } from './observer.ts'

export interface ReporterOptions {
  /** Where the hub listens. */
  readonly hub: Address
  /** The first thing that is said on each connection. */
  readonly hello: ServerHello
  /** Is given what the hub tells the server to do, unchecked; says what came of it. */
  readonly onControl?: (command: unknown) => ControlResult
  /** How much it may tell; by default as much as costs a server a few percent of its time. */
  readonly allowance?: Allowance
}

/** Whom a reporter reports of. */
export interface ReportedSubject {
  /** It is time for a keyframe, though nothing happens. */
  resume(): void
  /** How far it is now; `null` before it runs. */
  heads(): Omit<HeadsRecord, 'leftOut'> | null
}

/** What became of the records so far. */
export interface ReporterCounters {
  readonly isConnected: boolean
  readonly sent: number
  readonly leftOut: number
  /** Characters and bytes of records that wait here, for their turn or for the hub to read them. */
  readonly waiting: number
}

/** Records are sent so many milliseconds after the first of them was made. */
const flushMs = 50

/**
 * While records are left out, heads are sent so often, in milliseconds: at the multiples of it by the clock, so that those of
 * servers whose clocks agree are of the same moment.
 */
const headsEveryMs = 200

/** Nothing more is given to a hub that has so many bytes to read. */
const mostUnreadBytes = 1_000_000

/** Under load some fifty records of a leader in each window; after a quiet time some hundreds at once. */
const usualAllowance = { windowMs: 500, weight: 120_000, most: 1_200_000 }
const backlogLimits = { records: 4_000, characters: 2_000_000 }

/**
 * Sends what it is given for as long as a hub takes it. It keeps no process alive and throws nothing. What it holds is
 * bounded: by `backlogLimits`, and on the wire by `mostUnreadBytes` and what was waiting when the last of it was sent.
 */
export class Reporter implements RecordSink {
  readonly #options: ReporterOptions
  readonly #allowance: Allowance
  readonly #backlog: Backlog
  readonly #connection: Connection
  #subject: ReportedSubject = { resume: () => undefined, heads: () => null }
  #flushTimer: NodeJS.Timeout | null = null
  #resumeTimer: NodeJS.Timeout | null = null
  #headsTimer: NodeJS.Timeout | null = null
  /** The moment of the last heads, or of those that wait. A timer may fire a millisecond before its moment. */
  #headsMs = 0
  #sent = 0
  #isClosed = false

  constructor(options: ReporterOptions) {
    this.#options = options
    this.#allowance = options.allowance ?? new Allowance({ ...usualAllowance, share: processorShare() })
    this.#backlog = new Backlog(this.#allowance, backlogLimits)
    this.#connection = new Connection(`ws://${options.hub}/servers`, {
      opened: () => this.#opened(),
      lost: () => this.#backlog.forget(),
      heard: (text) => this.#heard(text),
    })
  }

  /** Begins to look for the hub, and reports of `subject` from now on. */
  start(subject: ReportedSubject): void {
    this.#subject = subject
    this.#connection.start()
  }

  get counters(): ReporterCounters {
    return {
      isConnected: this.#connection.isOpen,
      sent: this.#sent,
      leftOut: this.#backlog.totalLeftOut,
      waiting: this.#backlog.characters + this.#connection.unread,
    }
  }

  get needsKeyframe(): boolean {
    return this.#backlog.needsKeyframe
  }

  admits(): boolean {
    return !this.#isClosed && this.#backlog.admits(Date.now())
  }

  leaveOut(): void {
    this.#backlog.leaveOut()
    this.#resumeLater()
    this.#headsLater()
  }

  add(record: ServerRecord): void {
    this.#backlog.add(record)
    if (this.#connection.isOpen) this.#flushSoon()
  }

  /** Sends what there is, and ends the connection. Resolves when that is done, or has taken too long. */
  close(): Promise<void> {
    this.#flush()
    this.#isClosed = true
    for (const timer of [this.#flushTimer, this.#resumeTimer, this.#headsTimer])
      if (timer !== null) clearTimeout(timer)
    return this.#connection.close()
  }

  #opened(): void {
    this.#connection.say(JSON.stringify(this.#options.hello))
    this.#backlog.reopen()
    // What waits begins with a keyframe.
    if (this.#backlog.isEmpty) this.#subject.resume()
    else this.#flushSoon()
  }

  #heard(text: string): void {
    try {
      const said: unknown = JSON.parse(text)
      if (typeof said !== 'object' || said === null || !('type' in said)) return
      if (said.type !== 'hub.control' || !('command' in said)) return
      const result = this.#options.onControl?.(said.command)
      if (result === undefined || !('id' in said) || typeof said.id !== 'number') return
      const answer: ServerToHub = { type: 'server.result', id: said.id, result }
      this.#connection.say(JSON.stringify(answer))
    } catch {
      // A hub that says nonsense is no reason to stop.
    }
  }

  /** Otherwise the last that happened before a pause would stay unseen until something happens again. */
  #resumeLater(): void {
    if (this.#backlog.isFull || this.#isClosed) return
    this.#resumeTimer ??= setTimeout(() => {
      this.#resumeTimer = null
      this.#subject.resume()
      // What was overspent may have taken all of this window too.
      if (this.#backlog.needsKeyframe) this.#resumeLater()
    }, this.#allowance.untilNextMs(Date.now()) + 1).unref()
  }

  /** A hub that is not there or does not read gets none. */
  #headsLater(): void {
    if (this.#headsTimer !== null || this.#backlog.isFull || this.#isClosed || !this.#connection.isOpen)
      return
    const nowMs = Date.now()
    // A clock that was set back by more has moments of its own.
    const lastMs = this.#headsMs - nowMs > headsEveryMs ? 0 : this.#headsMs
    this.#headsMs = (Math.floor(Math.max(nowMs, lastMs) / headsEveryMs) + 1) * headsEveryMs
    this.#headsTimer = setTimeout(() => {
      this.#headsTimer = null
      // A keyframe may have come meanwhile: then nothing is missing.
      const heads = this.#backlog.needsKeyframe ? this.#subject.heads() : null
      if (heads === null) return
      this.#backlog.addHeads({ ...heads, leftOut: this.#backlog.leftOut })
      this.#flushSoon()
    }, this.#headsMs - nowMs).unref()
  }

  #flushSoon(): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = null
      this.#flush()
    }, flushMs).unref()
  }

  #flush(): void {
    if (!this.#connection.isOpen) return
    if (this.#connection.unread > mostUnreadBytes) {
      this.#flushSoon()
      return
    }
    for (const { leftOut, records } of this.#backlog.take()) {
      this.#sent += records.length
      this.#connection.say(`{"type":"server.records","leftOut":${leftOut},"records":[${records.join(',')}]}`)
    }
    if (!this.#backlog.isFull) return
    this.#backlog.reopen()
    this.#subject.resume()
  }
}
