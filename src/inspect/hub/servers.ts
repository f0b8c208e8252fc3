/** The servers that tell the hub what happens: what comes in is checked here. */
import type { WebSocket } from 'ws'
import type { NodeId } from '../../../machines/batch.ts'
import type { ControlResult } from '../control.ts'
import type { HubToServer, ServerHello } from '../protocol.ts'
import type { InspectorRecord } from '../record.ts'
import { fieldOf } from '../shape.ts'
import { isRecordBatch, isServerHello, isServerRecord, isServerResult } from './record-check.ts'

/** Servers that may be connected at once. */
const mostServers = 128

/** How long a connection has to say who it is, in milliseconds. */
const helloMs = 5_000

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
  readonly #connected = new Map<NodeId, { readonly server: ConnectedServer; readonly socket: WebSocket }>()
  /** The last run of each server of which something was heard. */
  readonly #runs = new Map<NodeId, string>()
  /** Messages and records that were none. */
  malformed = 0

  constructor(options: ServersOptions) {
    this.#options = options
  }

  /** Those that are connected, in order of id. */
  get connected(): readonly ConnectedServer[] {
    return [...this.#connected.values()]
      .map(({ server }) => server)
      .sort((a, b) => a.hello.node - b.hello.node)
  }

  /** Takes a connection on `/servers`. */
  take(socket: WebSocket): void {
    if (this.#sockets.size >= mostServers) {
      socket.close(1013, 'too many servers are connected')
      return
    }
    this.#sockets.add(socket)
    let connection: Connection | null = null
    const impatience = setTimeout(() => socket.close(1008, 'say hello'), helloMs)
    socket.on('message', (data, isBinary) => {
      const said = isBinary ? undefined : parsed(String(data))
      if (connection !== null) {
        this.#hear(connection, said)
        return
      }
      clearTimeout(impatience)
      if (!isServerHello(said)) {
        this.malformed += 1
        socket.close(1008, 'no hello of this version')
        return
      }
      const refusal = this.#options.greeted(said)
      if (refusal === null) connection = this.#begin(said, socket)
      else socket.close(1008, refusal.slice(0, 100))
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(impatience)
      this.#sockets.delete(socket)
      if (connection !== null) this.#end(connection, socket)
    })
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
    this.#connected.set(node, { server, socket })
    const connection = { hello, socket, isFirst: this.#runs.get(node) !== run, endedBecause: null }
    this.#runs.set(node, run)
    this.#tell(node, { state: 'up', reason: null })
    this.#options.changed()
    return connection
  }

  #end({ hello, endedBecause }: Connection, socket: WebSocket): void {
    if (this.#connected.get(hello.node)?.socket !== socket) return
    this.#connected.delete(hello.node)
    this.#tell(hello.node, { state: 'gone', reason: endedBecause ?? 'its connection ended' })
    this.#options.changed()
  }

  #hear(connection: Connection, said: unknown): void {
    const { hello, socket } = connection
    if (this.#connected.get(hello.node)?.socket !== socket) return
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
      if (!isServerRecord(record, node)) {
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

  #tell(node: NodeId, seen: { readonly state: 'up' | 'gone'; readonly reason: string | null }): void {
    const record = { kind: 'process', node, timeMs: Date.now(), ...seen } as const
    this.#options.heard(node, null, record, performance.now())
  }
}

interface Connection {
  readonly hello: ServerHello
  readonly socket: WebSocket
  /** Nothing was heard of this run before. */
  isFirst: boolean
  endedBecause: string | null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
