/**
 * The datagrams in flight to one server, as a set with a number. Each may arrive at any time, any number of times, or never. So loss,
 * duplication and reordering are covered without a bound, and none of them needs an event.
 */
import { PairTable } from './pair-table.ts'
import { enlarged } from './state-table.ts'

/** Sets of datagrams by number. The empty set is 0. A set is a list of datagrams in order and without duplicates. */
export class Networks {
  /** The datagrams of all sets, one set after another. */
  #datagrams = new Int32Array(4096)
  /** By set, the place of its first datagram; and the end of the last set. */
  #starts = new Int32Array(1024)
  #size = 0
  /** Open addressing: the number of a set plus one, 0 for an empty slot. */
  #slots = new Int32Array(2048)
  readonly #unions = new PairTable()
  readonly #lesser = new PairTable()

  constructor() {
    this.idOf([])
  }

  get size(): number {
    return this.#size
  }

  /** The place of the first datagram of a set. Its datagrams are at the places from here to `endOf`. */
  startOf(set: number): number {
    return this.#starts[set] ?? 0
  }

  endOf(set: number): number {
    return this.#starts[set + 1] ?? 0
  }

  /** The number of the datagram at a place. */
  datagramAt(place: number): number {
    return this.#datagrams[place] ?? 0
  }

  datagramsOf(set: number): readonly number[] {
    return [...this.#datagrams.subarray(this.startOf(set), this.endOf(set))]
  }

  /** The number of the set of `datagrams`, which are in order of number and without duplicates. */
  idOf(datagrams: readonly number[]): number {
    const mask = this.#slots.length - 1
    let slot = hashOf(datagrams) & mask
    for (;;) {
      const set = (this.#slots[slot] ?? 0) - 1
      if (set < 0) break
      if (this.#isSame(set, datagrams)) return set
      slot = (slot + 1) & mask
    }
    const set = this.#append(datagrams)
    this.#slots[slot] = set + 1
    if (this.#size * 2 > mask) this.#rehash()
    return set
  }

  /** The number of the set that has the datagrams of both sets. */
  union(some: number, more: number): number {
    if (more === 0 || some === more) return some
    if (some === 0) return more
    const known = this.#unions.get(some, more)
    if (known >= 0) return known
    const union = this.idOf(this.#merged(some, more))
    this.#unions.add(some, more, union)
    return union
  }

  /** The number of the set without one of its datagrams. */
  without(set: number, datagram: number): number {
    const known = this.#lesser.get(set, datagram)
    if (known >= 0) return known
    const left: number[] = []
    for (let place = this.startOf(set); place < this.endOf(set); place += 1) {
      if (this.datagramAt(place) !== datagram) left.push(this.datagramAt(place))
    }
    const id = this.idOf(left)
    this.#lesser.add(set, datagram, id)
    return id
  }

  #isSame(set: number, datagrams: readonly number[]): boolean {
    const start = this.startOf(set)
    if (this.endOf(set) - start !== datagrams.length) return false
    for (let place = 0; place < datagrams.length; place += 1) {
      if (this.#datagrams[start + place] !== datagrams[place]) return false
    }
    return true
  }

  #append(datagrams: readonly number[]): number {
    const start = this.startOf(this.#size)
    const end = start + datagrams.length
    while (end > this.#datagrams.length) this.#datagrams = enlarged(this.#datagrams)
    for (let place = start; place < end; place += 1) this.#datagrams[place] = datagrams[place - start] ?? 0
    this.#size += 1
    if (this.#size === this.#starts.length) this.#starts = enlarged(this.#starts)
    this.#starts[this.#size] = end
    return this.#size - 1
  }

  #merged(some: number, more: number): number[] {
    const all: number[] = []
    const end = this.endOf(more)
    let next = this.startOf(more)
    for (let place = this.startOf(some); place < this.endOf(some); place += 1) {
      const datagram = this.datagramAt(place)
      for (; next < end && this.datagramAt(next) < datagram; next += 1) all.push(this.datagramAt(next))
      if (next < end && this.datagramAt(next) === datagram) next += 1
      all.push(datagram)
    }
    for (; next < end; next += 1) all.push(this.datagramAt(next))
    return all
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2)
    const mask = this.#slots.length - 1
    for (let set = 0; set < this.#size; set += 1) {
      const datagrams = this.#datagrams.subarray(this.startOf(set), this.endOf(set))
      let slot = hashOf(datagrams) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = set + 1
    }
  }
}

function hashOf(datagrams: ArrayLike<number>): number {
  let hash = datagrams.length
  for (let place = 0; place < datagrams.length; place += 1) {
    hash = Math.imul(hash ^ (datagrams[place] ?? 0), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash
}
