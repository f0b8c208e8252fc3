import type { RemoteInfo, Socket } from 'node:dgram'
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Challenge, Message } from '../../machines/messages.ts'
import { plainTextMark } from '../core/plain-text-client.ts'
import type { HeardFrom } from '../core/reach.ts'
import { type Resolver, systemResolver } from '../network/resolver.ts'
import { type NoWay, Routes } from '../network/routes.ts'
import { AnswerAllowance } from '../wire/answer-allowance.ts'
import { type Decoded, Decoder } from '../wire/codec.ts'
import {
  maxOutboxBytes,
  maxPendingBytes,
  maxProvenAddresses,
  maxSendQueueBytes,
  maxStrangers,
} from '../wire/limits.ts'
import { Outbox } from '../wire/outbox.ts'
import type { TextProtocol } from '../wire/text-protocol.ts'
import { Departures } from './departures.ts'
import { Places } from './places.ts'
import { bringIn, type Receiver } from './receiver.ts'
import { type LogTroubles, Troubles } from './troubles.ts'

/**
 * Sends and receives the datagrams of a live server. It decodes received datagrams, counts the invalid ones, and passes messages
 * on. It combines all messages of one turn of the event loop to one address into one datagram, if they fit.
 */
export class Transport {
  readonly #socket: Socket
  readonly #self: NodeId
  readonly #receiver: Receiver
  readonly #decoder: Decoder
  readonly #outbox = new Outbox(maxOutboxBytes)
  readonly #allowance = new AnswerAllowance(() => performance.now())
  readonly #dropped = new Map<string, number>()
  readonly #places: Places
  readonly #departures: Departures
  readonly #routes: Routes
  readonly #troubles: Troubles
  #received = 0
  #sent = 0
  #repeated = 0
  #unsent = 0
  #isOpen = true
  #flushing = false

  readonly #onMessage = (datagram: Uint8Array, source: RemoteInfo) => this.#receive(datagram, source)

  /** `cluster` is empty for a founder, which does not know the name yet and accepts messages of any cluster. */
  constructor(
    socket: Socket,
    cluster: string,
    self: NodeId,
    receiver: Receiver,
    {
      resolver = systemResolver,
      logTroubles = () => undefined,
      textProtocol,
    }: {
      readonly resolver?: Resolver | undefined
      readonly logTroubles?: LogTroubles
      readonly textProtocol?: TextProtocol | undefined
    } = {},
  ) {
    this.#socket = socket
    this.#self = self
    this.#receiver = receiver
    this.#places = new Places(self, this.#allowance, (...server) => receiver.addressOf(...server))
    this.#departures = new Departures({
      ...{ cluster, self, textProtocol },
      allowance: this.#allowance,
      unanswered: (silence, address) => {
        this.#drop('unanswered')
        receiver.silent(silence, address)
      },
    })
    this.#decoder = new Decoder({
      textProtocol,
      cluster: cluster === '' ? null : cluster,
      nowMs: () => performance.now(),
      isProven: (source) => this.#places.isProven(source),
    })
    this.#routes = new Routes(socket, resolver)
    this.#troubles = new Troubles(logTroubles)
    socket.on('message', this.#onMessage)
    // An error here means that datagrams are lost, which the protocol tolerates: the interface is down, or an earlier datagram
    // was refused.
    socket.on('error', (error) => this.#troubles.count('socket', error))
  }

  /**
   * The numbers of datagrams received, sent and dropped (by reason), and of other errors (by kind). `repeated` counts messages
   * that were skipped because the same datagram holds an equal one. `withheld` counts answers that were too long for an address
   * that has not echoed its cookie. `unsent` counts messages that were lost here because too much waited to be sent.
   */
  get counters(): {
    readonly received: number
    readonly sent: number
    readonly dropped: Record<string, number>
    readonly failed: Record<string, number>
    readonly repeated: number
    readonly withheld: number
    readonly unsent: number
  } {
    return {
      received: this.#received,
      sent: this.#sent,
      dropped: Object.fromEntries(this.#dropped),
      failed: this.#troubles.counts,
      repeated: this.#repeated,
      withheld: this.#departures.withheld,
      unsent: this.#unsent,
    }
  }

  /** The resources that are held for other hosts, and their limits. */
  get usage(): Readonly<Record<string, { readonly used: number; readonly allowed: number }>> {
    const { proven, strangers } = this.#allowance.sizes
    return {
      pieceBytes: { used: this.#decoder.pendingBytes, allowed: maxPendingBytes },
      provenAddresses: { used: proven, allowed: maxProvenAddresses },
      strangers: { used: strangers, allowed: maxStrangers },
    }
  }

  /**
   * Sends `message` at the end of this turn of the event loop, with the other messages to that address. `names` is for messages
   * to servers.
   */
  send(to: Address, message: Message, names: Names | null = null): void {
    this.#guarded('send', () => {
      if (this.#outbox.put(to, message, names)) this.#flushSoon()
      else this.#unsent += 1
    })
  }

  /** Counts a received message that was dropped here or by a role. */
  count(reason: string): void {
    this.#drop(reason)
  }

  /** Sends the messages that wait for the end of this turn. */
  flush(): void {
    this.#flushing = false
    if (!this.#isOpen) return
    const clock = this.#receiver.leaving()
    for (const { to, names, messages } of this.#outbox.empty()) {
      this.#guarded('send', () => {
        const isPlain = to.startsWith(plainTextMark)
        const address = isPlain ? to.slice(plainTextMark.length) : to
        const datagrams = isPlain
          ? this.#departures.plainTexts(address, messages)
          : this.#departures.datagrams(address, clock, { names, messages })
        for (const datagram of datagrams) this.#sendBytes(datagram, address)
      })
    }
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => this.flush())
  }

  #sendBytes(datagram: Uint8Array, address: Address): void {
    const destination = this.#routes.to(address)
    if (typeof destination === 'string') {
      this.#troubles.count('send', { code: destination, message: `${address}: ${noWays[destination]}` })
      return
    }
    if (this.#socket.getSendQueueSize() + datagram.length > maxSendQueueBytes) {
      this.#unsent += 1
      return
    }
    this.#sent += 1
    this.#socket.send(datagram, destination.port, destination.ip, (error) => {
      if (error !== null) this.#troubles.count('send', error)
    })
  }

  /** An error while a datagram is sent or received loses only that datagram. */
  #guarded(what: 'send' | 'receive', run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#troubles.count(what, error)
    }
  }

  /** Stops sending and receiving, and closes the socket. A second call does nothing. */
  close(): void {
    if (!this.#isOpen) return
    this.leave()
    this.#socket.close()
  }

  /** Stops sending and receiving, and leaves the socket open for its next owner. */
  leave(): void {
    this.#isOpen = false
    this.#outbox.empty()
    this.#troubles.close()
    this.#socket.off('message', this.#onMessage)
  }

  #receive(datagram: Uint8Array, source: RemoteInfo): void {
    this.#received += 1
    this.#guarded('receive', () => this.#take(datagram, this.#routes.from(source)))
  }

  #take(datagram: Uint8Array, source: Address): void {
    const decoded = this.#decoder.decode(datagram, source)
    switch (decoded.kind) {
      case 'envelope':
        this.#repeated += decoded.repetitions
        this.#places.recordProof(decoded, source)
        for (const message of decoded.messages) this.#bringIn(message, decoded, source)
        return
      case 'plainText':
        this.#allowance.receive(source, decoded.bytes, undefined)
        for (const request of decoded.requests) this.#receiver.request(request, `${plainTextMark}${source}`)
        return
      case 'dropped':
        this.#drop(decoded.reason)
        if (decoded.reason === 'plainText') this.#receiver.silent(decoded.detail, source)
        return
      case 'incomplete':
        return
    }
    decoded satisfies never
  }

  #bringIn(message: Message, envelope: Envelope, source: Address): void {
    const { sender } = envelope
    if (sender === this.#self) this.#drop('self')
    else if (message.type === 'challenge' && sender !== null) this.#echo(sender, message, source)
    else if (!bringIn(this.#receiver, message, envelope, source)) this.#drop('unexpected')
  }

  /**
   * Stores the cookie from a server, and sends again the messages that were sent without it. A member may answer from another
   * address.
   */
  #echo(sender: NodeId, challenge: Challenge, source: Address): void {
    const address = this.#departures.knows(source) ? source : this.#places.addressOf(sender, null)
    if (address === undefined) return
    for (const { message, names } of this.#departures.take(address, challenge)) {
      this.send(address, message, names)
    }
  }

  /**
   * Records that a message of the server `id` was accepted. Remembers the address in `last` if the server is not a member. A
   * server at a new address gets its cookie at once, because it is not answered there before it echoes the cookie.
   */
  heard(id: NodeId, last: HeardFrom, isMember: boolean): void {
    const { address: source, incarnation } = last
    this.#routes.answered(this.#places.answeredAt(id, last))
    if (isMember) return
    this.#places.record(id, last)
    if (this.#places.addressOf(id, incarnation) === source) return
    this.send(source, this.#departures.challenge(source, 1))
  }

  /** The address and directory of the last message from the server `id`, which is not a member. */
  lastHeard(id: NodeId): HeardFrom | undefined {
    return this.#places.lastHeard(id)
  }

  /** Records that the server `id` with the directory `incarnation`, which may not be a member, is at `address`. */
  recordPlace(id: NodeId, address: Address, incarnation: string): void {
    this.#places.record(id, { address, incarnation })
  }

  #drop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }
}

const noWays: Readonly<Record<NoWay, string>> = {
  unresolved: 'the name has no IP address, or is not looked up yet',
  family: 'it is an IPv6 address and the server listens on IPv4, or vice versa',
}

type Envelope = Extract<Decoded, { kind: 'envelope' }>
