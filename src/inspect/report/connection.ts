import {
  connect,
  isIP,
  type LookupFunction,
  type NetConnectOpts,
  type Socket,
  type TcpNetConnectOpts,
} from 'node:net'
import { WebSocket } from 'ws'
import { type Resolver, systemResolver } from '../../network/resolver.ts'

/** What a connection tells whoever uses it. */
export interface ConnectionEvents {
  /** It is there, for the first time or again. */
  opened(): void
  /** It is gone; it will be tried again. */
  lost(): void
  /** Nobody could be reached; it will be tried again. */
  failed?(): void
  heard(text: string): void
}

/** How long to wait before the next try to connect, in milliseconds: twice as long each time. */
const firstRetryMs = 250
const lastRetryMs = 5_000

/** A connection that lasted so long was wanted at the other end, in milliseconds. */
const provenMs = 1_000

/** Nobody at the other end has long things to say. */
const mostHeardBytes = 1_000_000

const handshakeMs = 5_000

/** How long what was said last has to leave, in milliseconds. */
const closingMs = 250

/** A WebSocket to somebody who may come and go. It keeps no process alive, and throws nothing once it has begun. */
export class Connection {
  readonly #url: string
  readonly #events: ConnectionEvents
  readonly #connect: (options: NetConnectOpts) => Socket
  /** It may not be there yet. */
  #socket: WebSocket | null = null
  #isOpen = false
  #openedMs = 0
  #retryMs = firstRetryMs
  #retryTimer: NodeJS.Timeout | null = null
  #isClosed = false

  /** To `url`; `resolver` looks up the name in it, in the background as it does all names of the process. */
  constructor(url: string, events: ConnectionEvents, resolver: Resolver = systemResolver) {
    const { urlWithoutZone, zone } = withoutZone(url)
    this.#url = urlWithoutZone
    this.#events = events
    this.#connect = (options) => {
      // Of what an HTTP request is given: its path is none of a socket.
      const { host = 'localhost', port } = options as TcpNetConnectOpts
      return connect({ host: `${host}${zone}`, port, lookup: lookupBy(resolver) }).unref()
    }
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Bytes that were said and have not left yet. */
  get unread(): number {
    return this.#socket?.bufferedAmount ?? 0
  }

  /** Connects, now and whenever the connection is lost. Throws when the address is none. */
  start(): void {
    this.#retryTimer = null
    const socket = new WebSocket(this.#url, {
      perMessageDeflate: false,
      handshakeTimeout: handshakeMs,
      maxPayload: mostHeardBytes,
      createConnection: this.#connect as typeof connect,
    })
    this.#socket = socket
    socket.on('open', () => {
      this.#isOpen = true
      this.#openedMs = performance.now()
      this.#events.opened()
    })
    socket.on('message', (data) => this.#events.heard(String(data)))
    // What went wrong does not matter: the connection closes after it.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#closed())
  }

  /** Says `text`, if the connection is there. */
  say(text: string): void {
    if (this.#isOpen) this.#socket?.send(text, () => undefined)
  }

  /** Ends it. Resolves when what was said has left, or has taken too long. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer)
    const socket = this.#socket
    if (socket === null || socket.readyState === WebSocket.CLOSED) return
    if (!this.#isOpen) socket.terminate()
    await new Promise<void>((resolve) => {
      const impatience = setTimeout(() => socket.terminate(), closingMs)
      socket.once('close', () => {
        clearTimeout(impatience)
        resolve()
      })
      socket.close()
    })
  }

  #closed(): void {
    const wasOpen = this.#isOpen
    this.#isOpen = false
    if (wasOpen) this.#events.lost()
    else if (!this.#isClosed) this.#events.failed?.()
    // Who is refused each time it has connected asks ever more rarely.
    if (wasOpen && performance.now() - this.#openedMs >= provenMs) this.#retryMs = firstRetryMs
    if (this.#isClosed) return
    this.#retryTimer = setTimeout(() => this.start(), this.#retryMs).unref()
    this.#retryMs = Math.min(lastRetryMs, this.#retryMs * 2)
  }
}

/** A URL cannot say through which interface a link-local address is reached: `[fe80::1%eth0]`. */
function withoutZone(url: string): { readonly urlWithoutZone: string; readonly zone: string } {
  const zone = /^ws:\/\/\[[^\]%]*(%[^\]]*)\]/.exec(url)?.[1] ?? ''
  return { urlWithoutZone: url.replace(zone, ''), zone }
}

/** For `connect` of a socket, which would take a thread of the pool at each try. */
function lookupBy(resolver: Resolver): LookupFunction {
  return (name, { all }, found) => {
    void resolver.resolve(name).then((ips) => {
      const [first, ...more] = ips.map((address) => ({ address, family: isIP(address) }))
      if (first === undefined) found(new Error(`the name ${name} has no IP address`), '')
      else if (all === true) found(null, [first, ...more])
      else found(null, first.address, first.family)
    })
  }
}
