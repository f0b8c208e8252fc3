import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Command, type Json, type NamedRequest, namedRequests } from '../../machines/batch.ts'
import type {
  Challenge,
  ClientMessage,
  RequestMessage,
  ServerMessage,
  Welcome,
} from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { Decoder, encodeEnvelope } from '../../src/wire/codec.ts'

export interface HeardDatagram {
  readonly cluster: string
  /** The address cookie that it echoes; '' for none yet. */
  readonly cookie: string | undefined
  readonly bytes: number
  readonly messages: readonly ClientMessage[]
}

/** What a server says to a client. */
type Said = ServerMessage | Challenge

/** One request of a message. */
export interface Asked extends NamedRequest {
  readonly type: 'request'
}

/** A message, or one request of it. */
export type Part = Exclude<ClientMessage, RequestMessage> | Asked

/** What a server says to a part of a message, if anything. */
export type Script = (part: Part) => readonly ServerMessage[]

export const cluster = 'tested'

export function executed(result: Json, instance = 1, index = 0): Outcome {
  return { kind: 'executed', result, instance, index }
}

export function response({ uid, seq }: Asked, outcome: Outcome): ServerMessage {
  return { type: 'response', uid, answers: [{ seq, outcome }] }
}

export function queued({ uid, seq }: Asked): ServerMessage {
  return { type: 'queued', uid, seqs: [seq] }
}

export function busy({ uid, seq }: Asked, reason: 'busy' | 'notMember' | 'stopping'): ServerMessage {
  return { type: 'busy', uid, seqs: [seq], reason }
}

/** The answer that opens a session, at instance 1. */
export function openedSession(asked: Asked, instance = 1): ServerMessage {
  const { uid, command } = asked
  const ttlMs = command.kind === 'open' ? command.ttlMs : 0
  return response(asked, executed({ uid: `${uid}@${instance}.0`, ttlMs }, instance))
}

function isOpening(part: Part): part is Asked {
  return part.type === 'request' && part.command.kind === 'open'
}

function isInSession({ requests }: RequestMessage): boolean {
  return requests.every(({ command }) => command.kind !== 'open')
}

function partsOf(message: ClientMessage): readonly Part[] {
  if (message.type !== 'request') return [message]
  return namedRequests(message).map((request) => ({ type: 'request', ...request }))
}

/** A socket that records what clients say and answers from a script: it is no server, and knows no Paxos. */
export class FakeServer {
  readonly #socket: Socket = createSocket('udp4')
  readonly #decoder = new Decoder({ cluster: null, nowMs: () => performance.now() })
  readonly #id: number
  readonly heard: HeardDatagram[] = []
  address = ''
  /** What it says to requests in a session, and to inquiries. */
  script: Script = () => []
  /** What it says to a request to open a session. */
  opening: (asked: Asked) => readonly ServerMessage[] = (asked) => [openedSession(asked)]
  /** What it says in the place of any answer to a sender that echoes that cookie; `null` to answer. */
  challenge: ((cookie: string | undefined) => Challenge | null) | null = null
  /** What it says to hello; `null` for nothing. */
  welcome: Welcome | null = null
  #client: { readonly port: number; readonly address: string } | null = null

  private constructor(id: number) {
    this.#id = id
  }

  /** It listens at `host`, on all addresses of the machine if that is `0.0.0.0`, and names itself 127.0.0.1. */
  static async start(id = 0, host = '127.0.0.1', port = 0): Promise<FakeServer> {
    const server = new FakeServer(id)
    server.#socket.on('message', (datagram, source) => {
      server.#client = source
      const decoded = server.#decoder.decode(datagram, `${source.address}:${source.port}`)
      if (decoded.kind !== 'envelope')
        throw new Error(`a client sent something else: ${JSON.stringify(decoded)}`)
      const messages = decoded.messages as readonly ClientMessage[]
      const { cluster, cookie, bytes } = decoded
      server.heard.push({ cluster, cookie, bytes, messages })
      server.say(messages.flatMap((message) => server.#answer(message, cookie)))
    })
    server.#socket.bind(port, host)
    await once(server.#socket, 'listening')
    server.address = `127.0.0.1:${server.#socket.address().port}`
    server.welcome = {
      type: 'welcome',
      cluster,
      service: 'lock',
      node: id,
      instance: 5,
      members: [{ id, address: server.address, counted: true }],
      commandBytes: 32_768,
    }
    return server
  }

  /** Every message heard, in order. */
  get messages(): readonly ClientMessage[] {
    return this.heard.flatMap(({ messages }) => messages)
  }

  /** Every message that asks for requests in a session. */
  get requestMessages(): readonly RequestMessage[] {
    return this.messages.filter((message) => message.type === 'request').filter(isInSession)
  }

  /** Every request in a session heard, in order, with its repetitions. */
  get requests(): readonly Asked[] {
    return this.#asked.filter((part) => !isOpening(part))
  }

  /** Every request to open a session heard, in order, with its repetitions. */
  get openings(): readonly Asked[] {
    return this.#asked.filter(isOpening)
  }

  get commands(): readonly Command[] {
    return this.requests.map(({ command }) => command)
  }

  /** Says something to the client that was heard last. */
  say(messages: readonly Said[], name = cluster): void {
    if (messages.length === 0) return
    for (const datagram of encodeEnvelope({ cluster: name, sender: this.#id, messages })) {
      this.sayBytes(datagram)
    }
  }

  sayBytes(datagram: Uint8Array): void {
    if (this.#client !== null) this.#socket.send(datagram, this.#client.port, this.#client.address)
  }

  /** Where the client that was heard last is. */
  get client(): { readonly port: number; readonly address: string } | null {
    return this.#client
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()))
  }

  get #asked(): readonly Asked[] {
    return this.messages.flatMap(partsOf).filter((part) => part.type === 'request')
  }

  #answer(message: ClientMessage, cookie: string | undefined): readonly Said[] {
    const challenge = this.challenge?.(cookie) ?? null
    if (challenge !== null) return [challenge]
    const answers =
      message.type === 'hello'
        ? (this.welcome ?? [])
        : partsOf(message).flatMap((part) => (isOpening(part) ? this.opening(part) : this.script(part)))
    const nonce = 'nonce' in message && message.nonce !== undefined ? { nonce: message.nonce } : {}
    return [answers].flat().map((answer) => ({ ...answer, ...nonce }))
  }
}

/** A server's script: every request is executed, and its result is its command's body. */
export const echo: Script = (message) =>
  message.type === 'request'
    ? [response(message, executed(message.command.kind === 'service' ? message.command.body : null))]
    : []
