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

/** The events that a connection reports to its user. */
export interface ConnectionEvents {
  /** Connected, for the first time or again. */
  opened(): void
  /** The connection is lost; it will be retried. */
  lost(): void
  /** The connection failed; it will be retried. */
  failed?(): void
  received(text: string): void
}

/** The delay before the first retry, in milliseconds. It doubles each time. */
const firstRetryMs = 250
const lastRetryMs = 5_000

/** A connection that lasted this long was accepted by the other end, in milliseconds. */
const provenMs = 1_000

/** The other end sends no long messages. */
const mostReceivedBytes = 1_000_000

const handshakeMs = 5_000

/** How long the last messages have to leave when the connection is closed, in milliseconds. */
const closingMs = 250

/** A WebSocket to a peer that may be absent. It keeps no process alive, and throws nothing once it has started. */
export class Connection {
  readonly #url: string
  readonly #events: ConnectionEvents
  readonly #connect: (options: NetConnectOpts) => Socket
  /** It may still be connecting. */
  #socket: WebSocket | null = null
  #isOpen = false
  #openedMs = 0
  #retryMs = firstRetryMs
  #retryTimer: NodeJS.Timeout | null = null
  #isClosed = false

  /** To `url`. `resolver` resolves its host name in the background, as it does for all names of the process. */
  constructor(url: string, events: ConnectionEvents, resolver: Resolver = systemResolver) {
    const { urlWithoutZone, zone } = withoutZone(url)
    this.#url = urlWithoutZone
    this.#events = events
    this.#connect = (options) => {
      // `options` are those of an HTTP request: its path means nothing to a socket.
      const { host = 'localhost', port } = options as TcpNetConnectOpts
      return connect({ host: `${host}${zone}`, port, lookup: lookupBy(resolver) }).unref()
    }
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Bytes that were passed to the socket and have not left yet. */
  get unread(): number {
    return this.#socket?.bufferedAmount ?? 0
  }

  /** Connects now, and again after each loss. Throws when the address is invalid. */
  start(): void {
    this.#retryTimer = null
    const socket = new WebSocket(this.#url, {
      perMessageDeflate: false,
      handshakeTimeout: handshakeMs,
      maxPayload: mostReceivedBytes,
      createConnection: this.#connect as typeof connect,
    })
    this.#socket = socket
    socket.on('open', () => {
      this.#isOpen = true
      this.#openedMs = performance.now()
      this.#events.opened()
    })
    socket.on('message', (data) => this.#events.received(String(data)))
    // The error does not matter: the close event follows.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#closed())
  }

  /** Sends `text`, if connected. */
  send(text: string): void {
    if (this.#isOpen) this.#socket?.send(text, () => undefined)
  }

  /** Closes the connection. Resolves when everything sent has left, or has taken too long. */
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
    // A connection that is refused right after it opened does not reset the delay, so retries become rarer.
    if (wasOpen && performance.now() - this.#openedMs >= provenMs) this.#retryMs = firstRetryMs
    if (this.#isClosed) return
    this.#retryTimer = setTimeout(() => this.start(), this.#retryMs).unref()
    this.#retryMs = Math.min(lastRetryMs, this.#retryMs * 2)
  }
}

/** Removes the zone of a link-local address (`[fe80::1%eth0]`), which a URL cannot contain. */
function withoutZone(url: string): { readonly urlWithoutZone: string; readonly zone: string } {
  const zone = /^ws:\/\/\[[^\]%]*(%[^\]]*)\]/.exec(url)?.[1] ?? ''
  return { urlWithoutZone: url.replace(zone, ''), zone }
}

/** A `lookup` for the socket. The default one would use a thread of the pool for each try. */
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
