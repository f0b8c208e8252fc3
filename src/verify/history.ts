/**
 * What clients saw of a run: the history that the linearizability checkers judge (Herlihy and Wing, "Linearizability: a
 * correctness condition for concurrent objects", 1990).
 */
import type { Json } from '../../machines/batch.ts'
import type { Execution, Outcome, Position } from '../../machines/outcome.ts'
import { canonicalJson } from '../core/digest.ts'

/** When something happened to a client. */
export interface Tick {
  /** Its place among all that happened to clients: no two are equal, and it alone says what was before what. */
  readonly order: number
  /** Milliseconds, for whoever reads the history. */
  readonly timeMs: number
}

export type Ending =
  | { readonly kind: 'answered'; readonly at: Tick; readonly result: Json; readonly position: Position }
  /** It has changed nothing and never will: it was cancelled, or refused, or the service threw. */
  | { readonly kind: 'void'; readonly at: Tick }
  /** No answer came: it may have been executed, or may yet be. `position` is where it was, when a server has said so. */
  | { readonly kind: 'unknown'; readonly position: Position | null }

/** One command of a client. (uid, seq) names it; a client may have several under way. */
export interface Operation {
  readonly uid: string
  readonly seq: number
  /** What the service was asked. */
  readonly command: Json
  readonly called: Tick
  readonly ending: Ending
}

/** What is wrong with a history, and the operation at which it shows. */
export interface Flaw {
  readonly message: string
  readonly operation: Operation
}

/** A name stands for one command, which ends once: the first operation whose name was used before it. */
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

/** Writes a history down as it happens. */
export class History {
  readonly #entries: Entry[] = []
  readonly #byName = new Map<string, Entry>()
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
   * A client is told how its command ended. Told again the same, nothing is new; told something else, the command stands in
   * the history twice, which no checker lets pass. Throws when the command was never called.
   */
  ended(uid: string, seq: number, outcome: Outcome, timeMs: number): void {
    const entry = this.#byName.get(nameOf(uid, seq))
    if (entry === undefined) throw new Error(`${uid} ${seq} ended and was never called`)
    const ending = endingOf(outcome, this.#tick(timeMs))
    if (entry.ending.kind === 'unknown') {
      // Of an expired session it is not known what it did: that is as if no answer had come.
      if (ending.kind !== 'unknown') entry.ending = ending
    } else if (!isSame(entry.ending, ending)) {
      this.#entries.push({ ...entry, ending })
    }
  }

  /** A server executed a batch: where those commands were executed that have no answer yet. */
  executed({ instance, outcomes }: Execution): void {
    for (const { uid, seq, outcome } of outcomes) {
      if (outcome.kind !== 'executed' || outcome.instance !== instance) continue
      const entry = this.#byName.get(nameOf(uid, seq))
      if (entry?.ending.kind !== 'unknown') continue
      entry.ending = { kind: 'unknown', position: { instance, index: outcome.index } }
    }
  }

  /** In the order in which they were called. */
  get operations(): readonly Operation[] {
    return this.#entries
  }

  #tick(timeMs: number): Tick {
    this.#next += 1
    return { order: this.#next, timeMs }
  }
}

function nameOf(uid: string, seq: number): string {
  return `${seq}:${uid}`
}

function endingOf(outcome: Outcome, at: Tick): Ending {
  switch (outcome.kind) {
    case 'executed': {
      const { result, instance, index } = outcome
      return { kind: 'answered', at, result, position: { instance, index } }
    }
    case 'failed':
    case 'cancelled':
      return { kind: 'void', at }
    case 'refused':
      return outcome.reason === 'conflict' ? { kind: 'void', at } : { kind: 'unknown', position: null }
  }
  outcome satisfies never
}

function isSame(a: Ending, b: Ending): boolean {
  if (a.kind !== 'answered' || b.kind !== 'answered') return a.kind === b.kind
  return (
    a.position.instance === b.position.instance &&
    a.position.index === b.position.index &&
    canonicalJson(a.result) === canonicalJson(b.result)
  )
}
