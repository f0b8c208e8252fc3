/** The servers that tell the hub what happens: what comes in is checked here. */
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

/** Servers that may be connected at once. */
const mostServers = 128

/** Servers of a cluster that may have been seen, also those that are gone: what is known of each is kept. */
const mostKnown = 64

/** Connections that have not said who they are: with one more, the oldest is ended. */
const mostStrangers = 16

/** How long a connection has to say who it is, in milliseconds. */
const helloMs = 5_000

/** How long a server that was refused has to read why, in milliseconds. */
const closingMs = 500

const intakeLimits = { helloBytes: 64 * 1024, unfinishedBytes: 32 * 1024 * 1024 }

/** How often servers are asked whether they are there, and how often they may leave that unanswered, in milliseconds. */
const lookMs = 1_000
const mostUnanswered = 4

const notAnswering = 'it does not answer the inspector: the process is stopped, or gets no processor'

/** Nothing more is said to a server that has so many bytes to read. */
const mostUnreadBytes = 1_000_000

/** A server that is connected. */
export interface ConnectedServer {
  readonly hello: ServerHello
  /** Tells it something; false when it does not listen. */
  send(message: HubToServer): boolean
}

export interface ServersOptions {
  /** Is given each record of or about a server. `clock` is `null` for what is seen from outside. */
  readonly heard: (node: NodeId, clock: number | null, record: InspectorRecord, nowMs: number) => void
  /** A server has said who it is. It may be refused: with the reason. */
  readonly greeted: (hello: ServerHello) => string | null
  /** A server says what became of the `hub.control` of that id. */
  readonly answered: (id: number, result: ControlResult) => void
  /** Is called after a server came or went. */
  readonly changed: () => void
}

export class Servers {
  readonly #options: ServersOptions
  readonly #sockets = new Set<WebSocket>()
  /** Those of them that have not said who they are, the oldest first. */
  readonly #strangers = new Set<WebSocket>()
  readonly #intake = new Intake(intakeLimits)
  readonly #connected = new Map<NodeId, Connection>()
  /** The last run of each server of which something was heard. */
  readonly #runs = new Map<NodeId, string>()
  #looking: NodeJS.Timeout | null = null
  /** Messages and records that were none, or larger than any that a server sends. */
  malformed = 0
  /** Connections that were ended because they said too much, too little, or nothing of sense, or were too many. */
  ended = 0

  constructor(options: ServersOptions) {
    this.#options = options
  }

  /** Those that are connected, in order of id. */
  get connected(): readonly ConnectedServer[] {
    return [...this.#connected.values()]
      .map(({ server }) => server)
      .sort((a, b) => a.hello.node - b.hello.node)
  }

  /** Takes a connection on `/servers`, which came over `raw`. */
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
      const said = isBinary ? undefined : parsed(String(data))
      if (connection !== null) {
        this.#hear(connection, said)
        return
      }
      if (flow.isGreeted) return
      clearTimeout(impatience)
      this.#strangers.delete(socket)
      flow.isGreeted = true
      if (!isServerHello(said)) {
        this.malformed += 1
        this.#offends(socket)
        return
      }
      const hello = { ...said, address: canonicalAddress(said.address) }
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

  /** Ends the connections of all servers that are connected, and forgets that they ever were. They may come again. */
  forget(): void {
    for (const { socket } of this.#connected.values()) socket.terminate()
    this.#connected.clear()
    this.#runs.clear()
    this.#options.changed()
  }

  /** Somebody paused or resumed a process: that it does not answer then is no news. */
  processSeen(node: NodeId, state: 'paused' | 'resumed'): void {
    const connection = this.#connected.get(node)
    if (connection !== undefined) connection.isPaused = state === 'paused'
  }

  /** A connection of somebody who does not keep to the rules: it may hold nothing any longer, not even until it is closed. */
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
    // The earlier connection of a server that is there again is heard no more.
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
    this.#tell(node, { state: 'up', reason: null })
    this.#looking ??= setInterval(() => this.#look(), lookMs).unref()
    this.#options.changed()
    return connection
  }

  /** A process that is stopped keeps its connection: that it does nothing must not look as if there were nothing to do. */
  #look(): void {
    for (const connection of this.#connected.values()) {
      const { hello, socket } = connection
      if (connection.unanswered === mostUnanswered && !connection.isPaused) {
        connection.isPaused = true
        this.#tell(hello.node, { state: 'paused', reason: notAnswering })
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
    if (!connection.isPaused || !this.#isHeard(connection)) return
    connection.isPaused = false
    this.#tell(connection.hello.node, { state: 'resumed', reason: null })
  }

  #isHeard({ hello, socket }: Connection): boolean {
    return this.#connected.get(hello.node)?.socket === socket
  }

  #end(connection: Connection): void {
    if (!this.#isHeard(connection)) return
    const { hello, endedBecause } = connection
    this.#connected.delete(hello.node)
    this.#tell(hello.node, { state: 'gone', reason: endedBecause ?? 'its connection ended' })
    this.#options.changed()
  }

  #hear(connection: Connection, said: unknown): void {
    if (!this.#isHeard(connection)) return
    const { hello } = connection
    if (isServerResult(said)) {
      this.#options.answered(said.id, said.result)
      return
    }
    if (!isRecordBatch(said)) {
      this.malformed += 1
      return
    }
    const { node, incarnation, run } = hello
    const nowMs = performance.now()
    let missing = said.leftOut
    // What a server did before it began to tell leaves no gap.
    if (connection.isFirst) missing = 0
    if (said.leftOut > 0 || said.records.some((record) => fieldOf(record, 'kind') !== 'heads')) {
      connection.isFirst = false
    }
    const tellMissing = () => {
      if (missing === 0) return
      this.#options.heard(node, null, { kind: 'gap', node, incarnation, run, count: missing }, nowMs)
      missing = 0
    }
    for (const record of said.records) {
      if (!isServerRecord(record, node) || recordBytes(record) > mostRecordBytes) {
        this.malformed += 1
        missing += 1
        continue
      }
      tellMissing()
      if (record.kind === 'ended') connection.endedBecause = record.reason ?? 'it was stopped'
      this.#options.heard(node, record.clock, { kind: 'server', node, incarnation, run, record }, nowMs)
    }
    tellMissing()
  }

  #tell(node: NodeId, seen: Pick<ProcessRecord, 'state' | 'reason'>): void {
    const record = { kind: 'process', node, timeMs: Date.now(), ...seen } as const
    this.#options.heard(node, null, record, performance.now())
  }
}

type ProcessRecord = Extract<InspectorRecord, { kind: 'process' }>

interface Connection {
  readonly hello: ServerHello
  readonly server: ConnectedServer
  readonly socket: WebSocket
  /** Nothing was heard of this run before. */
  isFirst: boolean
  endedBecause: string | null
  /** Pings since its last answer. */
  unanswered: number
  /** It was shown as paused. */
  isPaused: boolean
}

/** Says why, to whoever reads it, and waits for nothing. */
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
