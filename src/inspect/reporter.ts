/** The wire from a live server to the hub: records in batches over a WebSocket, which may come and go. */
import { connect as connectTcp, type NetConnectOpts } from 'node:net'
import { WebSocket } from 'ws'
import type { Address } from '../../machines/batch.ts'
import { Allowance } from './allowance.ts'
import { Backlog } from './backlog.ts'
import type { ControlResult } from './control.ts'
import type { RecordSink } from './observer.ts'
import type { ServerToHub } from './protocol.ts'
import type { ServerRecord } from './record.ts'

export type ServerHello = Extract<ServerToHub, { type: 'server.hello' }>

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

/** How long to wait before the next try to connect, in milliseconds: twice as long each time. */
const firstRetryMs = 250
const lastRetryMs = 5_000

/** Nothing more is given to a hub that has so many bytes to read. */
const mostUnreadBytes = 1_000_000

/** A hub has no long things to say. */
const mostHeardBytes = 1_000_000

const handshakeMs = 5_000

/** How long the last records have to leave, in milliseconds. */
const closingMs = 250

const usualAllowance = { windowMs: 500, weight: 250_000 }
const backlogLimits = { records: 4_000, characters: 2_000_000 }

/**
 * Sends what it is given for as long as a hub takes it. It keeps no process alive and throws nothing. What it holds is
 * bounded: by `backlogLimits`, and on the wire by `mostUnreadBytes` and what was waiting when the last of it was sent.
 */
export class Reporter implements RecordSink {
  readonly #options: ReporterOptions
  readonly #allowance: Allowance
  readonly #backlog: Backlog
  #resume: () => void = () => undefined
  /** The connection, once it is there. */
  #socket: WebSocket | null = null
  #connecting: WebSocket | null = null
  #retryMs = firstRetryMs
  #retryTimer: NodeJS.Timeout | null = null
  #flushTimer: NodeJS.Timeout | null = null
  #resumeTimer: NodeJS.Timeout | null = null
  #sent = 0
  #isClosed = false

  constructor(options: ReporterOptions) {
    this.#options = options
    this.#allowance = options.allowance ?? new Allowance(usualAllowance)
    this.#backlog = new Backlog(this.#allowance, backlogLimits)
  }

  /** Begins to look for the hub. `resume` is called when it is time for a survey, though nothing happens. */
  start(resume: () => void): void {
    this.#resume = resume
    this.#connect()
  }

  get counters(): ReporterCounters {
    return {
      isConnected: this.#socket !== null,
      sent: this.#sent,
      leftOut: this.#backlog.totalLeftOut,
      waiting: this.#backlog.characters + (this.#socket?.bufferedAmount ?? 0),
    }
  }

  get needsSurvey(): boolean {
    return this.#backlog.needsSurvey
  }

  admits(): boolean {
    return !this.#isClosed && this.#backlog.admits(Date.now())
  }

  leaveOut(): void {
    this.#backlog.leaveOut()
    if (this.#backlog.isFull || this.#isClosed) return
    // The last that happened in this window would stay unseen if nothing happened in the next.
    this.#resumeTimer ??= setTimeout(() => {
      this.#resumeTimer = null
      this.#resume()
    }, this.#allowance.untilNextMs(Date.now()) + 1).unref()
  }

  add(record: ServerRecord): void {
    this.#backlog.add(record)
    if (this.#socket !== null) this.#flushSoon()
  }

  /** Sends what there is, and ends the connection. Resolves when that is done, or has taken too long. */
  close(): Promise<void> {
    this.#flush()
    this.#isClosed = true
    for (const timer of [this.#retryTimer, this.#flushTimer, this.#resumeTimer]) {
      if (timer !== null) clearTimeout(timer)
    }
    this.#connecting?.terminate()
    const socket = this.#socket
    if (socket === null) return Promise.resolve()
    return new Promise((resolve) => {
      const impatience = setTimeout(() => socket.terminate(), closingMs)
      socket.once('close', () => {
        clearTimeout(impatience)
        resolve()
      })
      socket.close()
    })
  }

  #connect(): void {
    this.#retryTimer = null
    const socket = new WebSocket(`ws://${this.#options.hub}/servers`, {
      perMessageDeflate: false,
      handshakeTimeout: handshakeMs,
      maxPayload: mostHeardBytes,
      createConnection: (options: NetConnectOpts) => connectTcp(options).unref(),
    } as WebSocket.ClientOptions)
    this.#connecting = socket
    socket.on('open', () => this.#opened(socket))
    socket.on('message', (data) => this.#heard(socket, String(data)))
    // What went wrong does not matter: the connection closes after it.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#closed(socket))
  }

  #opened(socket: WebSocket): void {
    this.#connecting = null
    this.#socket = socket
    this.#retryMs = firstRetryMs
    this.#say(socket, JSON.stringify(this.#options.hello))
    this.#backlog.reopen()
    // What waits begins with a survey.
    if (this.#backlog.isEmpty) this.#resume()
    else this.#flushSoon()
  }

  #closed(socket: WebSocket): void {
    this.#connecting = null
    if (this.#socket === socket) {
      this.#socket = null
      this.#backlog.forget()
    }
    if (this.#isClosed) return
    this.#retryTimer = setTimeout(() => this.#connect(), this.#retryMs).unref()
    this.#retryMs = Math.min(lastRetryMs, this.#retryMs * 2)
  }

  #heard(socket: WebSocket, text: string): void {
    try {
      const said: unknown = JSON.parse(text)
      if (typeof said !== 'object' || said === null || !('type' in said)) return
      if (said.type !== 'hub.control' || !('command' in said)) return
      const result = this.#options.onControl?.(said.command)
      if (result === undefined || !('id' in said) || typeof said.id !== 'number') return
      const answer: ServerToHub = { type: 'server.result', id: said.id, result }
      this.#say(socket, JSON.stringify(answer))
    } catch {
      // A hub that says nonsense is no reason to stop.
    }
  }

  #flushSoon(): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = null
      this.#flush()
    }, flushMs).unref()
  }

  #flush(): void {
    const socket = this.#socket
    if (socket === null) return
    if (socket.bufferedAmount > mostUnreadBytes) {
      this.#flushSoon()
      return
    }
    for (const { leftOut, records } of this.#backlog.take()) {
      this.#sent += records.length
      this.#say(socket, `{"type":"server.records","leftOut":${leftOut},"records":[${records.join(',')}]}`)
    }
    if (!this.#backlog.isFull) return
    this.#backlog.reopen()
    this.#resume()
  }

  #say(socket: WebSocket, text: string): void {
    // An error is followed by the end of the connection.
    socket.send(text, () => undefined)
  }
}
