/** A hub that only remembers what servers tell it. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Address, NodeId } from '../../machines/batch.ts'
import type { HubToServer, ServerToHub } from '../../src/inspect/records/protocol.ts'
import type { ServerRecord } from '../../src/inspect/records/record.ts'

/** A connection of a server, and what came on it. */
export interface Told {
  readonly hello: Extract<ServerToHub, { type: 'server.hello' }>
  readonly records: ServerRecord[]
  /** Where records were left out: before the record at this place. */
  readonly gaps: { readonly place: number; readonly leftOut: number }[]
  readonly socket: WebSocket
  isOpen: boolean
}

export class FakeHub {
  readonly address: Address
  readonly told: Told[] = []
  readonly #server: WebSocketServer
  readonly #watchers = new Set<() => void>()

  /** Listens on 127.0.0.1, on `port` or on any. With `reads` false it never reads what it is sent. */
  static async start({ port = 0, reads = true } = {}): Promise<FakeHub> {
    const server = new WebSocketServer({ host: '127.0.0.1', port, path: '/servers' })
    const hub = new FakeHub(server, reads)
    await once(server, 'listening')
    Object.assign(hub, { address: `127.0.0.1:${(server.address() as AddressInfo).port}` })
    return hub
  }

  private constructor(server: WebSocketServer, reads: boolean) {
    this.#server = server
    this.address = ''
    server.on('connection', (socket) => {
      if (reads) this.#hear(socket)
      else socket.pause()
      this.#changed()
    })
  }

  get connections(): number {
    return this.#server.clients.size
  }

  /** All that a server told, on all its connections. */
  recordsOf(node: NodeId): ServerRecord[] {
    return this.told.filter(({ hello }) => hello.node === node).flatMap(({ records }) => records)
  }

  /** What `find` gives, once it gives something. Throws when it is late. */
  async once<T>(find: (hub: FakeHub) => T | null | undefined | false, patienceMs = 20_000): Promise<T> {
    let watcher: (() => void) | undefined
    let patience: NodeJS.Timeout | undefined
    try {
      return await new Promise<T>((resolve, reject) => {
        watcher = () => {
          const found = find(this)
          if (found) resolve(found)
        }
        patience = setTimeout(
          () => reject(new Error(`not told within ${patienceMs} ms: ${find}`)),
          patienceMs,
        )
        this.#watchers.add(watcher)
        watcher()
      })
    } finally {
      clearTimeout(patience)
      if (watcher !== undefined) this.#watchers.delete(watcher)
    }
  }

  /** What servers said of commands. */
  readonly results: Extract<ServerToHub, { type: 'server.result' }>[] = []

  /** Says something to all servers: something of the protocol, or any text. */
  say(message: HubToServer | string): void {
    const text = typeof message === 'string' ? message : JSON.stringify(message)
    for (const socket of this.#server.clients) socket.send(text)
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #hear(socket: WebSocket): void {
    let told: Told | null = null
    socket.on('message', (data) => {
      const message: ServerToHub = JSON.parse(String(data))
      if (message.type === 'server.hello') {
        told = { hello: message, records: [], gaps: [], socket, isOpen: true }
        this.told.push(told)
      } else if (told === null) throw new Error('records came before hello')
      else if (message.type === 'server.result') this.results.push(message)
      else {
        if (message.leftOut > 0) told.gaps.push({ place: told.records.length, leftOut: message.leftOut })
        told.records.push(...message.records)
      }
      this.#changed()
    })
    socket.on('close', () => {
      if (told !== null) told.isOpen = false
      this.#changed()
    })
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher()
  }
}
