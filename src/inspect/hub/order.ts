/** Puts the records of several servers in an order in which they can have happened. */
import type { NodeId } from '../../../machines/batch.ts'
import type { InspectorRecord } from '../records/record.ts'
import { recordBytes } from './record-bytes.ts'
import { SentLog } from './sent-log.ts'

interface Waiting {
  readonly node: NodeId
  /**
   * The clock of the record, or an earlier, higher clock of the same server: a server that starts again counts from the
   * beginning.
   */
  readonly clock: number
  readonly arrivedMs: number
  readonly record: InspectorRecord
}

/**
 * Records of one server keep their order. Between servers the Lamport clock decides. A server that starts again counts from the
 * beginning; there the clock cannot decide, and the order follows from this rule: a message is sent before it is received. Each
 * record is held back for a while, so that a late record still finds its place. A record with a received message waits longer, as
 * long as the record that sent it may still arrive. A record that arrives even later follows the records that it should have
 * preceded.
 */
export class Merge {
  readonly #holdBackMs: number
  readonly #patienceMs: number
  readonly #lines = new Map<NodeId, Waiting[]>()
  /** The highest clock of each server. */
  readonly #clocks = new Map<NodeId, number>()
  readonly #sent = new SentLog()
  #bytes = 0
  /** The highest clock among the records that were released. */
  #given = 0

  constructor({ holdBackMs, patienceMs }: { readonly holdBackMs: number; readonly patienceMs: number }) {
    this.#holdBackMs = holdBackMs
    this.#patienceMs = patienceMs
  }

  /** About how many bytes of memory all waiting records take. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0
  }

  /** A record of or about server `node` arrived. `clock` is `null` for what the hub observes from outside: it happens now. */
  add(node: NodeId, clock: number | null, record: InspectorRecord, nowMs: number): void {
    const after = Math.max(this.#clocks.get(node) ?? 0, clock ?? this.#given)
    this.#clocks.set(node, after)
    const waiting = { node, clock: after, arrivedMs: nowMs, record }
    this.#bytes += recordBytes(record)
    const line = this.#lines.get(node)
    if (line === undefined) this.#lines.set(node, [waiting])
    else line.push(waiting)
  }

  /** Returns the records that have waited long enough, and those that precede them. */
  take(nowMs: number): InspectorRecord[] {
    return this.#takeUpTo(this.#lastDue(nowMs - this.#holdBackMs), nowMs - this.#patienceMs)
  }

  /** Returns all waiting records. */
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

  /** Up to `last`, or to the first record that waits for its cause and arrived after `patientMs`. */
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
      // A record that has waited long enough does not wait for one that has just arrived.
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

  /** The record that must precede `waiting`, if it waits: the one that sent the message that was received there. */
  #firstCause(waiting: Waiting, headOf: (node: NodeId) => Waiting | undefined): Waiting {
    const seen = new Set<Waiting>()
    for (let next = waiting; ; ) {
      seen.add(next)
      const sender = this.#unknownSender(next)
      const before = sender === null ? undefined : headOf(sender)
      // A cycle: no waiting record sent it.
      if (before === undefined || seen.has(before)) return next
      next = before
    }
  }

  /**
   * True when a received message is not known to have been sent, and may still be reported. By its clock, a server sends before
   * others receive, and its records arrive in order. So the report may come as long as the server has reported nothing of so late
   * a clock. A server that leaves records out soon reports a later clock.
   */
  #mayBeExplained(waiting: Waiting): boolean {
    const sender = this.#unknownSender(waiting)
    const reported = sender === null ? undefined : this.#clocks.get(sender)
    return reported !== undefined && reported < waiting.clock
  }

  /** The sender of a message that was received there and is not known to have been sent; `null` when there is none. */
  #unknownSender({ node, record }: Waiting): NodeId | null {
    if (record.kind !== 'server' || record.record.kind !== 'step') return null
    const { cause } = record.record
    if (cause.type !== 'hear' || cause.sender === node) return null
    return this.#sent.knows(cause.sender, node, cause.message) ? null : cause.sender
  }

  #note({ node, record }: Waiting): void {
    if (record.kind !== 'server' || record.record.kind !== 'step') return
    for (const fact of record.record.facts) {
      if (fact.type === 'said' && fact.to !== node) this.#sent.add(node, fact.to, fact.message)
    }
  }
}

function inOrder(a: Waiting, b: Waiting): number {
  return a.clock - b.clock || a.node - b.node
}

function comesBefore(a: Waiting, b: Waiting): boolean {
  return inOrder(a, b) < 0
}
