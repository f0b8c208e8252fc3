/**
 * The connection from a live server to the hub. It sends records in batches over a WebSocket, which may be lost and made again.
 */
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
  /** The first message on each connection. */
  readonly hello: ServerHello
  /** Receives the commands of the hub, unchecked, and returns their results. */
  readonly onControl?: (command: unknown) => ControlResult
  /** How much it may report. The default costs a server a few percent of its time. */
  readonly allowance?: Allowance
}

/** The server that a reporter reports on. */
export interface ReportedSubject {
  /** A keyframe is due, although no event happens. */
  resume(): void
  /** How far it is now; `null` before it runs. */
  heads(): Omit<HeadsRecord, 'leftOut'> | null
}

/** What happened to the records so far. */
export interface ReporterCounters {
  readonly isConnected: boolean
  readonly sent: number
  readonly leftOut: number
  /** Characters and bytes of records that wait here: to be sent, or to be read by the hub. */
  readonly waiting: number
}

/** Records are sent this many milliseconds after the first of them was made. */
const flushMs = 50

/**
 * While records are left out, heads are sent at multiples of this many milliseconds by the clock, so that servers whose clocks
 * agree report the same moments.
 */
const headsEveryMs = 200

/** The reporter stops sending to a hub with this many unread bytes. */
const mostUnreadBytes = 1_000_000

/** Under load, some fifty records of a leader in each window; after a quiet time, some hundreds at once. */
const usualAllowance = { windowMs: 500, weight: 120_000, most: 1_200_000 }
const backlogLimits = { records: 4_000, characters: 2_000_000 }

/**
 * Sends the records that it is given, as long as a hub reads them. It keeps no process alive and throws nothing. What it holds is
 * bounded: by `backlogLimits`, and on the connection by `mostUnreadBytes` and the last send.
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
  /** The moment of the last heads, or of the next heads if they are scheduled. A timer may fire a millisecond too early. */
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
      received: (text) => this.#received(text),
    })
  }

  /** Begins to connect to the hub, and reports on `subject` from now on. */
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

  /** Sends what waits, and closes the connection. Resolves when that is done, or has taken too long. */
  close(): Promise<void> {
    this.#flush()
    this.#isClosed = true
    for (const timer of [this.#flushTimer, this.#resumeTimer, this.#headsTimer])
      if (timer !== null) clearTimeout(timer)
    return this.#connection.close()
  }

  #opened(): void {
    this.#connection.send(JSON.stringify(this.#options.hello))
    this.#backlog.reopen()
    // The backlog must begin with a keyframe.
    if (this.#backlog.isEmpty) this.#subject.resume()
    else this.#flushSoon()
  }

  #received(text: string): void {
    try {
      const message: unknown = JSON.parse(text)
      if (typeof message !== 'object' || message === null || !('type' in message)) return
      if (message.type !== 'hub.control' || !('command' in message)) return
      const result = this.#options.onControl?.(message.command)
      if (result === undefined || !('id' in message) || typeof message.id !== 'number') return
      const answer: ServerToHub = { type: 'server.result', id: message.id, result }
      this.#connection.send(JSON.stringify(answer))
    } catch {
      // Malformed messages of a hub are ignored.
    }
  }

  /** Schedules a keyframe; otherwise the last event before a pause would stay unseen until the next event. */
  #resumeLater(): void {
    if (this.#backlog.isFull || this.#isClosed) return
    this.#resumeTimer ??= setTimeout(() => {
      this.#resumeTimer = null
      this.#subject.resume()
      // Overspending may have used up this window too.
      if (this.#backlog.needsKeyframe) this.#resumeLater()
    }, this.#allowance.untilNextMs(Date.now()) + 1).unref()
  }

  /** Schedules heads. A hub that is absent or does not read gets none. */
  #headsLater(): void {
    if (this.#headsTimer !== null || this.#backlog.isFull || this.#isClosed || !this.#connection.isOpen)
      return
    const nowMs = Date.now()
    // A clock that was set back by more than the interval has other moments.
    const lastMs = this.#headsMs - nowMs > headsEveryMs ? 0 : this.#headsMs
    this.#headsMs = (Math.floor(Math.max(nowMs, lastMs) / headsEveryMs) + 1) * headsEveryMs
    this.#headsTimer = setTimeout(() => {
      this.#headsTimer = null
      // A keyframe may have been sent since: then nothing is missing.
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
      this.#connection.send(`{"type":"server.records","leftOut":${leftOut},"records":[${records.join(',')}]}`)
    }
    if (!this.#backlog.isFull) return
    this.#backlog.reopen()
    this.#subject.resume()
  }
}
