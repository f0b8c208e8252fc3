/**
 * The history of a run as its clients observed it. The linearizability checkers judge it (Herlihy and Wing, "Linearizability:
 * a correctness condition for concurrent objects", 1990).
 */
import type { Instance, Json } from '../../machines/batch.ts'
import type { Execution, Outcome, Position, ReadOutcome } from '../../machines/outcome.ts'
import { canonicalJson } from '../core/digest.ts'
import { fieldsOf } from './models.ts'

/** The time of an event at a client. */
export interface Tick {
  /** The position among all events at clients. It is unique, and it alone decides which event was before another. */
  readonly order: number
  /** Milliseconds, for the reader of the history only. */
  readonly timeMs: number
}

export type Ending =
  | { readonly kind: 'answered'; readonly at: Tick; readonly result: Json; readonly position: Position }
  /** The command changed nothing and never will: it was cancelled, or refused, or the service threw. */
  | { readonly kind: 'void'; readonly at: Tick }
  /**
   * No answer arrived: the command may have been executed, or may still be executed. `position` is where it was executed, when
   * a server has reported that.
   */
  | { readonly kind: 'unknown'; readonly position: Position | null }

/** The index in the positions of reads, below that of every request. */
export const readIndex = -1

/** One command of a client, named by (uid, seq). A client may have several commands in progress. */
export interface Operation {
  readonly uid: string
  readonly seq: number
  /** The command for the service. */
  readonly command: Json
  readonly called: Tick
  readonly ending: Ending
}

/** A session ended at an instance, before the requests of its batch. */
export interface SessionEnd {
  readonly uid: string
  readonly instance: Instance
  /** When the first server executed that instance. Nothing else happened between the two. */
  readonly from: Tick
  readonly to: Tick
}

/** A fault in a history, and the operation at which it was found. */
export interface Flaw {
  readonly message: string
  readonly operation: Operation
}

/** A name belongs to one command, which ends once. Returns the first operation whose name an earlier operation has. */
export function namedTwice(operations: readonly Operation[]): Flaw | null {
  const seqsByUid = new Map<string, Set<number>>()
  for (const operation of operations) {
    const { uid, seq } = operation
    const seqs = seqsByUid.get(uid) ?? new Set()
    if (seqs.has(seq)) return { operation, message: `${uid} ${seq} ended twice` }
    seqsByUid.set(uid, seqs.add(seq))
  }
  return null
}

interface Entry {
  readonly uid: string
  readonly seq: number
  readonly command: Json
  readonly called: Tick
  ending: Ending
}

/** Records a history during a run. */
export class History {
  readonly #entries: Entry[] = []
  readonly #byName = new Map<string, Entry>()
  readonly #sessionEnds = new Map<string, SessionEnd>()
  #next = 0

  /** A client sends a command, for the first time. */
  called(uid: string, seq: number, command: Json, timeMs: number): void {
    const entry: Entry = {
      uid,
      seq,
      command,
      called: this.#tick(timeMs),
      ending: { kind: 'unknown', position: null },
    }
    this.#entries.push(entry)
    this.#byName.set(nameOf(uid, seq), entry)
  }

  /**
   * A client receives the outcome of its command. The same outcome again changes nothing. A different outcome adds the command
   * to the history a second time, which every checker reports as a flaw. Throws when the command was never called.
   */
  ended(uid: string, seq: number, outcome: Outcome | ReadOutcome, timeMs: number): void {
    const entry = this.#byName.get(nameOf(uid, seq))
    if (entry === undefined) throw new Error(`${uid} ${seq} ended but was never called`)
    const ending = endingOf(outcome, this.#tick(timeMs))
    if (entry.ending.kind === 'unknown') {
      // An expired session does not reveal whether the command was executed, so this counts as no answer.
      if (ending.kind !== 'unknown') entry.ending = ending
    } else if (!isSame(entry.ending, ending)) {
      this.#entries.push({ ...entry, ending })
    }
  }

  /** A server executed a batch. Records the positions of the commands in it that have no answer yet, and the sessions that ended. */
  executed({ instance, outcomes, endedSessions }: Execution, timeMs: number): void {
    for (const uid of endedSessions) {
      if (this.#sessionEnds.has(uid)) continue
      this.#sessionEnds.set(uid, { uid, instance, from: this.#tick(timeMs), to: this.#tick(timeMs) })
    }
    for (const { uid, seq, outcome } of outcomes) {
      if (outcome.kind !== 'executed' || outcome.instance !== instance) continue
      const entry = this.#byName.get(nameOf(uid, seq))
      if (entry?.ending.kind !== 'unknown') continue
      // A refusal took no effect. Where no client received it, no model can tell it from a success.
      const isRefused = fieldsOf(outcome.result).refused !== undefined
      entry.ending = { kind: 'unknown', position: isRefused ? null : { instance, index: outcome.index } }
    }
  }

  /** In the order of their calls. */
  get operations(): readonly Operation[] {
    return this.#entries
  }

  /** The sessions that ended, in order. */
  get sessionEnds(): readonly SessionEnd[] {
    return [...this.#sessionEnds.values()]
  }

  #tick(timeMs: number): Tick {
    this.#next += 1
    return { order: this.#next, timeMs }
  }
}

function nameOf(uid: string, seq: number): string {
  return `${seq}:${uid}`
}

function endingOf(outcome: Outcome | ReadOutcome, at: Tick): Ending {
  switch (outcome.kind) {
    case 'executed': {
      const { result, instance, index } = outcome
      return { kind: 'answered', at, result, position: { instance, index } }
    }
    case 'read':
      return { kind: 'answered', at, result: outcome.result, position: positionOfRead(outcome) }
    case 'failed':
    case 'overQuota':
    case 'cancelled':
    case 'unreadable':
      return { kind: 'void', at }
    case 'refused':
      return outcome.reason === 'conflict' ? { kind: 'void', at } : { kind: 'unknown', position: null }
  }
  outcome satisfies never
}

/** A read takes effect before all requests of the first instance that its state does not contain. Several reads may share a position. */
function positionOfRead({ instance }: ReadOutcome): Position {
  return { instance, index: readIndex }
}

function isSame(a: Ending, b: Ending): boolean {
  if (a.kind !== 'answered' || b.kind !== 'answered') return a.kind === b.kind
  return (
    a.position.instance === b.position.instance &&
    a.position.index === b.position.index &&
    canonicalJson(a.result) === canonicalJson(b.result)
  )
}
