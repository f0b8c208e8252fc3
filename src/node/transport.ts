import type { RemoteInfo, Socket } from 'node:dgram'
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type {
  Challenge,
  ClientMessage,
  Found,
  Founder,
  Invitation,
  Join,
  Message,
  NodeMessage,
  NotFounder,
  NotInvited,
  RequestMessage,
} from '../../machines/messages.ts'
import { plainTextMark } from '../core/plain-text-client.ts'
import type { HeardFrom } from '../core/reach.ts'
import { isNodeMessage } from '../messages/dictionary.ts'
import { type Resolver, systemResolver } from '../network/resolver.ts'
import { type NoWay, Routes } from '../network/routes.ts'
import { allowedAnswers } from '../wire/allowed-answers.ts'
import { AnswerAllowance } from '../wire/answer-allowance.ts'
import { type Decoded, Decoder, encodeEnvelope, envelopeBytes } from '../wire/codec.ts'
import { CookieJar } from '../wire/cookie-jar.ts'
import {
  maxOutboxBytes,
  maxPendingBytes,
  maxProvenAddresses,
  maxSendQueueBytes,
  maxServersHeardFrom,
  maxStrangers,
} from '../wire/limits.ts'
import { forgetOldest } from '../wire/oldest.ts'
import { Outbox } from '../wire/outbox.ts'
import type { TextProtocol } from '../wire/text-protocol.ts'
import { type LogTroubles, Troubles } from './troubles.ts'
import { Whereabouts } from './whereabouts.ts'

/** What a transport brings in. */
export interface Receiver {
  hear(sender: NodeId, message: NodeMessage, names: Names, from: Address, clock: number): void
  request(message: RequestMessage, from: Address): void
  /** A question that the server itself answers. */
  ask(question: Question, from: Address): void
  /** A server that joins asks who founded the cluster. */
  join(question: Join, sender: NodeId, names: Names, from: Address): void
  /** A server answers this one, which asks to join. */
  invited(answer: Invitation | NotInvited, sender: NodeId): void
  /** A server asks whether it is a founder of this cluster. */
  found(question: Found, sender: NodeId, from: Address): void
  /** A founder answers this server's question whether it is one. */
  founder(answer: Founder | NotFounder, sender: NodeId): void
  /** A client that speaks plain text gets no answer, since that has none for it. */
  silent(reason: string, from: Address): void
  /** Something is about to leave; returns the clock that goes with it. */
  leaving(): number
  /** Where the directory `addressee` of the server `id` is, which was last heard from as `last` says; see `addressOf` in reach.ts. */
  addressOf(id: NodeId, addressee: string | null, last?: HeardFrom): Address | undefined
}

/**
 * The two ends of the datagram's path in a live server: what arrives is decoded, counted when it is not understood, and
 * brought in; what is said in one turn of the event loop to one address leaves in one datagram.
 */
export class Transport {
  readonly #socket: Socket
  readonly #cluster: string
  readonly #self: NodeId
  readonly #receiver: Receiver
  readonly #decoder: Decoder
  readonly #outbox = new Outbox(maxOutboxBytes)
  readonly #allowance = new AnswerAllowance(() => performance.now())
  readonly #cookies = new CookieJar<Address, Said>()
  readonly #dropped = new Map<string, number>()
  readonly #whereabouts = new Whereabouts()
  /** From where members send that are answered elsewhere, and echoed what they were given there. */
  readonly #memberSources = new Set<Address>()
  readonly #textProtocol: TextProtocol | undefined
  readonly #routes: Routes
  readonly #troubles: Troubles
  #received = 0
  #sent = 0
  #repeated = 0
  #withheld = 0
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
    this.#cluster = cluster
    this.#self = self
    this.#receiver = receiver
    this.#textProtocol = textProtocol
    this.#decoder = new Decoder({
      textProtocol,
      cluster: cluster === '' ? null : cluster,
      nowMs: () => performance.now(),
      isProven: (source) => this.#allowance.isProven(source) || this.#memberSources.has(source),
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
      withheld: this.#withheld,
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
          ? this.#plainAnswers(address, messages)
          : this.#datagrams(address, clock, names, messages)
        for (const datagram of datagrams) this.#sendBytes(datagram, address)
      })
    }
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => this.flush())
  }

  /** The datagrams of what is said to `address`: the answers as far as they are allowed, and its cookie if it needs one. */
  #datagrams(
    address: Address,
    clock: number,
    names: Names | null,
    messages: readonly Message[],
  ): Uint8Array[] {
    const isServer = messages.some(echoesCookies)
    const cookie = isServer ? this.#cookies.cookieOf(address) : undefined
    const envelope = { cluster: this.#cluster, sender: this.#self, names, clock, cookie }
    if (isServer)
      this.#cookies.record(
        address,
        messages.map((message) => ({ message, names })),
      )
    const isProven = this.#allowance.isProven(address)
    const needsCookie = this.#allowance.needsCookie(address) || (isServer && !isProven)
    if (isProven && !needsCookie) return encodeEnvelope({ ...envelope, messages })
    const allowed = allowedAnswers(messages, {
      leftBytes: this.#allowance.leftBytes(address),
      headBytes: envelopeBytes(envelope),
      needsCookie,
      cookie: this.#allowance.cookieOf(address),
    })
    this.#withheld += allowed.withheld
    this.#allowance.spend(address, allowed.answerBytes)
    return encodeEnvelope({ ...envelope, messages: allowed.messages })
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
        this.#recordProof(decoded, source)
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

  #bringIn(message: Message, { sender, names, clock }: Envelope, source: Address): void {
    if (sender === this.#self) this.#drop('self')
    else if (message.type === 'request') {
      this.#receiver.request(message, source)
    } else if (isQuestion(message)) this.#receiver.ask(message, source)
    else if (message.type === 'join' && sender !== null && names !== null) {
      this.#receiver.join(message, sender, names, source)
    } else if (isAnswerToJoin(message) && sender !== null) this.#receiver.invited(message, sender)
    else if (message.type === 'found' && sender !== null) this.#receiver.found(message, sender, source)
    else if (isFoundersAnswer(message) && sender !== null) this.#receiver.founder(message, sender)
    else if (message.type === 'challenge' && sender !== null) this.#echo(sender, message, source)
    else if (sender !== null && names !== null && isNodeMessage(message)) {
      this.#receiver.hear(sender, message, names, source, clock)
    } else this.#drop('unexpected')
  }

  /**
   * What may be answered to this datagram, and where. A member is answered at the address that it is known by, so it is that
   * address that has to have echoed its cookie. Its pieces are held as those of a proven source all the same.
   */
  #recordProof(decoded: Envelope, source: Address): void {
    const { sender, names, messages, bytes, cookie } = decoded
    const isOfServer =
      sender !== null && names !== null && sender !== this.#self && messages.every(isOfServers)
    const address = isOfServer ? (this.#answeredAt(sender, source, names) ?? source) : source
    const isEchoed = this.#allowance.receive(address, bytes, cookie)
    if (isEchoed && address !== source) this.#recordMemberSource(source)
  }

  #recordMemberSource(source: Address): void {
    this.#memberSources.delete(source)
    this.#memberSources.add(source)
    if (this.#memberSources.size > maxServersHeardFrom) forgetOldest(this.#memberSources)
  }

  /** Takes the cookie that a server gives, and says again what was said without it. A member may answer from another address. */
  #echo(sender: NodeId, challenge: Challenge, source: Address): void {
    const address = this.#cookies.knows(source) ? source : this.#addressOf(sender, null)
    if (address === undefined) return
    for (const { message, names } of this.#cookies.take(address, challenge)) {
      this.send(address, message, names)
    }
  }

  #addressOf(id: NodeId, addressee: string | null): Address | undefined {
    return this.#receiver.addressOf(id, addressee, this.#whereabouts.of(id))
  }

  /** The server `id` with the directory `incarnation`, which may be no member, is at `address`. */
  recordPlace(id: NodeId, address: Address, incarnation: string): void {
    this.#whereabouts.record(id, { address, incarnation }, this.#allowance.isProven(address))
  }

  /** Where that is answered which a server says from `source`. */
  #answeredAt(id: NodeId, source: Address, { incarnation }: Names): Address | undefined {
    return this.#receiver.addressOf(id, incarnation, { address: source, incarnation })
  }

  /**
   * A server is heard that sent from the address in `last`, and is remembered if it is no member. One that sends from a new address is
   * not answered there before it has shown that it is there: it is given the cookie at once.
   */
  heard(id: NodeId, last: HeardFrom, isMember: boolean): void {
    const { address: source, incarnation } = last
    this.#routes.answered(this.#receiver.addressOf(id, incarnation, last) ?? source)
    if (isMember) return
    this.recordPlace(id, source, incarnation)
    if (this.#addressOf(id, incarnation) !== source) this.send(source, this.#challenge(source, 1))
  }

  /** Where the server `id`, which is no member, was last heard from. */
  lastHeard(id: NodeId): HeardFrom | undefined {
    return this.#whereabouts.of(id)
  }

  #challenge(address: Address, withheld: number): Challenge {
    return { type: 'challenge', cookie: this.#allowance.cookieOf(address), withheld }
  }

  /** What is answered in plain text is about as long as what was asked. */
  #plainAnswers(address: Address, messages: readonly Message[]): Uint8Array[] {
    return this.#plainTexts(address, messages).filter((text) => {
      if (text.length > this.#allowance.leftBytes(address)) {
        this.#withheld += 1
        return false
      }
      this.#allowance.spend(address, text.length)
      return true
    })
  }

  #plainTexts(address: Address, messages: readonly Message[]): Uint8Array[] {
    return messages.flatMap((message) => {
      const answer = this.#textProtocol?.answerTo(message) ?? null
      if (answer === null) return []
      if ('text' in answer) return [Buffer.from(answer.text)]
      this.#drop('unanswered')
      this.#receiver.silent(answer.silence, address)
      return []
    })
  }

  #drop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }
}

const noWays: Readonly<Record<NoWay, string>> = {
  unresolved: 'the name has no IP address, or is not looked up yet',
  family: 'it is an IPv6 address, and the server listens on IPv4; or the other way round',
}

/** What was said to a server, to be said again. */
interface Said {
  readonly message: Message
  readonly names: Names | null
}

type Envelope = Extract<Decoded, { kind: 'envelope' }>

type Question = Exclude<ClientMessage, RequestMessage>

function isQuestion(message: Message): message is Question {
  return message.type === 'hello' || message.type === 'inquire'
}

function isFoundersAnswer(message: Message): message is Founder | NotFounder {
  return message.type === 'founder' || message.type === 'notFounder'
}

function isAnswerToJoin(message: Message): message is Invitation | NotInvited {
  return message.type === 'invitation' || message.type === 'notInvited'
}

/** Answered to the server that said it, where the cluster has that, and not to where it came from. */
function echoesCookies(message: Message): boolean {
  return isNodeMessage(message) || message.type === 'join'
}

/** Said by servers to each other. */
function isOfServers(message: Message): boolean {
  return echoesCookies(message) || message.type === 'challenge'
}
