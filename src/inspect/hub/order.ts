/** Puts the records of several servers in an order in which it can have happened. */
import type { NodeId } from '../../../machines/batch.ts'
import type { InspectorRecord } from '../records/record.ts'
import { recordBytes } from './record-bytes.ts'
import { SaidLog } from './said-log.ts'

interface Waiting {
  readonly node: NodeId
  /** Of the record, or of an earlier one of the same server that was higher: a server that begins again counts anew. */
  readonly clock: number
  readonly arrivedMs: number
  readonly record: InspectorRecord
}

/**
 * Records of one server keep their order. Between servers the Lamport clock decides, and where it cannot, since a server that
 * begins again counts anew, that a message is said before it is heard. So that what comes late finds its place, each record is
 * held back for a while, and one that heard something for longer, as long as the record in which that was said may still
 * come. One that comes later still is given out after those that it should have preceded.
 */
export class Merge {
  readonly #holdBackMs: number
  readonly #patienceMs: number
  readonly #lines = new Map<NodeId, Waiting[]>()
  /** The highest clock of each server. */
  readonly #clocks = new Map<NodeId, number>()
  readonly #said = new SaidLog()
  #bytes = 0
  /** The highest clock that was given out. */
  #given = 0

  constructor({ holdBackMs, patienceMs }: { readonly holdBackMs: number; readonly patienceMs: number }) {
    this.#holdBackMs = holdBackMs
    this.#patienceMs = patienceMs
  }

  /** What all that wait take in memory, about. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0
  }

  /** A record of or about the server `node` arrived. `clock` is `null` for what is seen from outside: it happens now. */
  add(node: NodeId, clock: number | null, record: InspectorRecord, nowMs: number): void {
    const after = Math.max(this.#clocks.get(node) ?? 0, clock ?? this.#given)
    this.#clocks.set(node, after)
    const waiting = { node, clock: after, arrivedMs: nowMs, record }
    this.#bytes += recordBytes(record)
    const line = this.#lines.get(node)
    if (line === undefined) this.#lines.set(node, [waiting])
    else line.push(waiting)
  }

  /** The records that have waited long enough, and those that come before them. */
  take(nowMs: number): InspectorRecord[] {
    return this.#takeUpTo(this.#lastDue(nowMs - this.#holdBackMs), nowMs - this.#patienceMs)
  }

  /** All that wait. */
  takeAll(): InspectorRecord[] {
    return this.#takeUpTo(this.#lastDue(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY)
  }

  #lastDue(dueMs: number): Waiting | null {
    let last: Waiting | null = null
    for (const line of this.#lines.values()) {
      const due = line.findLast(({ arrivedMs }) => arrivedMs <= dueMs)
      if (due !== undefined && (last === null || comesBefore(last, due))) last = due
    }
    return last
  }

  /** Up to `last`, or to the first that waits for its cause and arrived after `patientMs`. */
  #takeUpTo(last: Waiting | null, patientMs: number): InspectorRecord[] {
    if (last === null) return []
    const places = new Map<NodeId, number>()
    const headOf = (node: NodeId) => this.#lines.get(node)?.[places.get(node) ?? 0]
    const taken: InspectorRecord[] = []
    for (;;) {
      const heads = [...this.#lines.keys()].flatMap((node) => headOf(node) ?? [])
      const first = heads.sort(inOrder)[0]
      if (first === undefined || comesBefore(last, first)) break
      const next = this.#firstCause(first, headOf)
      // What has waited long enough waits for nobody who has only come.
      const isPatient = first.arrivedMs > patientMs && next.arrivedMs > patientMs
      if (isPatient && this.#mayBeExplained(next)) break
      places.set(next.node, (places.get(next.node) ?? 0) + 1)
      this.#note(next)
      this.#given = Math.max(this.#given, next.clock)
      this.#bytes -= recordBytes(next.record)
      taken.push(next.record)
    }
    for (const [node, place] of places) {
      const line = this.#lines.get(node)
      if (line === undefined || place === line.length) this.#lines.delete(node)
      else line.splice(0, place)
    }
    return taken
  }

  /** What has to be told before `waiting`, if it waits: somebody has said what was heard. */
  #firstCause(waiting: Waiting, headOf: (node: NodeId) => Waiting | undefined): Waiting {
    const seen = new Set<Waiting>()
    for (let next = waiting; ; ) {
      seen.add(next)
      const sender = this.#unknownSender(next)
      const before = sender === null ? undefined : headOf(sender)
      // Nobody has said it, or they would wait for each other.
      if (before === undefined || seen.has(before)) return next
      next = before
    }
  }

  /**
   * True when what was heard there is not known to have been said, and may be yet: a server says before others hear, by its
   * clock, and what it tells comes in order, so as long as it has told of nothing so late. One that leaves records out tells of
   * something later soon.
   */
  #mayBeExplained(waiting: Waiting): boolean {
    const sender = this.#unknownSender(waiting)
    const told = sender === null ? undefined : this.#clocks.get(sender)
    return told !== undefined && told < waiting.clock
  }

  /** Whose message was heard there that is not known to have been said; `null` for nobody's. */
  #unknownSender({ node, record }: Waiting): NodeId | null {
    if (record.kind !== 'server' || record.record.kind !== 'step') return null
    const { cause } = record.record
    if (cause.type !== 'hear' || cause.sender === node) return null
    return this.#said.knows(cause.sender, node, cause.message) ? null : cause.sender
  }

  #note({ node, record }: Waiting): void {
    if (record.kind !== 'server' || record.record.kind !== 'step') return
    for (const fact of record.record.facts) {
      if (fact.type === 'said' && fact.to !== node) this.#said.said(node, fact.to, fact.message)
    }
  }
}

function inOrder(a: Waiting, b: Waiting): number {
  return a.clock - b.clock || a.node - b.node
}

function comesBefore(a: Waiting, b: Waiting): boolean {
  return inOrder(a, b) < 0
}
