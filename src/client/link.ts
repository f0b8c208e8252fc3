import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { ServerIndex } from '../../machines/client.ts'
import type { ClientMessage, Message } from '../../machines/messages.ts'
import { formatAddress } from '../address.ts'
import { Decoder, encodeEnvelope } from '../node/wire/codec.ts'
import type { Directory } from './directory.ts'

/** Bytes asked for: a burst of answers must not overflow the buffer while the program computes. */
const receiveBufferBytes = 4 * 1024 * 1024

type Family = 'udp4' | 'udp6'

/**
 * The client's end of the datagram's path. What is said to one server in one turn of the event loop shares a datagram;
 * anything that goes wrong on the way is loss, which the client's chart bears.
 */
export class Link {
  readonly #directory: Directory
  readonly #heard: (message: Message, server: ServerIndex) => void
  readonly #sockets = new Map<Family, Socket>()
  readonly #outbox = new Map<ServerIndex, ClientMessage[]>()
  #decoder = new Decoder({ cluster: null, nowMs: () => performance.now() })
  #cluster = ''
  #holders = 0
  #isFlushing = false
  #isOpen = true

  /** `heard` is called with each message of a server that the directory knows. */
  constructor(directory: Directory, heard: (message: Message, server: ServerIndex) => void) {
    this.#directory = directory
    this.#heard = heard
  }

  /** The cluster that is spoken to; empty before one is adopted. */
  get cluster(): string {
    return this.#cluster
  }

  /** From now on speaks to this cluster alone, and hears no other. */
  adoptCluster(cluster: string): void {
    if (cluster === this.#cluster) return
    this.#cluster = cluster
    this.#decoder = new Decoder({ cluster, nowMs: () => performance.now() })
  }

  /** Sends `message`, with whatever else is said to that server in this turn of the event loop. */
  say(server: ServerIndex, message: ClientMessage): void {
    if (!this.#isOpen) return
    const waiting = this.#outbox.get(server)
    if (waiting === undefined) this.#outbox.set(server, [message])
    else waiting.push(message)
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => this.#flush())
  }

  /** Keeps the process alive until the matching `release`: something is outstanding. */
  hold(): void {
    this.#holders += 1
    if (this.#holders === 1) for (const socket of this.#sockets.values()) socket.ref()
  }

  release(): void {
    this.#holders -= 1
    if (this.#holders === 0) for (const socket of this.#sockets.values()) socket.unref()
  }

  /** Says and hears nothing more. Resolves when the sockets are closed. */
  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#outbox.clear()
    const closing = [...this.#sockets.values()].map(
      (socket) => new Promise<void>((resolve) => socket.close(() => resolve())),
    )
    await Promise.all(closing)
  }

  #flush(): void {
    this.#isFlushing = false
    if (!this.#isOpen) return
    for (const [server, messages] of this.#outbox) this.#send(server, messages)
    this.#outbox.clear()
  }

  #send(server: ServerIndex, messages: readonly ClientMessage[]): void {
    const endpoint = this.#directory.endpointOf(server)
    if (endpoint === null) return
    const socket = this.#socketFor(isIPv6(endpoint.ip) ? 'udp6' : 'udp4')
    for (const datagram of encodeEnvelope({ cluster: this.#cluster, sender: null, messages })) {
      socket.send(datagram, endpoint.port, endpoint.ip)
    }
  }

  #socketFor(family: Family): Socket {
    const open = this.#sockets.get(family)
    if (open !== undefined) return open
    const socket = createSocket({
      type: family,
      // Addresses are looked up by the directory: a look-up for every datagram would cost more than the datagram.
      lookup: (host, _options, found) => found(null, host, family === 'udp6' ? 6 : 4),
    })
    socket.on('message', (datagram, source) => this.#receive(datagram, formatAddress(source)))
    // A datagram that could not leave is loss.
    socket.on('error', () => undefined)
    socket.on('listening', () => {
      try {
        socket.setRecvBufferSize(receiveBufferBytes)
      } catch {
        // The system's own size does too: what overflows is asked for again.
      }
    })
    socket.bind(0)
    if (this.#holders === 0) socket.unref()
    this.#sockets.set(family, socket)
    return socket
  }

  #receive(datagram: Uint8Array, source: string): void {
    if (!this.#isOpen) return
    const server = this.#directory.indexOf(source)
    if (server === undefined) return
    const decoded = this.#decoder.decode(datagram, source)
    if (decoded.kind !== 'envelope') return
    for (const message of decoded.messages) this.#heard(message, server)
  }
}
