import type { NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import { Interner } from './interner.ts'
import { NumberList } from './state-table.ts'

/** A datagram in flight between servers, with precomputed properties that the search often needs. */
export interface Datagram {
  readonly from: NodeId
  readonly to: NodeId
  readonly names: Names
  readonly message: NodeMessage
  /** `ask`: a prepare or an accept. `answer`: a promise, an accepted or a denial. `news`: any other, which stays as it is. */
  readonly kind: 'ask' | 'answer' | 'news'
  readonly round: number
  /** The instance of the message, or the first of several. */
  readonly instance: number
}

/** Every datagram that was sent, by number. */
export class Datagrams {
  readonly #interner = new Interner<Datagram>()
  /** By datagram, the number of earlier datagrams to the same receiver. */
  readonly #places = new NumberList()
  /** By receiver, the number of its datagrams. */
  readonly #counts: number[] = []

  get size(): number {
    return this.#interner.size
  }

  idOf(from: NodeId, to: NodeId, names: Names, message: NodeMessage): number {
    const known = this.size
    const datagram = { from, to, names, message, ...propertiesOf(message) }
    const id = this.#interner.idOf(JSON.stringify([from, to, names, message]), datagram)
    if (id === known) {
      const place = this.#counts[to] ?? 0
      this.#places.add(place)
      this.#counts[to] = place + 1
    }
    return id
  }

  valueOf(datagram: number): Datagram {
    return this.#interner.valueOf(datagram)
  }

  /** The place of a datagram among those to the same receiver. */
  placeOf(datagram: number): number {
    return this.#places.at(datagram)
  }
}

/** The instance of a message, or the first of several. */
export function instanceOf(message: NodeMessage): number {
  return propertiesOf(message).instance
}

/**
 * What the reduction has to know of a message. A new message needs an argument that `reduction.ts` may take it away as it takes away
 * the others of its kind.
 */
function propertiesOf(message: NodeMessage): Pick<Datagram, 'kind' | 'round' | 'instance'> {
  switch (message.type) {
    case 'prepare':
      return { kind: 'ask', round: message.ballot.round, instance: message.from }
    case 'accept':
      return { kind: 'ask', round: message.ballot.round, instance: message.instance }
    case 'promise':
      return { kind: 'answer', round: message.ballot.round, instance: message.from }
    case 'accepted':
    case 'denial':
      return { kind: 'answer', round: message.ballot.round, instance: message.instance }
    case 'learn':
    case 'chosen':
      return { kind: 'news', round: 0, instance: message.from }
    case 'compacted':
    case 'fetch':
    case 'chunk':
      return { kind: 'news', round: 0, instance: message.snapshot.instance - 1 }
    case 'settled':
      return { kind: 'news', round: 0, instance: message.instance }
    case 'handOver':
    case 'confirm':
    case 'confirmed':
      return { kind: 'news', round: 0, instance: 0 }
    // In a search nobody compares (`CheckedCluster`), and no directory is copied.
    case 'exposure':
      return { kind: 'news', round: 0, instance: 0 }
    case 'compare':
    case 'compared':
      return { kind: 'news', round: 0, instance: message.instance }
  }
  return message satisfies never
}
