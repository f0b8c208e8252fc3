/** The servers that send records to the hub. Their input is checked here. */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { NodeId } from '../../../machines/batch.ts'
import { canonicalAddress } from '../../network/address.ts'
import type { ControlResult } from '../records/control.ts'
import { fieldOf } from '../records/field-of.ts'
import type { HubToServer, ServerHello } from '../records/protocol.ts'
import type { InspectorRecord } from '../records/record.ts'
import { Intake } from './intake.ts'
import { mostRecordBytes, recordBytes } from './record-bytes.ts'
import { isRecordBatch, isServerHello, isServerRecord, isServerResult } from './record-check.ts'

/** How many servers may be connected at once. */
const mostServers = 128

/** How many servers of a cluster are remembered, including those that are gone. */
const mostKnown = 64

/** How many connections may be without a hello. One more ends the oldest. */
const mostStrangers = 16

/** How long a connection has to send its hello, in milliseconds. */
const helloMs = 5_000

/** How long a refused server has to read the reason, in milliseconds. */
const closingMs = 500

const intakeLimits = { helloBytes: 64 * 1024, unfinishedBytes: 32 * 1024 * 1024 }

/** How often servers are pinged, and how long a ping may stay unanswered, in milliseconds. */
const lookMs = 1_000
const mostUnanswered = 4

const notAnswering = 'it does not answer the inspector: the process is stopped, or gets no CPU time'

/** The hub stops sending to a server with this many unread bytes. */
const mostUnreadBytes = 1_000_000

/** A server that is connected. */
export interface ConnectedServer {
  readonly hello: ServerHello
  /** Sends it a message. Returns false when it does not read. */
  send(message: HubToServer): boolean
}

export interface ServersOptions {
  /** Receives each record of or about a server. `clock` is `null` for what the hub observes from outside. */
  readonly received: (node: NodeId, clock: number | null, record: InspectorRecord, nowMs: number) => void
  /** A server sent its hello. Returns the reason when it is refused. */
  readonly greeted: (hello: ServerHello) => string | null
  /** A server reports the result of the `hub.control` with that id. */
  readonly answered: (id: number, result: ControlResult) => void
  /** Is called after a server came or went. */
  readonly changed: () => void
}

export class Servers {
  readonly #options: ServersOptions
  readonly #sockets = new Set<WebSocket>()
  /** The connections without a hello, the oldest first. */
  readonly #strangers = new Set<WebSocket>()
  readonly #intake = new Intake(intakeLimits)
  readonly #connected = new Map<NodeId, Connection>()
  /** The last run of each server that sent a record. */
  readonly #runs = new Map<NodeId, string>()
  #looking: NodeJS.Timeout | null = null
  /** Messages and records that were malformed, or larger than any that a server sends. */
  malformed = 0
  /** Connections that were closed because they sent too much, too little or nonsense, or were too many. */
  ended = 0

  constructor(options: ServersOptions) {
    this.#options = options
  }

  /** The connected servers, in order of id. */
  get connected(): readonly ConnectedServer[] {
    return [...this.#connected.values()]
      .map(({ server }) => server)
      .sort((a, b) => a.hello.node - b.hello.node)
  }

  /** Takes a connection on `/servers`. `raw` is its raw socket. */
  take(socket: WebSocket, raw: Duplex): void {
    if (this.#sockets.size >= mostServers) {
      this.#offends(socket)
      return
    }
    this.#sockets.add(socket)
    this.#strangers.add(socket)
    const [oldest] = this.#strangers
    if (this.#strangers.size > mostStrangers && oldest !== undefined) this.#offends(oldest)
    let connection: Connection | null = null
    const flow = this.#intake.watch(raw, () => this.#offends(socket))
    const impatience = setTimeout(() => this.#offends(socket), helloMs)
    socket.on('message', (data, isBinary) => {
      flow.finished()
      const message = isBinary ? undefined : parsed(String(data))
      if (connection !== null) {
        this.#receive(connection, message)
        return
      }
      if (flow.isGreeted) return
      clearTimeout(impatience)
      this.#strangers.delete(socket)
      flow.isGreeted = true
      if (!isServerHello(message)) {
        this.malformed += 1
        this.#offends(socket)
        return
      }
      const hello = { ...message, address: canonicalAddress(message.address) }
      const refusal = this.#refusalOf(hello)
      if (refusal === null) connection = this.#begin(hello, socket)
      else refuse(socket, refusal)
    })
    socket.on('pong', () => {
      if (connection !== null) this.#answers(connection)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(impatience)
      this.#sockets.delete(socket)
      this.#strangers.delete(socket)
      if (connection !== null) this.#end(connection)
    })
  }

  /** Closes the connections of all servers and forgets the servers. They may connect again. */
  forget(): void {
    for (const { socket } of this.#connected.values()) socket.terminate()
    this.#connected.clear()
    this.#runs.clear()
    this.#options.changed()
  }

  /** A process was paused or resumed by command: then a missing answer is not reported. */
  processSeen(node: NodeId, state: 'paused' | 'resumed'): void {
    const connection = this.#connected.get(node)
    if (connection !== undefined) connection.isPaused = state === 'paused'
  }

  /** The connection broke the rules: it is destroyed at once, without a closing handshake, so that it holds nothing longer. */
  #offends(socket: WebSocket): void {
    this.ended += 1
    this.#strangers.delete(socket)
    socket.terminate()
  }

  #refusalOf(hello: ServerHello): string | null {
    if (!this.#runs.has(hello.node) && this.#runs.size >= mostKnown) {
      return `more than ${mostKnown} servers have been seen`
    }
    return this.#options.greeted(hello)
  }

  #begin(hello: ServerHello, socket: WebSocket): Connection {
    const { node, run } = hello
    // The earlier connection of a server that connected again is ignored.
    const before = this.#connected.get(node)
    if (before !== undefined) {
      this.#connected.delete(node)
      before.socket.terminate()
    }
    const server: ConnectedServer = {
      hello,
      send: (message) => {
        if (socket.readyState !== socket.OPEN || socket.bufferedAmount > mostUnreadBytes) return false
        socket.send(JSON.stringify(message), () => undefined)
        return true
      },
    }
    const connection: Connection = {
      hello,
      server,
      socket,
      isFirst: this.#runs.get(node) !== run,
      endedBecause: null,
      unanswered: 0,
      isPaused: false,
    }
    this.#connected.set(node, connection)
    this.#runs.set(node, run)
    this.#report(node, { state: 'up', reason: null })
    this.#looking ??= setInterval(() => this.#look(), lookMs).unref()
    this.#options.changed()
    return connection
  }

  /** A stopped process keeps its connection. The page must not show it like an idle server. */
  #look(): void {
    for (const connection of this.#connected.values()) {
      const { hello, socket } = connection
      if (connection.unanswered === mostUnanswered && !connection.isPaused) {
        connection.isPaused = true
        this.#report(hello.node, { state: 'paused', reason: notAnswering })
      }
      connection.unanswered = Math.min(mostUnanswered, connection.unanswered + 1)
      socket.ping(() => undefined)
    }
    if (this.#connected.size > 0 || this.#looking === null) return
    clearInterval(this.#looking)
    this.#looking = null
  }

  #answers(connection: Connection): void {
    connection.unanswered = 0
    if (!connection.isPaused || !this.#isCurrent(connection)) return
    connection.isPaused = false
    this.#report(connection.hello.node, { state: 'resumed', reason: null })
  }

  #isCurrent({ hello, socket }: Connection): boolean {
    return this.#connected.get(hello.node)?.socket === socket
  }

  #end(connection: Connection): void {
    if (!this.#isCurrent(connection)) return
    const { hello, endedBecause } = connection
    this.#connected.delete(hello.node)
    this.#report(hello.node, { state: 'gone', reason: endedBecause ?? 'its connection ended' })
    this.#options.changed()
  }

  #receive(connection: Connection, message: unknown): void {
    if (!this.#isCurrent(connection)) return
    const { hello } = connection
    if (isServerResult(message)) {
      this.#options.answered(message.id, message.result)
      return
    }
    if (!isRecordBatch(message)) {
      this.malformed += 1
      return
    }
    const { node, incarnation, run } = hello
    const nowMs = performance.now()
    let missing = message.leftOut
    // Records from before the server began to report leave no gap.
    if (connection.isFirst) missing = 0
    if (message.leftOut > 0 || message.records.some((record) => fieldOf(record, 'kind') !== 'heads')) {
      connection.isFirst = false
    }
    const reportMissing = () => {
      if (missing === 0) return
      this.#options.received(node, null, { kind: 'gap', node, incarnation, run, count: missing }, nowMs)
      missing = 0
    }
    for (const record of message.records) {
      if (!isServerRecord(record, node) || recordBytes(record) > mostRecordBytes) {
        this.malformed += 1
        missing += 1
        continue
      }
      reportMissing()
      if (record.kind === 'ended') connection.endedBecause = record.reason ?? 'it was stopped'
      this.#options.received(node, record.clock, { kind: 'server', node, incarnation, run, record }, nowMs)
    }
    reportMissing()
  }

  #report(node: NodeId, seen: Pick<ProcessRecord, 'state' | 'reason'>): void {
    const record = { kind: 'process', node, timeMs: Date.now(), ...seen } as const
    this.#options.received(node, null, record, performance.now())
  }
}

type ProcessRecord = Extract<InspectorRecord, { kind: 'process' }>

interface Connection {
  readonly hello: ServerHello
  readonly server: ConnectedServer
  readonly socket: WebSocket
  /** No record of this run was received before. */
  isFirst: boolean
  endedBecause: string | null
  /** Pings since its last answer. */
  unanswered: number
  /** The page shows it as paused. */
  isPaused: boolean
}

/** Sends the reason, and does not wait for the closing handshake. */
function refuse(socket: WebSocket, reason: string): void {
  socket.close(1008, reason.slice(0, 100))
  setTimeout(() => socket.terminate(), closingMs).unref()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
