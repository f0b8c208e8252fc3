/**
 * The hub: servers tell it what happens, it puts that in order, judges it, keeps the latest of it, and shows it to pages. It
 * listens on this machine only.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { NodeId } from '../../../machines/batch.ts'
import type { ControlCommand, ControlResult, FaultRule } from '../control.ts'
import type { ServerHello } from '../protocol.ts'
import type { InspectorRecord } from '../record.ts'
import { History, type HistoryLimits } from './history.ts'
import { isOwnHost, isOwnOrigin, type PageFiles, readPage, servePage } from './http.ts'
import { RecordJudge } from './judge.ts'
import { Merge } from './order.ts'
import { Pages } from './pages.ts'
import type { RecordWriter } from './record-file.ts'
import { type ConnectedServer, Servers } from './servers.ts'

export interface HubOptions {
  /** 0 for any that is free. */
  readonly port: number
  /** Where scripts/build-inspector.ts has put the page. */
  readonly pageFolder: string
  /** Is given the JSON of each record. */
  readonly writer?: Pick<RecordWriter, 'write'>
  /** A recording to show in the place of live servers: none may connect then. */
  readonly recording?: { readonly name: string; readonly records: readonly InspectorRecord[] }
  /** How much is kept for pages that come later. */
  readonly limits?: HistoryLimits
  /**
   * Does what pages ask for; left out, they may ask for nothing. What is inside a command is for it to check. `left` aborts
   * when the page is gone.
   */
  readonly control?: (command: ControlCommand, left: AbortSignal) => Promise<ControlResult>
  /** Is called after a server came, by its hello, or went. */
  readonly onServers?: (servers: readonly ConnectedServer[]) => void
  /** Is called when a server says what became of the `hub.control` of that id. */
  readonly onResult?: (id: number, result: ControlResult) => void
}

/** What the hub is doing. */
export interface HubCounters {
  readonly pages: number
  readonly servers: number
  /** Records of which it knows, also those that it has forgotten. */
  readonly records: number
  /** Messages and records of servers that were none. */
  readonly malformed: number
}

export type { ConnectedServer } from './servers.ts'

/** How long records are held back, so that a cause that comes later than its effect finds its place, in milliseconds. */
const holdBackMs = 120
/** And those that heard what nobody is known to have said: a server whose machine is busy tells late. */
const patienceMs = 1_500
const mergeEveryMs = 25

/** How often it is looked whether invariants can be judged again, in milliseconds. */
const judgeEveryMs = 500

/** Pages are sent what there is after so many records, at the latest. */
const sentAtOnce = 200

/** Of a busy cluster a page that comes later has to read the characters. */
const liveLimits = { records: 20_000, characters: 24_000_000 }
const recordingLimits = { records: 40_000, characters: 400_000_000 }

const mostServerBytes = 16 * 1024 * 1024
const mostPageBytes = 256 * 1024

/** A hub that listens. */
export class Hub {
  readonly #options: HubOptions
  readonly #files: PageFiles
  readonly #token = randomBytes(24).toString('base64url')
  readonly #history: History
  readonly #merge = new Merge({ holdBackMs, patienceMs })
  readonly #judge = new RecordJudge()
  readonly #servers: Servers
  readonly #pages: Pages
  readonly #http: Server
  readonly #sockets = new Set<Socket>()
  readonly #serverSockets = new WebSocketServer({
    noServer: true,
    maxPayload: mostServerBytes,
    perMessageDeflate: false,
  })
  readonly #pageSockets = new WebSocketServer({
    noServer: true,
    maxPayload: mostPageBytes,
    perMessageDeflate: false,
  })
  #port = 0
  #cluster: Extract<InspectorRecord, { kind: 'cluster' }> | null = null
  #merging: NodeJS.Timeout | null = null
  #judging: NodeJS.Timeout | null = null

  /** Listens. Rejects when it cannot, as when the port is taken. */
  static async listen(options: HubOptions): Promise<Hub> {
    const hub = new Hub(options)
    await hub.#listen()
    return hub
  }

  private constructor(options: HubOptions) {
    this.#options = options
    this.#files = readPage(options.pageFolder)
    const { recording, limits = recording === undefined ? liveLimits : recordingLimits } = options
    this.#history = new History(limits)
    for (const record of recording?.records ?? []) this.#history.add(record)
    this.#servers = new Servers({
      heard: (node, clock, record, nowMs) => this.#heard(node, clock, record, nowMs),
      greeted: (hello) => this.#greeted(hello),
      answered: (id, result) => options.onResult?.(id, result),
      changed: () => options.onServers?.(this.#servers.connected),
    })
    this.#pages = new Pages({
      history: this.#history,
      source: recording === undefined ? { kind: 'live' } : { kind: 'recording', name: recording.name },
      token: this.#token,
      control: async (command, left) =>
        options.control !== undefined && this.#cluster?.allowsFaults
          ? options.control(command, left)
          : { ok: false, error: notAllowed },
    })
    this.#http = createServer((request, response) => servePage(this.#files, this.#port, request, response))
    this.#http.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    this.#http.maxConnections = 256
    this.#http.requestTimeout = 10_000
    this.#http.headersTimeout = 10_000
  }

  get port(): number {
    return this.#port
  }

  /** Where to look, with the token that control needs. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/#token=${this.#token}`
  }

  get counters(): HubCounters {
    return {
      pages: this.#pages.count,
      servers: this.#servers.connected.length,
      records: this.#history.end,
      malformed: this.#servers.malformed,
    }
  }

  /** The servers that are connected, in order of id. */
  get servers(): readonly ConnectedServer[] {
    return this.#servers.connected
  }

  /** Shows a record that no server has told: of a process, or of a client of the hub's own. It comes after what was shown. */
  show(record: InspectorRecord): void {
    if (record.kind === 'process') this.#heard(record.node, null, record, performance.now())
    else this.#give([record])
  }

  /** What is done to messages is something else now: pages show it. */
  showRules(rules: readonly FaultRule[]): void {
    if (this.#cluster === null) return
    this.#cluster = { ...this.#cluster, rules }
    this.#give([this.#cluster])
  }

  /** Ends every connection, and listens no more. */
  async close(): Promise<void> {
    for (const timer of [this.#merging, this.#judging]) if (timer !== null) clearTimeout(timer)
    this.#merging = null
    this.#give(this.#merge.takeAll())
    const closed = new Promise((resolve) => this.#http.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #listen(): Promise<void> {
    this.#http.listen(this.#options.port, '127.0.0.1')
    await once(this.#http, 'listening')
    this.#port = (this.#http.address() as AddressInfo).port
    this.#judging = setInterval(() => this.#judgeAgain(), judgeEveryMs).unref()
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined)
    const { url = '', headers } = request
    const take = (server: WebSocketServer, taken: (socket: WebSocket) => void) =>
      server.handleUpgrade(request, socket, head, taken)
    if (!isOwnHost(request, this.#port)) refuse(socket, 403)
    else if (url === '/pages') {
      if (!isOwnOrigin(request, this.#port)) refuse(socket, 403)
      else take(this.#pageSockets, (page) => this.#pages.take(page))
    } else if (url === '/servers' && this.#options.recording === undefined) {
      // A browser always says where its page is from, and no server does.
      if (headers.origin !== undefined) refuse(socket, 403)
      else take(this.#serverSockets, (server) => this.#servers.take(server))
    } else refuse(socket, 404)
  }

  #greeted({ cluster, service, founders, allowsFaults }: ServerHello): string | null {
    const before = this.#cluster
    if (before !== null && cluster !== before.cluster) {
      return `this inspector shows the cluster ${before.cluster}`
    }
    // Some of its servers may have been started for it, and others not: each does what it was started for.
    const isAllowed = allowsFaults && this.#options.control !== undefined
    if (before === null)
      this.#cluster = { kind: 'cluster', cluster, service, founders, allowsFaults: isAllowed }
    else if (isAllowed && !before.allowsFaults) this.#cluster = { ...before, allowsFaults: true }
    if (this.#cluster !== null && this.#cluster !== before) this.#give([this.#cluster])
    return null
  }

  #heard(node: NodeId, clock: number | null, record: InspectorRecord, nowMs: number): void {
    this.#merge.add(node, clock, record, nowMs)
    this.#merging ??= setTimeout(() => this.#mergeSome(), mergeEveryMs)
  }

  #mergeSome(): void {
    this.#merging = null
    this.#give(this.#merge.take(performance.now()))
    if (!this.#merge.isEmpty) this.#merging = setTimeout(() => this.#mergeSome(), mergeEveryMs)
  }

  #give(records: readonly InspectorRecord[]): void {
    for (const [place, record] of records.entries()) {
      // A page must not lose its place because much comes at once.
      if (place % sentAtOnce === sentAtOnce - 1) this.#pages.sendNews()
      this.#keep(record)
      const invariants = this.#judge.take(record, performance.now())
      if (invariants !== null) this.#keep({ kind: 'verdict', timeMs: Date.now(), invariants })
    }
    if (records.length > 0) this.#pages.sendNews()
  }

  #judgeAgain(): void {
    if (this.#cluster === null) return
    const invariants = this.#judge.tick(performance.now())
    if (invariants === null) return
    this.#keep({ kind: 'verdict', timeMs: Date.now(), invariants })
    this.#pages.sendNews()
  }

  #keep(record: InspectorRecord): void {
    const text = JSON.stringify(record)
    this.#history.add(record, text)
    this.#options.writer?.write(text)
  }
}

const notAllowed = 'faults can be asked for only where the cluster was started with --allow-faults'

function refuse(socket: Duplex, status: 403 | 404): void {
  const text = status === 403 ? 'Forbidden' : 'Not Found'
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
