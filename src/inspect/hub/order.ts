/** Puts the records of several servers in an order in which it can have happened. */
import type { NodeId } from '../../../machines/batch.ts'
import type { InspectorRecord } from '../record.ts'

interface Waiting {
  readonly node: NodeId
  /** Of the record, or of an earlier one of the same server that was higher: a server that begins again counts anew. */
  readonly clock: number
  readonly arrivedMs: number
  readonly record: InspectorRecord
}

/**
 * Records of one server keep their order; between servers the Lamport clock decides. So that what comes late finds its place,
 * each record is held back for a while. One that comes later still is given out after those that it should have preceded.
 */
export class Merge {
  readonly #holdBackMs: number
  readonly #lines = new Map<NodeId, Waiting[]>()
  /** The highest clock of each server. */
  readonly #clocks = new Map<NodeId, number>()
  /** The highest clock that was given out. */
  #given = 0

  constructor(holdBackMs: number) {
    this.#holdBackMs = holdBackMs
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0
  }

  /** A record of or about the server `node` arrived. `clock` is `null` where it has none: it comes after what came before it. */
  add(node: NodeId, clock: number | null, record: InspectorRecord, nowMs: number): void {
    const known = this.#clocks.get(node)
    // What is seen from outside happens now: after all that was given out.
    const least = clock === null ? Math.max(known ?? 0, this.#given) : (known ?? 0)
    const after = Math.max(clock ?? 0, least)
    this.#clocks.set(node, after)
    const waiting = { node, clock: after, arrivedMs: nowMs, record }
    const line = this.#lines.get(node)
    if (line === undefined) this.#lines.set(node, [waiting])
    else line.push(waiting)
  }

  /** The records that have waited long enough, and those that come before them. */
  take(nowMs: number): InspectorRecord[] {
    return this.#takeUpTo(this.#lastDue(nowMs - this.#holdBackMs))
  }

  /** All that wait. */
  takeAll(): InspectorRecord[] {
    return this.#takeUpTo(this.#lastDue(Number.POSITIVE_INFINITY))
  }

  #lastDue(dueMs: number): Waiting | null {
    let last: Waiting | null = null
    for (const line of this.#lines.values()) {
      const due = line.findLast(({ arrivedMs }) => arrivedMs <= dueMs)
      if (due !== undefined && (last === null || comesBefore(last, due))) last = due
    }
    return last
  }

  #takeUpTo(last: Waiting | null): InspectorRecord[] {
    if (last === null) return []
    const taken: Waiting[] = []
    for (const [node, line] of this.#lines) {
      const end = line.findIndex((waiting) => comesBefore(last, waiting))
      if (end === -1) this.#lines.delete(node)
      taken.push(...line.splice(0, end === -1 ? line.length : end))
    }
    this.#given = Math.max(this.#given, last.clock)
    // The sort is stable: records of one server stay as they came.
    return taken.sort((a, b) => a.clock - b.clock || a.node - b.node).map(({ record }) => record)
  }
}

function comesBefore(a: Waiting, b: Waiting): boolean {
  return a.clock < b.clock || (a.clock === b.clock && a.node < b.node)
}
