import type { Instance } from '../../../machines/batch.ts'

/** The place of a record in the log. */
export interface Place {
  readonly segment: number
  readonly offset: number
  readonly lengthBytes: number
}

const firstCapacity = 1_024

/**
 * The places of the chosen batches, from instance 0 on without a gap. A place takes twelve bytes, and at most as much again is
 * reserved.
 */
export class ChosenIndex {
  #segments = new Uint32Array(firstCapacity)
  #offsets = new Uint32Array(firstCapacity)
  #lengths = new Uint32Array(firstCapacity)
  #count = 0

  /** The number of chosen batches: the first instance that is not known to be chosen. */
  get count(): Instance {
    return this.#count
  }

  /** Adds the place of the batch of instance `count`. */
  push(segment: number, offset: number, lengthBytes: number): void {
    if (this.#count === this.#segments.length) this.#grow()
    this.#segments[this.#count] = segment
    this.#offsets[this.#count] = offset
    this.#lengths[this.#count] = lengthBytes
    this.#count += 1
  }

  /** The place of the batch of an instance below `count`. */
  at(instance: Instance): Place {
    return {
      segment: this.#segments[instance]!,
      offset: this.#offsets[instance]!,
      lengthBytes: this.#lengths[instance]!,
    }
  }

  /** The length of the record of an instance below `count`, in bytes. */
  lengthBytesAt(instance: Instance): number {
    return this.#lengths[instance]!
  }

  #grow(): void {
    this.#segments = doubled(this.#segments)
    this.#offsets = doubled(this.#offsets)
    this.#lengths = doubled(this.#lengths)
  }
}

function doubled(values: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * values.length)
  larger.set(values)
  return larger
}
