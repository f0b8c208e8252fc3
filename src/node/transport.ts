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
 * The two ends of the datagram's path in a live server: what arrives is decoded, counted when it is not understood, and
 * brought in; what is said in one turn of the event loop to one address leaves in one datagram.
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

  /** `cluster` is empty for a founder, which does not know the name yet and hears those of any cluster. */
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
    // An error here is loss, which the protocol bears: the interface is gone, or what was sent before was refused.
    socket.on('error', (error) => this.#troubles.count('socket', error))
  }

  /**
   * Datagrams received and sent, and those dropped, by reason; what else went wrong with one, by what it was. `repeated` are
   * messages that were left out, since another of the same datagram says the same; `withheld` are answers that were too long
   * for an address that has not echoed its cookie; `unsent` is what was lost here since too much waited to be sent.
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

  /** What is held here for others, of what may be. */
  get usage(): Readonly<Record<string, { readonly used: number; readonly allowed: number }>> {
    const { proven, strangers } = this.#allowance.sizes
    return {
      pieceBytes: { used: this.#decoder.pendingBytes, allowed: maxPendingBytes },
      provenAddresses: { used: proven, allowed: maxProvenAddresses },
      strangers: { used: strangers, allowed: maxStrangers },
    }
  }

  /** Sends `message`, with whatever else is said to that address in this turn of the event loop; `names` for a server. */
  send(to: Address, message: Message, names: Names | null = null): void {
    this.#guarded('send', () => {
      if (this.#outbox.put(to, message, names)) this.#flushSoon()
      else this.#unsent += 1
    })
  }

  /** Counts something that was received and dropped, by a role too. */
  count(reason: string): void {
    this.#drop(reason)
  }

  /** Sends what waits for the end of this turn. */
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

  /** Whatever is thrown while a datagram is sent or received, that datagram is lost, and nothing else. */
  #guarded(what: 'send' | 'receive', run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#troubles.count(what, error)
    }
  }

  /** Sends and takes nothing more; once it is closed, does nothing. */
  close(): void {
    if (!this.#isOpen) return
    this.leave()
    this.#socket.close()
  }

  /** Sends and takes nothing more, and leaves the socket to another. */
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

  /** Takes the cookie that a server gives, and says again what was said without it. A member may answer from another address. */
  #echo(sender: NodeId, challenge: Challenge, source: Address): void {
    const address = this.#departures.knows(source) ? source : this.#places.addressOf(sender, null)
    if (address === undefined) return
    for (const { message, names } of this.#departures.take(address, challenge)) {
      this.send(address, message, names)
    }
  }

  /**
   * A server is heard that sent from the address in `last`, and is remembered if it is no member. One that sends from a new address is
   * not answered there before it has shown that it is there: it is given the cookie at once.
   */
  heard(id: NodeId, last: HeardFrom, isMember: boolean): void {
    const { address: source, incarnation } = last
    this.#routes.answered(this.#places.answeredAt(id, last))
    if (isMember) return
    this.#places.record(id, last)
    if (this.#places.addressOf(id, incarnation) === source) return
    this.send(source, this.#departures.challenge(source, 1))
  }

  /** Where the server `id`, which is no member, was last heard from. */
  lastHeard(id: NodeId): HeardFrom | undefined {
    return this.#places.lastHeard(id)
  }

  /** The server `id` with the directory `incarnation`, which may be no member, is at `address`. */
  recordPlace(id: NodeId, address: Address, incarnation: string): void {
    this.#places.record(id, { address, incarnation })
  }

  #drop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }
}

const noWays: Readonly<Record<NoWay, string>> = {
  unresolved: 'the name has no IP address, or is not looked up yet',
  family: 'it is an IPv6 address, and the server listens on IPv4; or the other way round',
}

type Envelope = Extract<Decoded, { kind: 'envelope' }>
