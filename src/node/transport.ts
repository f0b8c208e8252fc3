import type { RemoteInfo, Socket } from 'node:dgram'
import type { Address, NodeId } from '../../machines/batch.ts'
import type { ClientMessage, Join, Message, NodeMessage, RequestMessage } from '../../machines/messages.ts'
import { PlainTextClients } from './plain-text.ts'
import { type Resolver, systemResolver } from './resolver.ts'
import { type NoWay, Routes } from './routes.ts'
import { type LogTroubles, Troubles } from './troubles.ts'
import { commandBytes, type Decoded, Decoder, encodeEnvelope } from './wire/codec.ts'
import type { SeedRequest } from './wire/seed-text.ts'

/** What a transport brings in. */
export interface Receiver {
  hear(sender: NodeId, message: NodeMessage, from: Address, clock: number): void
  request(message: RequestMessage, from: Address, bytes: number): void
  /** A question that the server itself answers. */
  ask(question: Question, from: Address): void
  /** A server that joins asks who founded the cluster. */
  join(question: Join, from: Address): void
  /** A client that speaks plain text gets no answer, since that has none for it. */
  silent(reason: string, from: Address): void
  /** Something is about to leave; returns the clock that goes with it. */
  leaving(): number
  /** Where the member `id` is; `undefined` when it is none. */
  addressOf(id: NodeId): Address | undefined
}

/** Addresses of servers that are remembered beside the members': of those that join, or were removed. */
const serversRemembered = 64

/** A record, so that the compiler asks for a new message here. */
const nodeMessageTypes: Readonly<Record<NodeMessage['type'], true>> = {
  prepare: true,
  promise: true,
  accept: true,
  accepted: true,
  denial: true,
  learn: true,
  chosen: true,
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
  readonly #outbox = new Map<Address, Message[]>()
  readonly #dropped = new Map<string, number>()
  readonly #heardFrom = new Map<NodeId, Address>()
  readonly #plainText = new PlainTextClients()
  readonly #routes: Routes
  readonly #troubles: Troubles
  #received = 0
  #sent = 0
  #isOpen = true
  #flushing = false

  constructor(
    socket: Socket,
    cluster: string,
    self: NodeId,
    receiver: Receiver,
    {
      resolver = systemResolver,
      logTroubles = () => undefined,
    }: { readonly resolver?: Resolver | undefined; readonly logTroubles?: LogTroubles } = {},
  ) {
    this.#socket = socket
    this.#cluster = cluster
    this.#self = self
    this.#receiver = receiver
    this.#decoder = new Decoder({ cluster, nowMs: () => performance.now() })
    this.#routes = new Routes(socket, resolver)
    this.#troubles = new Troubles(logTroubles)
    socket.on('message', (datagram, source) => this.#receive(datagram, source))
    // An error here is loss, which the protocol bears: the interface is gone, or what was sent before was refused.
    socket.on('error', (error) => this.#troubles.count('socket', error))
  }

  /** Datagrams received and sent, those dropped, by reason, and what else went wrong with one, by what it was. */
  get counters(): {
    readonly received: number
    readonly sent: number
    readonly dropped: Record<string, number>
    readonly failed: Record<string, number>
  } {
    return {
      received: this.#received,
      sent: this.#sent,
      dropped: Object.fromEntries(this.#dropped),
      failed: this.#troubles.counts,
    }
  }

  /** Sends `message`, with whatever else is said to that address in this turn of the event loop. */
  send(to: Address, message: Message): void {
    const waiting = this.#outbox.get(to)
    if (waiting === undefined) this.#outbox.set(to, [message])
    else waiting.push(message)
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => this.flush())
  }

  /** Sends what waits for the end of this turn. */
  flush(): void {
    this.#flushing = false
    if (!this.#isOpen) return
    const clock = this.#receiver.leaving()
    for (const [to, messages] of this.#outbox) {
      this.#guarded('send', () => {
        const seed = to.startsWith(plainTextMark)
        const address = seed ? to.slice(plainTextMark.length) : to
        const datagrams = seed
          ? this.#plainAnswers(address, messages)
          : encodeEnvelope({ cluster: this.#cluster, sender: this.#self, clock, messages })
        for (const datagram of datagrams) this.#sendBytes(datagram, address)
      })
    }
    this.#outbox.clear()
  }

  #sendBytes(datagram: Uint8Array, address: Address): void {
    const destination = this.#routes.to(address)
    if (typeof destination === 'string') {
      this.#troubles.count('send', { code: destination, message: `${address}: ${noWays[destination]}` })
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
    this.#isOpen = false
    this.#outbox.clear()
    this.#troubles.close()
    this.#socket.close()
  }

  #receive(datagram: Uint8Array, source: RemoteInfo): void {
    this.#received += 1
    this.#guarded('receive', () => this.#take(datagram, this.#routes.from(source)))
  }

  #take(datagram: Uint8Array, source: Address): void {
    const decoded = this.#decoder.decode(datagram, source)
    switch (decoded.kind) {
      case 'envelope':
        for (const message of decoded.messages) this.#bringIn(message, decoded, source)
        this.#answer(decoded.messages, source)
        return
      case 'seed':
        for (const request of decoded.requests) this.#bringInSeed(request, source)
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

  #bringIn(message: Message, { sender, clock }: Envelope, source: Address): void {
    if (sender === this.#self) this.#drop('self')
    else if (message.type === 'request') {
      this.#receiver.request(message, source, commandBytes(message.command))
    } else if (isQuestion(message) || message.type === 'join') return
    else if (sender !== null && isNodeMessage(message)) {
      this.recordHeardFrom(sender, source)
      this.#routes.answered(this.#receiver.addressOf(sender) ?? source)
      this.#receiver.hear(sender, message, source, clock)
    } else this.#drop('unexpected')
  }

  /** One answer a datagram, however often it asks: answers are longer than questions, and a sender may be false. */
  #answer(messages: readonly Message[], source: Address): void {
    const question = messages.find((message) => isQuestion(message) || message.type === 'join')
    if (question === undefined) return
    if (question.type === 'join') this.#receiver.join(question, source)
    else if (isQuestion(question)) this.#receiver.ask(question, source)
  }

  /** Where a server that may be no member was last heard from. */
  heardFrom(id: NodeId): Address | undefined {
    return this.#heardFrom.get(id)
  }

  /** Remembers where a server is, for as long as it is no member. */
  recordHeardFrom(id: NodeId, source: Address): void {
    this.#heardFrom.delete(id)
    this.#heardFrom.set(id, source)
    if (this.#heardFrom.size > serversRemembered) forgetOldest(this.#heardFrom)
  }

  #bringInSeed(seedRequest: SeedRequest, source: Address): void {
    const message = this.#plainText.requestOf(seedRequest, source)
    this.#receiver.request(message, `${plainTextMark}${source}`, commandBytes(message.command))
  }

  #plainAnswers(address: Address, messages: readonly Message[]): Uint8Array[] {
    return messages.flatMap((message) => {
      const answer = this.#plainText.answerTo(message)
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

/** Marks the reply address of a client that speaks the seed's plain text. */
const plainTextMark = 'seed '

type Envelope = Extract<Decoded, { kind: 'envelope' }>

type Question = Exclude<ClientMessage, RequestMessage>

function isQuestion(message: Message): message is Question {
  return message.type === 'hello' || message.type === 'inquire'
}

function isNodeMessage(message: Message): message is NodeMessage {
  return Object.hasOwn(nodeMessageTypes, message.type)
}

function forgetOldest<K>(map: Map<K, unknown>): void {
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
