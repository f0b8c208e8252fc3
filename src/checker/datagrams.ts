import type { NodeId } from '../../machines/batch.ts'
import { hearerOf, type Names } from '../../machines/inbox.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import { Interner } from './interner.ts'

/** A datagram in flight between servers, with precomputed properties that the search often needs. */
export interface Datagram {
  readonly from: NodeId
  readonly to: NodeId
  readonly names: Names
  readonly message: NodeMessage
  /** `ask`: a prepare or an accept. `answer`: a promise, an accepted or a denial. `news`: a learn or a chosen. */
  readonly kind: 'ask' | 'answer' | 'news'
  readonly round: number
  /** The instance of the message, or the first of several. */
  readonly instance: number
}

/** Every datagram that was sent, by number. */
export class Datagrams {
  readonly #interner = new Interner<Datagram>()

  get size(): number {
    return this.#interner.size
  }

  idOf(from: NodeId, to: NodeId, names: Names, message: NodeMessage): number {
    return this.#interner.idOf(JSON.stringify([from, to, names, message]), {
      from,
      to,
      names,
      message,
      kind: kindByHearer[hearerOf(message)],
      round: 'ballot' in message ? message.ballot.round : 0,
      instance: instanceOf(message),
    })
  }

  valueOf(datagram: number): Datagram {
    return this.#interner.valueOf(datagram)
  }
}

/** The instance of a message, or the first of several. */
export function instanceOf(message: NodeMessage): number {
  return 'instance' in message ? message.instance : message.from
}

/** All messages that a role receives are of one kind. */
const kindByHearer: Readonly<Record<ReturnType<typeof hearerOf>, Datagram['kind']>> = {
  acceptor: 'ask',
  proposer: 'answer',
  learner: 'news',
}
