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

/** The sender of a datagram, and its size. */
interface Proof {
  readonly sender: NodeId | null
  readonly names: Names | null
  readonly messages: readonly Message[]
  readonly bytes: number
  readonly cookie: string | undefined
}

/** The addresses of other servers, and which addresses have echoed their cookie. */
export class Places {
  readonly #self: NodeId
  readonly #allowance: AnswerAllowance
  readonly #addressOf: Receiver['addressOf']
  readonly #whereabouts = new Whereabouts()
  /** Source addresses of members that are answered at another address and echoed its cookie from here. */
  readonly #memberSources = new Set<Address>()

  constructor(self: NodeId, allowance: AnswerAllowance, addressOf: Receiver['addressOf']) {
    this.#self = self
    this.#allowance = allowance
    this.#addressOf = addressOf
  }

  /** True when the sender at `source` has shown that it receives messages there, or that it is a member. */
  isProven(source: Address): boolean {
    return this.#allowance.isProven(source) || this.#memberSources.has(source)
  }

  /**
   * Updates the allowance for answers to this datagram. Answers to a member go to its known address, so that address must have
   * echoed its cookie. The pieces that come from `source` then count as those of a proven source.
   */
  recordProof({ sender, names, messages, bytes, cookie }: Proof, source: Address): void {
    const isOfServer =
      sender !== null && names !== null && sender !== this.#self && messages.every(isOfServers)
    const last = isOfServer ? { address: source, incarnation: names.incarnation } : null
    const address = last === null ? source : this.answeredAt(sender as NodeId, last)
    const isEchoed = this.#allowance.receive(address, bytes, cookie)
    if (isEchoed && address !== source) this.#recordMemberSource(source)
  }

  /** The address for answers to the server `id`, which sent from the address in `last`. */
  answeredAt(id: NodeId, last: HeardFrom): Address {
    return this.#addressOf(id, last.incarnation, last) ?? last.address
  }

  /** The known address of the directory `addressee` of the server `id`. */
  addressOf(id: NodeId, addressee: string | null): Address | undefined {
    return this.#addressOf(id, addressee, this.lastHeard(id))
  }

  /** Records that the server `id`, which may not be a member, is at the address in `last`. */
  record(id: NodeId, last: HeardFrom): void {
    this.#whereabouts.record(id, last, this.#allowance.isProven(last.address))
  }

  /** The last recorded address of the server `id`. */
  lastHeard(id: NodeId): HeardFrom | undefined {
    return this.#whereabouts.of(id)
  }

  #recordMemberSource(source: Address): void {
    this.#memberSources.delete(source)
    this.#memberSources.add(source)
    if (this.#memberSources.size > maxServersHeardFrom) forgetOldest(this.#memberSources)
  }
}

/** True for messages whose answer goes to the known address of the sending server, instead of the source address. */
export function echoesCookies(message: Message): boolean {
  return isNodeMessage(message) || message.type === 'join'
}

/** True for messages that servers send to each other. */
function isOfServers(message: Message): boolean {
  return echoesCookies(message) || message.type === 'challenge'
}
