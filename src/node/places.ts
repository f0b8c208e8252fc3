import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Message } from '../../machines/messages.ts'
import type { HeardFrom } from '../core/reach.ts'
import { isNodeMessage } from '../messages/dictionary.ts'
import type { AnswerAllowance } from '../wire/answer-allowance.ts'
import { maxServersHeardFrom } from '../wire/limits.ts'
import { forgetOldest } from '../wire/oldest.ts'
import type { Receiver } from './receiver.ts'
import { Whereabouts } from './whereabouts.ts'

/** What a datagram says of its sender, and what it weighs. */
interface Proof {
  readonly sender: NodeId | null
  readonly names: Names | null
  readonly messages: readonly Message[]
  readonly bytes: number
  readonly cookie: string | undefined
}

/** Where other servers are, and which addresses have echoed the cookie that they were given. */
export class Places {
  readonly #self: NodeId
  readonly #allowance: AnswerAllowance
  readonly #addressOf: Receiver['addressOf']
  readonly #whereabouts = new Whereabouts()
  /** From where members send that are answered elsewhere, and echoed what they were given there. */
  readonly #memberSources = new Set<Address>()

  constructor(self: NodeId, allowance: AnswerAllowance, addressOf: Receiver['addressOf']) {
    this.#self = self
    this.#allowance = allowance
    this.#addressOf = addressOf
  }

  /** True when who sends from `source` has shown to receive what is sent there, or to be a member. */
  isProven(source: Address): boolean {
    return this.#allowance.isProven(source) || this.#memberSources.has(source)
  }

  /**
   * What may be answered to this datagram, and where. A member is answered at the address that it is known by, so it is that
   * address that has to have echoed its cookie. Its pieces are held as those of a proven source all the same.
   */
  recordProof({ sender, names, messages, bytes, cookie }: Proof, source: Address): void {
    const isOfServer =
      sender !== null && names !== null && sender !== this.#self && messages.every(isOfServers)
    const last = isOfServer ? { address: source, incarnation: names.incarnation } : null
    const address = last === null ? source : this.answeredAt(sender as NodeId, last)
    const isEchoed = this.#allowance.receive(address, bytes, cookie)
    if (isEchoed && address !== source) this.#recordMemberSource(source)
  }

  /** Where that is answered which the server `id` sends from the address in `last`. */
  answeredAt(id: NodeId, last: HeardFrom): Address {
    return this.#addressOf(id, last.incarnation, last) ?? last.address
  }

  /** Where the directory `addressee` of the server `id` is, as far as that is known. */
  addressOf(id: NodeId, addressee: string | null): Address | undefined {
    return this.#addressOf(id, addressee, this.lastHeard(id))
  }

  /** The server `id`, which may be no member, is at the address in `last`. */
  record(id: NodeId, last: HeardFrom): void {
    this.#whereabouts.record(id, last, this.#allowance.isProven(last.address))
  }

  /** What was recorded last of the server `id`. */
  lastHeard(id: NodeId): HeardFrom | undefined {
    return this.#whereabouts.of(id)
  }

  #recordMemberSource(source: Address): void {
    this.#memberSources.delete(source)
    this.#memberSources.add(source)
    if (this.#memberSources.size > maxServersHeardFrom) forgetOldest(this.#memberSources)
  }
}

/** Answered to the server that sent it, where the cluster has that, and not to where it came from. */
export function echoesCookies(message: Message): boolean {
  return isNodeMessage(message) || message.type === 'join'
}

/** Sent by servers to each other. */
function isOfServers(message: Message): boolean {
  return echoesCookies(message) || message.type === 'challenge'
}
