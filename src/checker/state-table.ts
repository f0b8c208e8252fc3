/**
 * The states that a search has reached, each a row of `width` whole numbers, in the order in which they were reached. The table keeps
 * complete rows, not fingerprints, so two states are never taken for one.
 */
export class StateTable {
  readonly #width: number
  #rows: Int32Array<ArrayBuffer>
  #size = 0
  /** Open addressing: the index of a row plus one, 0 for an empty slot. */
  #slots: Int32Array<ArrayBuffer>
  #mask: number

  constructor(width: number) {
    this.#width = width
    this.#rows = new Int32Array(width * 1024)
    this.#slots = new Int32Array(2048)
    this.#mask = 2047
  }

  get size(): number {
    return this.#size
  }

  /** The size of the table in bytes. */
  get bytes(): number {
    return this.#rows.byteLength + this.#slots.byteLength
  }

  /** Copies row `index` into `row`. */
  read(index: number, row: Int32Array): void {
    const start = index * this.#width
    for (let column = 0; column < this.#width; column += 1) row[column] = this.#rows[start + column] ?? 0
  }

  /** Adds a copy of `row`. Returns true when the row is new. */
  add(row: Int32Array): boolean {
    const width = this.#width
    const rows = this.#rows
    const slots = this.#slots
    let slot = hashOf(row, 0, width) & this.#mask
    for (;;) {
      const index = (slots[slot] ?? 0) - 1
      if (index < 0) break
      const start = index * width
      let column = 0
      while (column < width && rows[start + column] === row[column]) column += 1
      if (column === width) return false
      slot = (slot + 1) & this.#mask
    }
    this.#append(row)
    slots[slot] = this.#size
    if (this.#size * 2 > this.#mask) this.#rehash()
    return true
  }

  #append(row: Int32Array): void {
    const width = this.#width
    if ((this.#size + 1) * width > this.#rows.length) this.#rows = enlarged(this.#rows)
    const start = this.#size * width
    for (let column = 0; column < width; column += 1) this.#rows[start + column] = row[column] ?? 0
    this.#size += 1
  }

  #rehash(): void {
    const width = this.#width
    const rows = this.#rows
    const mask = this.#slots.length * 2 - 1
    const slots = new Int32Array(mask + 1)
    for (let index = 0; index < this.#size; index += 1) {
      let slot = hashOf(rows, index * width, width) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = index + 1
    }
    this.#slots = slots
    this.#mask = mask
  }
}

/** A growing list of whole numbers. */
export class NumberList {
  #numbers = new Int32Array(1024)
  #size = 0

  get bytes(): number {
    return this.#numbers.byteLength
  }

  add(number: number): void {
    if (this.#size === this.#numbers.length) this.#numbers = enlarged(this.#numbers)
    this.#numbers[this.#size] = number
    this.#size += 1
  }

  /** Throws a `RangeError` when `index` is out of range. */
  at(index: number): number {
    const number = this.#numbers[index]
    if (number === undefined || index >= this.#size) throw new RangeError(`index ${index} of ${this.#size}`)
    return number
  }
}

/** A copy of twice the length. */
export function enlarged(numbers: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(numbers.length * 2)
  larger.set(numbers)
  return larger
}

/** MurmurHash3 of the `width` numbers from `start` on. */
function hashOf(rows: Int32Array, start: number, width: number): number {
  let hash = width
  for (let place = start; place < start + width; place += 1) {
    let mixed = Math.imul(rows[place] ?? 0, 0xcc9e2d51)
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
    hash ^= mixed
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
