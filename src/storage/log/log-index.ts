import type { Ballot } from '../../../machines/ballot.ts'
import type { AcceptedRecord, Instance } from '../../../machines/batch.ts'
import type { DurableState } from '../../core/durable.ts'
import type { Identity } from '../storage.ts'
import type { Bytes } from './bytes.ts'
import { ChosenIndex, type Place } from './chosen-index.ts'
import type { LogBase } from './layout.ts'
import {
  decodeRecord,
  encodeRecord,
  instanceOf,
  lengthOf,
  recordTypes,
  type StoredSnapshot,
  typeOf,
} from './records.ts'

/** The last accepted record of an instance that is not known to be chosen. */
interface AcceptedPlace {
  readonly place: Place
  /** `null` when the index keeps places only. */
  readonly record: Bytes | null
}

/** The state that the records of a log describe, in their order, and the places of its batches. */
export class LogIndex {
  readonly chosen: ChosenIndex
  readonly #accepted = new Map<Instance, AcceptedPlace>()
  #identity: Identity | null = null
  #promised: Ballot | null = null
  #snapshot: StoredSnapshot | null = null
  #keepsRecords = true
  /** Chosen batches of instances below this one are in a snapshot, and their records have no effect. */
  readonly #base: Instance

  /** An index of the records from the base of a log on, whose floor is `base`. */
  constructor(base: Instance = 0) {
    this.#base = base
    this.chosen = new ChosenIndex(base)
  }

  get identity(): Identity | null {
    return this.#identity
  }

  get snapshot(): StoredSnapshot | null {
    return this.#snapshot
  }

  /** Decodes the accepted batches: there are few of them. */
  get durable(): DurableState {
    const accepted = this.#acceptedRecords.map((record): AcceptedRecord => {
      const decoded = decodeRecord(record, 0)
      if (decoded.type !== 'accepted') throw new Error('only accepted records are kept')
      const { instance, ballot, batch } = decoded
      return { instance, ballot, batch }
    })
    return {
      promised: this.#promised,
      accepted,
      firstUnchosen: this.chosen.count,
      snapshot: this.#snapshot?.snapshot ?? null,
      floor: this.chosen.floor,
    }
  }

  /** The records of the promise and of all accepted batches at and above the first unchosen instance. */
  get votes(): readonly Bytes[] {
    const promise = this.#promised === null ? [] : [encodeRecord({ type: 'promise', ballot: this.#promised })]
    return [...promise, ...this.#acceptedRecords]
  }

  get #acceptedRecords(): readonly Bytes[] {
    return [...this.#accepted].sort(([a], [b]) => a - b).flatMap(([, { record }]) => record ?? [])
  }

  /**
   * Applies the record at `offset` of `bytes`, which begin at `baseOffset` of `segment`. Returns the reason why this record
   * cannot follow the ones before it; `null` when it can.
   */
  apply(bytes: Bytes, offset: number, segment: number, baseOffset: number): string | null {
    const type = typeOf(bytes, offset)
    switch (type) {
      case recordTypes.identity:
      case recordTypes.promise: {
        const record = decodeRecord(bytes, offset)
        if (record.type === 'identity') this.#identity = record.identity
        if (record.type === 'promise') this.#promised = record.ballot
        return null
      }
      case recordTypes.accepted: {
        const instance = instanceOf(bytes, offset)
        if (instance < this.chosen.count) return null
        const lengthBytes = lengthOf(bytes, offset)
        const record = this.#keepsRecords ? bytes.subarray(offset, offset + lengthBytes) : null
        const place = { segment, offset: baseOffset + offset, lengthBytes }
        this.#accepted.set(instance, { place, record })
        return null
      }
      case recordTypes.snapshot: {
        const record = decodeRecord(bytes, offset)
        return record.type === 'snapshot' ? this.#applySnapshot(record) : null
      }
      default:
        return this.#applyChosen(bytes, offset, segment, baseOffset)
    }
  }

  /** Copies the accepted records that are views of larger buffers, so that the buffers can be freed. */
  release(): void {
    for (const [instance, accepted] of this.#accepted) {
      this.#accepted.set(instance, {
        ...accepted,
        record: accepted.record === null ? null : new Uint8Array(accepted.record),
      })
    }
  }

  /** Keeps the places of the accepted records only, of those before and of those to come. Then `votes` and `durable` lack them. */
  keepPlacesOnly(): void {
    this.#keepsRecords = false
    for (const [instance, { place }] of this.#accepted) this.#accepted.set(instance, { place, record: null })
  }

  #applySnapshot({ snapshot, floor, file }: StoredSnapshot): string | null {
    const { instance } = snapshot
    const before = this.#snapshot?.snapshot.instance ?? -1
    if (instance <= before) return `the snapshot of instance ${instance} follows that of instance ${before}`
    if (instance > this.chosen.count && floor < instance) {
      return `chosen batches from ${floor} to below ${instance} must be held, and the first missing one is ${this.chosen.count}`
    }
    this.#snapshot = { snapshot, floor, file }
    this.chosen.dropBelow(floor)
    for (const accepted of this.#accepted.keys()) {
      if (accepted < this.chosen.count) this.#accepted.delete(accepted)
    }
    return null
  }

  #applyChosen(bytes: Bytes, offset: number, segment: number, baseOffset: number): string | null {
    const instance = instanceOf(bytes, offset)
    if (instance < this.#base) return null
    const expected = this.chosen.count
    if (instance !== expected) {
      return `instance ${instance} is recorded as chosen, and the first unchosen one is ${expected}`
    }
    const accepted = this.#accepted.get(instance)
    if (typeOf(bytes, offset) === recordTypes.chosen) {
      this.chosen.push(segment, baseOffset + offset, lengthOf(bytes, offset))
    } else if (accepted !== undefined) {
      const { place } = accepted
      this.chosen.push(place.segment, place.offset, place.lengthBytes)
    } else return `instance ${instance} is recorded as chosen as accepted, and no accepted record is there`
    this.#accepted.delete(instance)
    return null
  }
}

/**
 * The base of a log that needs the chosen batches from `floor` on, in the segment `next`: the batches that are not in `index` will be
 * there, and so will all that the log must not forget.
 */
export function baseOf({ chosen }: LogIndex, floor: Instance, next: number): LogBase {
  return { segment: chosen.firstSegmentFrom(floor) ?? next, floor }
}
