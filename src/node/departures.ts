import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Challenge, Message } from '../../machines/messages.ts'
import { allowedAnswers } from '../wire/allowed-answers.ts'
import type { AnswerAllowance } from '../wire/answer-allowance.ts'
import { encodeEnvelope, envelopeBytes } from '../wire/codec.ts'
import { CookieJar } from '../wire/cookie-jar.ts'
import type { TextProtocol } from '../wire/text-protocol.ts'
import { echoesCookies } from './places.ts'

/** What was sent to a server, to be sent again. */
interface Said {
  readonly message: Message
  readonly names: Names | null
}

/** What leaves for one address at the end of a turn of the event loop. */
export interface Departure {
  readonly names: Names | null
  readonly messages: readonly Message[]
}

export interface DepartureOptions {
  readonly cluster: string
  readonly self: NodeId
  readonly allowance: AnswerAllowance
  readonly textProtocol: TextProtocol | undefined
  /** A client that speaks plain text gets no answer, since that has none for it. */
  readonly unanswered: (silence: string, address: Address) => void
}

/** Makes the datagrams that leave: with the answers as far as they are allowed, and with cookies. */
export class Departures {
  readonly #options: DepartureOptions
  readonly #cookies = new CookieJar<Address, Said>()
  #withheld = 0

  constructor(options: DepartureOptions) {
    this.#options = options
  }

  /** Answers that were too long for an address that has not echoed its cookie. */
  get withheld(): number {
    return this.#withheld
  }

  /** The datagrams of what is sent to `address`: the answers as far as they are allowed, and its cookie if it needs one. */
  datagrams(address: Address, clock: number, { names, messages }: Departure): Uint8Array[] {
    const { cluster, self, allowance } = this.#options
    const isServer = messages.some(echoesCookies)
    const cookie = isServer ? this.#cookies.cookieOf(address) : undefined
    const envelope = { cluster, sender: self, names, clock, cookie }
    if (isServer)
      this.#cookies.record(
        address,
        messages.map((message) => ({ message, names })),
      )
    const isProven = allowance.isProven(address)
    const needsCookie = allowance.needsCookie(address) || (isServer && !isProven)
    if (isProven && !needsCookie) return encodeEnvelope({ ...envelope, messages })
    const allowed = allowedAnswers(messages, {
      leftBytes: allowance.leftBytes(address),
      headBytes: envelopeBytes(envelope),
      needsCookie,
      cookie: allowance.cookieOf(address),
    })
    this.#withheld += allowed.withheld
    allowance.spend(address, allowed.answerBytes)
    return encodeEnvelope({ ...envelope, messages: allowed.messages })
  }

  /** The same for a client that speaks plain text: what it is answered is about as long as what it asked. */
  plainTexts(address: Address, messages: readonly Message[]): Uint8Array[] {
    const { allowance } = this.#options
    return this.#answersTo(address, messages).filter((text) => {
      if (text.length > allowance.leftBytes(address)) {
        this.#withheld += 1
        return false
      }
      allowance.spend(address, text.length)
      return true
    })
  }

  /** True when something was sent to that server that may have to be sent again. */
  knows(server: Address): boolean {
    return this.#cookies.knows(server)
  }

  /** Takes the cookie that the server at `address` gives; returns what has to be sent to it again, which was sent without it. */
  take(address: Address, challenge: Challenge): readonly Said[] {
    return this.#cookies.take(address, challenge)
  }

  /** What gives the cookie of `address` to that. */
  challenge(address: Address, withheld: number): Challenge {
    return { type: 'challenge', cookie: this.#options.allowance.cookieOf(address), withheld }
  }

  #answersTo(address: Address, messages: readonly Message[]): Uint8Array[] {
    const { textProtocol, unanswered } = this.#options
    return messages.flatMap((message) => {
      const answer = textProtocol?.answerTo(message) ?? null
      if (answer === null) return []
      if ('text' in answer) return [Buffer.from(answer.text)]
      unanswered(answer.silence, address)
      return []
    })
  }
}
