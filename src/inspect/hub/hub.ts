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
  /** A cluster of which no server is connected gives way to another one after so many milliseconds; by default after ten seconds. */
  readonly forgottenAfterMs?: number
  /** Is called when a server was refused, each time. */
  readonly onRefused?: (refusal: Refusal) => void
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
  /** Connections that were ended because they did not keep to the rules. */
  readonly ended: number
  /** Servers that were refused, each time. */
  readonly refused: number
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
const liveLimits = { records: 20_000, characters: 24_000_000, bytes: 128 * 1024 * 1024 }
const recordingLimits = { records: 40_000, characters: 400_000_000, bytes: 2_048 * 1024 * 1024 }

/** What is held back, in bytes of memory, about: where more comes, what is there is put in order as well as can be. */
const mostHeldBackBytes = 32 * 1024 * 1024

/** Some times as much as a server lets wait. */
const mostServerBytes = 8 * 1024 * 1024
const mostPageBytes = 256 * 1024

/** Of one address there are at most so many connections, and so many in all. */
const mostConnections = { ofAddress: 192, inAll: 256 }

/** A cluster of which no server is connected gives way to another one after so long, in milliseconds, unless it is told otherwise. */
const usuallyForgottenAfterMs = 10_000

/** How long a cluster that a page chose has to come, in milliseconds. */
const chosenForMs = 20_000

/** Refusals are shown to pages so often at most, in milliseconds. */
const refusalsEveryMs = 250

/** A hub that listens. */
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
  /** Since when no server of the cluster is connected; `null` while one is, or there is no cluster. */
  #emptySinceMs: number | null = null
  /** The cluster that a page chose, until one of its servers comes. */
  #chosen: { readonly key: string; readonly untilMs: number } | null = null
  /** Only these servers may bring a cluster that is not shown yet; `null` for any. */
  #ownServers: ReadonlySet<Address> | null = null
  #showingRefusals: NodeJS.Timeout | null = null
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
    this.#limits = limits
    this.#history = new History(limits)
    for (const record of recording?.records ?? []) this.#history.add(record)
    this.#servers = new Servers({
      heard: (node, clock, record, nowMs) => this.#heard(node, clock, record, nowMs),
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
      ended: this.#servers.ended,
      refused: this.#refusals.count,
    }
  }

  /** The servers that are connected, in order of id. */
  get servers(): readonly ConnectedServer[] {
    return this.#servers.connected
  }

  /** Shows a record that no server has told: of a process, or of a client of the hub's own. It comes after what was shown. */
  show(record: InspectorRecord): void {
    if (record.kind === 'process') {
      const { node, state } = record
      if (state === 'paused' || state === 'resumed') this.#servers.processSeen(node, state)
      this.#heard(node, null, record, performance.now())
    } else this.#give([record])
  }

  /** What is done to messages is something else now: pages show it. */
  showRules(rules: readonly FaultRule[]): void {
    if (this.#cluster === null) return
    this.#cluster = { ...this.#cluster, rules }
    this.#give([this.#cluster])
  }

  /** Only the servers at these addresses may bring a cluster from now on; others of the same cluster may join it. */
  expect(addresses: readonly Address[]): void {
    this.#ownServers = new Set(addresses)
  }

  /** Ends every connection, and listens no more. */
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
      // A browser always says where its page is from, and no server does.
      if (headers.origin !== undefined) refuse(socket, 403)
      else take(this.#serverSockets, (server) => this.#servers.take(server, socket))
    } else refuse(socket, 404)
  }

  /** Takes the server, or says why it is refused. */
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
    // Some of its servers may have been started for it, and others not: each does what it was started for.
    const isAllowed = allowsFaults && this.#options.control !== undefined
    const known = this.#cluster
    if (known === null)
      this.#cluster = { kind: 'cluster', cluster, service, founders, allowsFaults: isAllowed }
    else if (isAllowed && !known.allowsFaults) this.#cluster = { ...known, allowsFaults: true }
    if (this.#cluster !== null && this.#cluster !== known) this.#give([this.#cluster])
    return null
  }

  /**
   * Why the server is not shown. The cluster that is shown stays while one of its servers is connected, and for some seconds after
   * that, so that what was seen of it is not lost by a restart of its servers.
   */
  #refusalOf(hello: ServerHello): string | null {
    const shown = this.#cluster
    if (shown !== null && isSameCluster(hello, shown)) return null
    const nowMs = performance.now()
    if (this.#ownServers !== null && !this.#ownServers.has(hello.address)) {
      return 'this inspector shows the cluster with which it was started'
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

  /** A page wants to see another cluster: its servers come again by themselves. */
  #choose(key: string): ControlResult {
    const refusal = this.#refusals.list.find((other) => other.key === key)
    if (refusal === undefined) return failed('no server of such a cluster was refused lately')
    if (this.#ownServers !== null && !this.#ownServers.has(refusal.address)) return failed(refusal.reason)
    this.#chosen = { key, untilMs: performance.now() + chosenForMs }
    this.#forget()
    return done(`the cluster ${refusal.cluster} is shown as soon as one of its servers comes again`)
  }

  /** Nothing is known of any cluster any more, and pages begin anew. */
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

  #heard(node: NodeId, clock: number | null, record: InspectorRecord, nowMs: number): void {
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
      // A page must not lose its place because much comes at once.
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

  /** It comes right after the record that brought it. */
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

const notAllowed = 'faults can be asked for only where the cluster was started with --allow-faults'

function refuse(socket: Duplex, status: 403 | 404): void {
  const text = status === 403 ? 'Forbidden' : 'Not Found'
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
