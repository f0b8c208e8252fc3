import { randomBytes } from 'node:crypto'
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Address, NodeId } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client-context.ts'
import type { Challenge, ClientMessage, ServerMessage } from '../../machines/messages.ts'
import { isServerMessage } from '../messages/dictionary.ts'
import { formatAddress } from '../network/address.ts'
import { takeIp } from '../network/socket.ts'
import { Decoder, encodeEnvelope } from '../wire/codec.ts'
import { CookieJar } from '../wire/cookie-jar.ts'
import { paddedBytes } from '../wire/limits.ts'
import type { Directory } from './directory.ts'

/** The requested size of the receive buffer: a burst of answers must not overflow it while the program computes. */
const receiveBufferBytes = 4 * 1024 * 1024

/**
 * The most messages for each server that wait for the look-up of its name. The rest is dropped; the client sends it again.
 */
const maxWaiting = 16

/** Messages from clients to servers, and from servers to clients. */
export type Said = ClientMessage
export type Heard = ServerMessage

type Family = 'udp4' | 'udp6'

/**
 * The sender of a message and its source address. Anybody can forge them: only the message itself proves that it is an
 * answer.
 */
export interface From {
  readonly sender: NodeId
  readonly source: Address
  /** The server that the client asked, if the message repeats the nonce of the question. */
  readonly server: ServerIndex | undefined
}

/**
 * Sends and receives the datagrams of a client. Messages to one server in one turn of the event loop share a datagram. Each
 * failure counts as a lost datagram: the client's chart sends again.
 */
export class Link {
  readonly #directory: Directory
  readonly #onMessage: (message: Heard, from: From) => void
  readonly #onFlush: () => void
  readonly #sockets = new Map<Family, Socket>()
  readonly #outbox = new Map<ServerIndex, Said[]>()
  /** Messages that wait for the look-up of a name. */
  readonly #waiting = new Map<ServerIndex, Said[]>()
  /** A nonce for each server. Only that server knows it, so it proves that a message answers a question to that server. */
  readonly #nonces: string[] = []
  readonly #cookies = new CookieJar<ServerIndex, Said>()
  #decoder = new Decoder({ cluster: null, nowMs: () => performance.now() })
  #cluster = ''
  #holders = 0
  #isFlushing = false
  #isOpen = true

  /**
   * Calls `onMessage` with each message of a type that servers send to clients, from any sender; and `onFlush` before it sends the
   * messages of a turn, so that more may be added.
   */
  constructor(
    directory: Directory,
    onMessage: (message: Heard, from: From) => void,
    onFlush: () => void = () => undefined,
  ) {
    this.#directory = directory
    this.#onMessage = onMessage
    this.#onFlush = onFlush
  }

  /** The cluster to which the link sends; empty before `adoptCluster`. */
  get cluster(): string {
    return this.#cluster
  }

  /** From now on sends to this cluster only, and drops messages from any other. */
  adoptCluster(cluster: string): void {
    if (cluster === this.#cluster) return
    this.#cluster = cluster
    this.#decoder = new Decoder({ cluster, nowMs: () => performance.now() })
  }

  /** Sends `message`, together with the other messages to that server in this turn of the event loop. */
  say(server: ServerIndex, message: Said): void {
    if (!this.#isOpen) return
    const waiting = this.#outbox.get(server)
    if (waiting === undefined) this.#outbox.set(server, [message])
    else waiting.push(message)
    this.flushSoon()
  }

  /** Sends what there is to send before this turn of the event loop ends. */
  flushSoon(): void {
    if (this.#isFlushing || !this.#isOpen) return
    this.#isFlushing = true
    setImmediate(() => this.#flush())
  }

  /** Keeps the process alive until the matching `release`. Call it while a request is outstanding. */
  hold(): void {
    this.#holders += 1
    if (this.#holders === 1) for (const socket of this.#sockets.values()) socket.ref()
  }

  release(): void {
    this.#holders -= 1
    if (this.#holders === 0) for (const socket of this.#sockets.values()) socket.unref()
  }

  /** Stops sending and receiving. Resolves when the sockets are closed. */
  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#outbox.clear()
    this.#waiting.clear()
    const closing = [...this.#sockets.values()].map(
      (socket) => new Promise<void>((resolve) => socket.close(() => resolve())),
    )
    await Promise.all(closing)
  }

  #flush(): void {
    if (this.#isOpen) this.#onFlush()
    this.#isFlushing = false
    if (!this.#isOpen) return
    const outbox = [...this.#outbox]
    this.#outbox.clear()
    for (const [server, messages] of outbox) this.#send(server, messages)
  }

  #send(server: ServerIndex, messages: readonly Said[]): void {
    const destination = this.#directory.destinationOf(server)
    if (destination === null) {
      this.#wait(server, messages)
      return
    }
    const marked = messages.map((message) => this.#withNonce(message, server))
    const cookie = this.#cookies.cookieOf(server)
    this.#cookies.record(server, messages)
    try {
      const socket = this.#socketFor(isIPv6(destination.ip) ? 'udp6' : 'udp4')
      const envelope = { cluster: this.#cluster, sender: null, cookie, messages: marked }
      // Without a cookie, a server limits its answer to a small multiple of the bytes that it received.
      for (const datagram of encodeEnvelope(envelope, undefined, {
        padTo: cookie === '' ? paddedBytes : 0,
      })) {
        socket.send(datagram, destination.port, destination.ip, () => undefined)
      }
    } catch {
      // A datagram that cannot be sent counts as lost: the machine may have no addresses of that family.
    }
  }

  /** Keeps messages until the look-up of the name ends, so that the first messages to a server are not lost. */
  #wait(server: ServerIndex, messages: readonly Said[]): void {
    const waiting = this.#waiting.get(server)
    if (waiting !== undefined) {
      waiting.push(...messages.slice(0, maxWaiting - waiting.length))
      return
    }
    this.#waiting.set(server, messages.slice(0, maxWaiting))
    void this.#directory.resolved(server).then(() => {
      const kept = this.#waiting.get(server) ?? []
      this.#waiting.delete(server)
      // If the name was not found, the next message starts another look-up.
      if (this.#isOpen && kept.length > 0 && this.#directory.destinationOf(server) !== null) {
        this.#send(server, kept)
      }
    })
  }

  /** Adds a nonce to a question; the answer repeats it. */
  #withNonce(message: Said, server: ServerIndex): Said {
    if (message.type === 'request' || message.type === 'read') return message
    this.#nonces[server] ??= randomBytes(12).toString('base64url')
    return { ...message, nonce: this.#nonces[server] }
  }

  #socketFor(family: Family): Socket {
    const open = this.#sockets.get(family)
    if (open !== undefined) return open
    const socket = createSocket({ type: family, lookup: takeIp })
    socket.on('message', (datagram, source) => this.#receive(datagram, source))
    // A datagram that could not be sent counts as lost.
    socket.on('error', () => undefined)
    socket.on('listening', () => {
      try {
        socket.setRecvBufferSize(receiveBufferBytes)
      } catch {
        // The default size works too: the client requests lost answers again.
      }
    })
    socket.bind(0)
    if (this.#holders === 0) socket.unref()
    this.#sockets.set(family, socket)
    return socket
  }

  #receive(datagram: Uint8Array, remote: RemoteInfo): void {
    if (!this.#isOpen) return
    let source: Address
    try {
      source = formatAddress(remote)
    } catch {
      return
    }
    const decoded = this.#decoder.decode(datagram, source)
    if (decoded.kind !== 'envelope' || decoded.sender === null) return
    const { sender, messages } = decoded
    for (const message of messages) {
      const server = 'nonce' in message ? this.#asked(message.nonce) : undefined
      const from = { sender, source, server }
      if (message.type === 'challenge') this.#echo(message, from)
      else if (isServerMessage(message)) this.#onMessage(message, from)
    }
  }

  /** Keeps the cookie from a server, and resends the messages that were sent without it. */
  #echo(challenge: Challenge, { sender, source, server }: From): void {
    const giver = server ?? this.#directory.indexOf(sender, source)
    if (giver === undefined) return
    for (const said of this.#cookies.take(giver, challenge)) this.say(giver, said)
  }

  #asked(nonce: string | undefined): ServerIndex | undefined {
    const server = nonce === undefined ? -1 : this.#nonces.indexOf(nonce)
    return server === -1 ? undefined : server
  }
}
