/**
 * The set of datagrams in flight. Each may arrive at any time, any number of times, or never. So loss, duplication and reordering are
 * covered without a bound, and none of them needs an event.
 */
import type { Move } from './moves.ts'

export class Networks {
  readonly #byHash = new Map<number, number[]>()
  readonly #sets: (readonly number[])[] = []
  readonly #joined = new Map<number, number>()

  constructor() {
    this.idOf([])
  }

  get size(): number {
    return this.#sets.length
  }

  /** The datagrams of a network, in order of number. */
  datagrams(network: number): readonly number[] {
    const set = this.#sets[network]
    if (set === undefined) throw new Error(`there is no network ${network}`)
    return set
  }

  /** The number of the network of `datagrams`, which are in order of number and without duplicates. The list is kept without a copy. */
  idOf(datagrams: readonly number[]): number {
    let hash = datagrams.length
    for (const datagram of datagrams) hash = Math.imul(hash ^ datagram, 0x01000193) ^ (hash >>> 15)
    const alike = this.#byHash.get(hash)
    for (const id of alike ?? []) if (isSame(this.datagrams(id), datagrams)) return id
    const id = this.#sets.length
    this.#sets.push(datagrams)
    if (alike === undefined) this.#byHash.set(hash, [id])
    else alike.push(id)
    return id
  }

  /** The network after `move` has sent its datagrams. */
  after(network: number, { datagrams, datagramsId }: Move): number {
    if (datagramsId === 0) return network
    const key = network * 2 ** 24 + datagramsId
    let id = this.#joined.get(key)
    if (id === undefined) {
      id = this.idOf(union(this.datagrams(network), datagrams))
      this.#joined.set(key, id)
    }
    return id
  }
}

function isSame(some: readonly number[], others: readonly number[]): boolean {
  if (some.length !== others.length) return false
  for (let place = 0; place < some.length; place += 1) if (some[place] !== others[place]) return false
  return true
}

function union(some: readonly number[], more: readonly number[]): number[] {
  return [...new Set([...some, ...more])].sort((a, b) => a - b)
}
