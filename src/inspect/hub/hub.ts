/**
 * The hub receives the records of servers, orders them, judges the invariants, keeps the latest records and sends them to pages.
 * It listens on this machine only.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Address, NodeId } from '../../../machines/batch.ts'
import { type ControlCommand, type ControlResult, done, type FaultRule, failed } from '../records/control.ts'
import type { Refusal, ServerHello } from '../records/protocol.ts'
import type { InspectorRecord, InvariantStanding } from '../records/record.ts'
import { isSameCluster } from '../records/same-cluster.ts'
import { clusterKey } from './cluster-key.ts'
import { History, type HistoryLimits } from './history.ts'
import { isOwnHost, isOwnOrigin, type PageFiles, readPage, servePage } from './http.ts'
import { RecordJudge } from './judge.ts'
import { Merge } from './order.ts'
import { Pages } from './pages.ts'
import type { RecordWriter } from './record-file.ts'
import { Refusals } from './refusals.ts'
import { type ConnectedServer, Servers } from './servers.ts'
import { Thinner } from './thinner.ts'

export interface HubOptions {
  /** 0: any free port. */
  readonly port: number
  /** The folder into which scripts/build-inspector.ts wrote the page. */
  readonly pageFolder: string
  /** Receives the JSON of each record. */
  readonly writer?: Pick<RecordWriter, 'write'>
  /** A recording to show instead of live servers. No server may connect then. */
  readonly recording?: { readonly name: string; readonly records: readonly InspectorRecord[] }
  /** How much is kept for pages that connect later. */
  readonly limits?: HistoryLimits
  /**
   * Executes the commands of pages, and checks their content. If left out, pages cannot send commands. `left` aborts when the
   * page disconnects.
   */
  readonly control?: (command: ControlCommand, left: AbortSignal) => Promise<ControlResult>
  /** Called after the hello of a server, and after a server disconnected. */
  readonly onServers?: (servers: readonly ConnectedServer[]) => void
  /**
   * If no server of the shown cluster is connected for this many milliseconds, another cluster may replace it; 10,000 by default.
   */
  readonly forgottenAfterMs?: number
  /** Called each time when a server is refused. */
  readonly onRefused?: (refusal: Refusal) => void
  /** Called when a server reports the result of the `hub.control` with that id. */
  readonly onResult?: (id: number, result: ControlResult) => void
}

/** Counters of the hub. */
export interface HubCounters {
  readonly pages: number
  readonly servers: number
  /** All records that were kept so far, also those that were evicted since. */
  readonly records: number
  /** Malformed messages and records of servers. */
  readonly malformed: number
  /** Connections that were closed because they broke the rules. */
  readonly ended: number
  /** How often servers were refused. */
  readonly refused: number
}

export type { ConnectedServer } from './servers.ts'

/** How long records are held back, in milliseconds, so that a cause that arrives after its effect is still put before it. */
const holdBackMs = 120
/** The same for a received message whose sender has not reported it: a server on a busy machine reports late. */
const patienceMs = 1_500
const mergeEveryMs = 25

/** How often the hub checks whether invariants can be judged again, in milliseconds. */
const judgeEveryMs = 500

/** Pages are sent new records after this many at the latest. */
const sentAtOnce = 200

/** A page that connects later must read all these characters of a busy cluster. */
const liveLimits = { records: 20_000, characters: 24_000_000, bytes: 128 * 1024 * 1024 }
const recordingLimits = { records: 40_000, characters: 400_000_000, bytes: 2_048 * 1024 * 1024 }

/** About how many bytes of memory are held back. Above this limit, the hub orders what it has as well as it can. */
const mostHeldBackBytes = 32 * 1024 * 1024

/** Several times as much as a server lets wait. */
const mostServerBytes = 8 * 1024 * 1024
const mostPageBytes = 256 * 1024

/** The limits of connections: from one address, and in total. */
const mostConnections = { ofAddress: 192, inAll: 256 }

/** The default of `forgottenAfterMs`. */
const usuallyForgottenAfterMs = 10_000

/** How long the hub waits for a cluster that a page chose, in milliseconds. */
const chosenForMs = 20_000

/** The shortest interval between two messages about refusals to pages, in milliseconds. */
const refusalsEveryMs = 250

export class Hub {
  readonly #options: HubOptions
  readonly #files: PageFiles
  readonly #token = randomBytes(24).toString('base64url')
  readonly #limits: HistoryLimits
  #history: History
  #merge = new Merge({ holdBackMs, patienceMs })
  #judge = new RecordJudge()
  #thinner = new Thinner()
  readonly #refusals = new Refusals()
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
  /** Since when no server of the cluster is connected; `null` while one is connected, or without a cluster. */
  #emptySinceMs: number | null = null
  /** The cluster that a page chose, until one of its servers connects. */
  #chosen: { readonly key: string; readonly untilMs: number } | null = null
  /** Only these servers may introduce a cluster that is not shown yet; `null`: any server. */
  #ownServers: ReadonlySet<Address> | null = null
  #showingRefusals: NodeJS.Timeout | null = null
  #merging: NodeJS.Timeout | null = null
  #judging: NodeJS.Timeout | null = null

  /** Starts to listen. Rejects when this fails, for example because the port is in use. */
  static async listen(options: HubOptions): Promise<Hub> {
    const hub = new Hub(options)
    await hub.#listen()
    return hub
  }

  private constructor(options: HubOptions) {
    this.#options = options
    this.#files = readPage(options.pageFolder)
    const { recording, limits = recording === undefined ? liveLimits : recordingLimits } = options
    this.#limits = limits
    this.#history = new History(limits)
    for (const record of recording?.records ?? []) this.#history.add(record)
    this.#servers = new Servers({
      received: (node, clock, record, nowMs) => this.#received(node, clock, record, nowMs),
      greeted: (hello) => this.#greeted(hello),
      answered: (id, result) => options.onResult?.(id, result),
      changed: () => this.#serversChanged(),
    })
    this.#pages = new Pages({
      history: () => this.#history,
      refusals: () => this.#refusals.list,
      source: recording === undefined ? { kind: 'live' } : { kind: 'recording', name: recording.name },
      token: this.#token,
      control: async (command, left) => {
        if (command.type === 'cluster') return this.#choose(command.key)
        return options.control !== undefined && this.#cluster?.allowsFaults
          ? options.control(command, left)
          : { ok: false, error: notAllowed }
      },
    })
    this.#http = createServer((request, response) => servePage(this.#files, this.#port, request, response))
    this.#http.on('connection', (socket) => {
      const { remoteAddress } = socket
      const known = [...this.#sockets].filter((other) => other.remoteAddress === remoteAddress)
      if (known.length >= mostConnections.ofAddress) {
        socket.destroy()
        return
      }
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    this.#http.maxConnections = mostConnections.inAll
    this.#http.requestTimeout = 10_000
    this.#http.headersTimeout = 10_000
  }

  get port(): number {
    return this.#port
  }

  /** The address of the page, with the token that commands need. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/#token=${this.#token}`
  }

  get counters(): HubCounters {
    return {
      pages: this.#pages.count,
      servers: this.#servers.connected.length,
      records: this.#history.end,
      malformed: this.#servers.malformed,
      ended: this.#servers.ended,
      refused: this.#refusals.count,
    }
  }

  /** The connected servers, in order of id. */
  get servers(): readonly ConnectedServer[] {
    return this.#servers.connected
  }

  /**
   * Adds a record that comes from no server: of a process, or of the hub's own client. It follows all records that were shown.
   */
  show(record: InspectorRecord): void {
    if (record.kind === 'process') {
      const { node, state } = record
      if (state === 'paused' || state === 'resumed') this.#servers.processSeen(node, state)
      this.#received(node, null, record, performance.now())
    } else this.#give([record])
  }

  /** Sends pages the new rules for messages. */
  showRules(rules: readonly FaultRule[]): void {
    if (this.#cluster === null) return
    this.#cluster = { ...this.#cluster, rules }
    this.#give([this.#cluster])
  }

  /** From now on only the servers at these addresses may introduce a cluster. Other servers of the same cluster may join it. */
  expect(addresses: readonly Address[]): void {
    this.#ownServers = new Set(addresses)
  }

  /** Closes every connection and stops listening. */
  async close(): Promise<void> {
    for (const timer of [this.#merging, this.#judging, this.#showingRefusals]) {
      if (timer !== null) clearTimeout(timer)
    }
    this.#merging = null
    this.#give(this.#merge.takeAll())
    this.#keepAll(this.#thinner.flush())
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
      // A browser always sends the origin of its page; a server sends none.
      if (headers.origin !== undefined) refuse(socket, 403)
      else take(this.#serverSockets, (server) => this.#servers.take(server, socket))
    } else refuse(socket, 404)
  }

  /** Admits the server, or returns the reason why it is refused. */
  #greeted(hello: ServerHello): string | null {
    const refusal = this.#refusalOf(hello)
    if (refusal !== null) {
      this.#refused(hello, refusal)
      return refusal
    }
    const { cluster, service, founders, allowsFaults } = hello
    const before = this.#cluster
    if (before !== null && !isSameCluster(hello, before)) this.#forget()
    this.#chosen = null
    if (this.#refusals.forget(hello)) this.#showRefusals()
    // Some servers of a cluster may allow faults and others not: each obeys its own option.
    const isAllowed = allowsFaults && this.#options.control !== undefined
    const known = this.#cluster
    if (known === null)
      this.#cluster = { kind: 'cluster', cluster, service, founders, allowsFaults: isAllowed }
    else if (isAllowed && !known.allowsFaults) this.#cluster = { ...known, allowsFaults: true }
    if (this.#cluster !== null && this.#cluster !== known) this.#give([this.#cluster])
    return null
  }

  /**
   * The reason why the server is refused. The shown cluster stays while one of its servers is connected, and for some seconds
   * longer, so that a restart of its servers does not lose its history.
   */
  #refusalOf(hello: ServerHello): string | null {
    const shown = this.#cluster
    if (shown !== null && isSameCluster(hello, shown)) return null
    const nowMs = performance.now()
    if (this.#ownServers !== null && !this.#ownServers.has(hello.address)) {
      return 'this inspector shows only the cluster that it was started with'
    }
    if (this.#chosen !== null && nowMs < this.#chosen.untilMs) {
      return clusterKey(hello) === this.#chosen.key ? null : 'another cluster was chosen on the page'
    }
    if (shown === null || this.#emptySinceMs === null) {
      return shown === null ? null : `this inspector shows the cluster ${shown.cluster}`
    }
    const { forgottenAfterMs = usuallyForgottenAfterMs } = this.#options
    const restMs = this.#emptySinceMs + forgottenAfterMs - nowMs
    return restMs <= 0
      ? null
      : `this inspector shows the cluster ${shown.cluster}, for ${Math.ceil(restMs / 1_000)} s more if none of its servers comes`
  }

  #refused(hello: ServerHello, reason: string): void {
    const refusal = this.#refusals.add(hello, reason, Date.now())
    this.#options.onRefused?.(refusal)
    this.#showRefusals()
  }

  #showRefusals(): void {
    this.#showingRefusals ??= setTimeout(() => {
      this.#showingRefusals = null
      this.#pages.showRefusals()
    }, refusalsEveryMs).unref()
  }

  /** A page chose another cluster. The servers of that cluster connect again by themselves. */
  #choose(key: string): ControlResult {
    const refusal = this.#refusals.list.find((other) => other.key === key)
    if (refusal === undefined) return failed('no server of this cluster was refused recently')
    if (this.#ownServers !== null && !this.#ownServers.has(refusal.address)) return failed(refusal.reason)
    this.#chosen = { key, untilMs: performance.now() + chosenForMs }
    this.#forget()
    return done(`the cluster ${refusal.cluster} will be shown as soon as one of its servers connects again`)
  }

  /** Forgets the cluster and its records. Pages begin again. */
  #forget(): void {
    this.#cluster = null
    this.#servers.forget()
    this.#emptySinceMs = null
    this.#history = new History(this.#limits)
    this.#merge = new Merge({ holdBackMs, patienceMs })
    this.#judge = new RecordJudge()
    this.#thinner = new Thinner()
    this.#pages.restart()
  }

  #serversChanged(): void {
    const { connected } = this.#servers
    if (connected.length > 0) this.#emptySinceMs = null
    else if (this.#cluster !== null) this.#emptySinceMs ??= performance.now()
    this.#options.onServers?.(connected)
  }

  #received(node: NodeId, clock: number | null, record: InspectorRecord, nowMs: number): void {
    this.#merge.add(node, clock, record, nowMs)
    if (this.#merge.bytes > mostHeldBackBytes) this.#give(this.#merge.takeAll())
    this.#merging ??= setTimeout(() => this.#mergeSome(), mergeEveryMs)
  }

  #mergeSome(): void {
    this.#merging = null
    this.#give(this.#merge.take(performance.now()))
    if (!this.#merge.isEmpty) this.#merging = setTimeout(() => this.#mergeSome(), mergeEveryMs)
  }

  #give(records: readonly InspectorRecord[]): void {
    for (const [place, record] of records.entries()) {
      // Send in portions, so that a burst of records does not evict the place at which a page reads.
      if (place % sentAtOnce === sentAtOnce - 1) this.#pages.sendNews()
      const nowMs = performance.now()
      this.#keepAll(this.#thinner.take(record, nowMs))
      const invariants = this.#judge.take(record, nowMs)
      if (invariants !== null) this.#keepVerdict(invariants)
    }
    if (records.length > 0) this.#pages.sendNews()
  }

  #judgeAgain(): void {
    if (this.#cluster === null) return
    const nowMs = performance.now()
    const before = this.#history.end
    this.#keepAll(this.#thinner.tick(nowMs))
    const invariants = this.#judge.tick(nowMs)
    if (invariants !== null) this.#keepVerdict(invariants)
    if (this.#history.end > before) this.#pages.sendNews()
  }

  /** The verdict follows the record that caused it. */
  #keepVerdict(invariants: readonly InvariantStanding[]): void {
    this.#keepAll(this.#thinner.flush())
    this.#keep({ kind: 'verdict', timeMs: Date.now(), invariants })
  }

  #keepAll(records: readonly InspectorRecord[]): void {
    for (const record of records) this.#keep(record)
  }

  #keep(record: InspectorRecord): void {
    const text = JSON.stringify(record)
    this.#history.add(record, text)
    this.#options.writer?.write(text)
  }
}

const notAllowed = 'faults need a cluster that was started with --allow-faults'

function refuse(socket: Duplex, status: 403 | 404): void {
  const text = status === 403 ? 'Forbidden' : 'Not Found'
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
