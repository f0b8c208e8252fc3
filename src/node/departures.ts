import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Challenge, Message } from '../../machines/messages.ts'
import { allowedAnswers } from '../wire/allowed-answers.ts'
import type { AnswerAllowance } from '../wire/answer-allowance.ts'
import { encodeEnvelope, envelopeBytes } from '../wire/codec.ts'
import { CookieJar } from '../wire/cookie-jar.ts'
import type { TextProtocol } from '../wire/text-protocol.ts'
import { echoesCookies } from './places.ts'

/** A message to a server that may have to be sent again. */
interface Sent {
  readonly message: Message
  readonly names: Names | null
}

/** The messages for one address at the end of a turn of the event loop. */
export interface Departure {
  readonly names: Names | null
  readonly messages: readonly Message[]
}

export interface DepartureOptions {
  readonly cluster: string
  readonly self: NodeId
  readonly allowance: AnswerAllowance
  readonly textProtocol: TextProtocol | undefined
  /** Called when a plain text client gets no answer, because the protocol has none for the message. */
  readonly unanswered: (silence: string, address: Address) => void
}

/** Encodes outbound datagrams. Limits the answers to unproven addresses, and adds cookies. */
export class Departures {
  readonly #options: DepartureOptions
  readonly #cookies = new CookieJar<Address, Sent>()
  #withheld = 0

  constructor(options: DepartureOptions) {
    this.#options = options
  }

  /** The number of answers that were withheld because they were too long for an address that has not echoed its cookie. */
  get withheld(): number {
    return this.#withheld
  }

  /** Encodes the messages to `address`: the answers within the allowance of that address, and its cookie if it needs one. */
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

  /**
   * Encodes the answers to a plain text client, within the allowance of its address. A plain text answer is about as long as its
   * request.
   */
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

  /** True when messages were sent to that server that may have to be sent again. */
  knows(server: Address): boolean {
    return this.#cookies.knows(server)
  }

  /** Stores the cookie from the server at `address`. Returns the messages that were sent without it and must be sent again. */
  take(address: Address, challenge: Challenge): readonly Sent[] {
    return this.#cookies.take(address, challenge)
  }

  /** The message that gives its cookie to `address`. */
  challenge(address: Address, withheld: number): Challenge {
    return { type: 'challenge', cookie: this.#options.allowance.cookieOf(address), withheld }
  }

  #answersTo(address: Address, messages: readonly Message[]): Uint8Array[] {
    const { textProtocol, unanswered } = this.#options
    const answers = messages.flatMap((message) => textProtocol?.answersTo(message) ?? [])
    return answers.flatMap((answer) => {
      if ('text' in answer) return [Buffer.from(answer.text)]
      unanswered(answer.silence, address)
      return []
    })
  }
}
