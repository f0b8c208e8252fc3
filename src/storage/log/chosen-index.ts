import type { Instance } from '../../../machines/batch.ts'

/** The place of a record in the log. */
export interface Place {
  readonly segment: number
  readonly offset: number
  readonly lengthBytes: number
}

const firstCapacity = 1_024

/**
 * The places of the chosen batches, from one instance on without a gap. A place takes twelve bytes, and at most as much again is
 * reserved.
 */
export class ChosenIndex {
  #segments = new Uint32Array(firstCapacity)
  #offsets = new Uint32Array(firstCapacity)
  #lengths = new Uint32Array(firstCapacity)
  #floor: Instance
  #length = 0

  /** An index of no batch. The first one that is added is that of instance `floor`. */
  constructor(floor: Instance = 0) {
    this.#floor = floor
  }

  /** The first instance whose batch is held. */
  get floor(): Instance {
    return this.#floor
  }

  /** The first instance that is not known to be chosen. */
  get count(): Instance {
    return this.#floor + this.#length
  }

  /** Adds the place of the batch of instance `count`. */
  push(segment: number, offset: number, lengthBytes: number): void {
    if (this.#length === this.#segments.length) this.#resize(2 * this.#length, 0)
    this.#segments[this.#length] = segment
    this.#offsets[this.#length] = offset
    this.#lengths[this.#length] = lengthBytes
    this.#length += 1
  }

  /** Forgets the batches below `floor`. Above `count`, forgets all, and goes on at `floor`. */
  dropBelow(floor: Instance): void {
    if (floor <= this.#floor) return
    const dropped = Math.min(floor - this.#floor, this.#length)
    this.#length -= dropped
    this.#floor = floor
    this.#resize(Math.max(firstCapacity, this.#length), dropped)
  }

  /** The place of the batch of an instance from `floor` to below `count`. */
  at(instance: Instance): Place {
    const place = instance - this.#floor
    return {
      segment: this.#segments[place]!,
      offset: this.#offsets[place]!,
      lengthBytes: this.#lengths[place]!,
    }
  }

  /** The length of the record of an instance from `floor` to below `count`, in bytes. */
  lengthBytesAt(instance: Instance): number {
    return this.#lengths[instance - this.#floor]!
  }

  /** The first segment with a batch of `from` or of a later instance; `null` when there is none. */
  firstSegmentFrom(from: Instance): number | null {
    const segments = this.#segments.subarray(Math.max(0, from - this.#floor), this.#length)
    return segments.length === 0 ? null : segments.reduce((least, segment) => Math.min(least, segment))
  }

  #resize(capacity: number, dropped: number): void {
    this.#segments = resized(this.#segments, capacity, dropped)
    this.#offsets = resized(this.#offsets, capacity, dropped)
    this.#lengths = resized(this.#lengths, capacity, dropped)
  }
}

/** `values` without the first `dropped` ones, in an array of `capacity`. */
function resized(
  values: Uint32Array<ArrayBuffer>,
  capacity: number,
  dropped: number,
): Uint32Array<ArrayBuffer> {
  const other = new Uint32Array(capacity)
  other.set(values.subarray(dropped, dropped + capacity))
  return other
}
