/**
 * What must hold wherever the machines run: a table with a row for each invariant, which says by what it is judged. Engines, the
 * inspector and reports take from here which invariants an engine judges. The others are unjudged there, and are shown so.
 */

/**
 * By what an invariant is judged.
 *
 * - `facts`: by what servers send, persist, execute and answer (`src/verify/invariants.ts`).
 * - `queue`: by the contexts of a request queue before and after an event (`src/verify/queue.ts`).
 * - `realTime`: by one clock beside the clocks of all servers (`src/verify/replicated-clock.ts`).
 * - `endOfRun`: at the end of a run, when faults have stopped and the cluster is known to be at rest (`src/verify/liveness.ts`).
 */
export type Evidence = 'facts' | 'queue' | 'realTime' | 'endOfRun'

/** A row of the table. */
export interface InvariantRow {
  readonly name: string
  readonly judgedBy: Evidence
  /** It compares with all that clients ever requested, so it needs the history from the first start of every server on. */
  readonly needsWholeHistory: boolean
  /** The name of the service whose invariant it is; `null` for an invariant of the protocol. */
  readonly service: string | null
}

const ofProtocol = { needsWholeHistory: false, service: null } as const
const ofRequests = { needsWholeHistory: true, service: null } as const

export const invariants = {
  1: { name: 'agreement', judgedBy: 'facts', ...ofProtocol },
  2: { name: 'validity', judgedBy: 'facts', ...ofRequests },
  3: { name: 'promises', judgedBy: 'facts', ...ofProtocol },
  4: { name: 'chosen stays chosen', judgedBy: 'facts', ...ofProtocol },
  5: { name: 'serial', judgedBy: 'facts', ...ofProtocol },
  6: { name: 'integrity', judgedBy: 'facts', ...ofRequests },
  7: { name: 'prefix', judgedBy: 'facts', ...ofProtocol },
  8: { name: 'responses', judgedBy: 'facts', ...ofRequests },
  9: { name: 'nothing held is forgotten', judgedBy: 'queue', ...ofProtocol },
  10: { name: 'locks', judgedBy: 'facts', needsWholeHistory: true, service: 'lock' },
  11: { name: 'progress', judgedBy: 'endOfRun', ...ofProtocol },
  12: { name: 'quiet', judgedBy: 'endOfRun', ...ofProtocol },
  13: { name: 'replicated clock', judgedBy: 'realTime', ...ofProtocol },
} as const satisfies Record<number, InvariantRow>

export type Invariant = keyof typeof invariants

/** Every invariant, by number. */
export const invariantNumbers = Object.keys(invariants).map(Number) as readonly Invariant[]

/** What an engine has to judge by. */
export interface Judgement {
  readonly evidence: readonly Evidence[]
  /** It has seen everything, from the first start of every server on. */
  readonly isWholeHistory: boolean
  /** The name of the service that runs. */
  readonly service: string
}

const missingEvidence: Readonly<Record<Evidence, string>> = {
  facts: 'needs what servers send, persist, execute and answer',
  queue:
    'needs the whole context of each request queue: judged in simulated runs, the model checker and schedules',
  realTime: 'needs one clock beside the clocks of all servers: judged in simulated runs',
  endOfRun: 'needs a run that ends at rest, without faults: judged at the end of a simulated run',
}

/** Why nobody judges the invariant where this is what an engine has to judge by; `null` when it is judged. */
export function reasonUnjudged(
  invariant: Invariant,
  { evidence, isWholeHistory, service }: Judgement,
): string | null {
  const row: InvariantRow = invariants[invariant]
  if (row.service !== null && row.service !== service) {
    return `is an invariant of the service ${row.service}, and the service ${service} runs`
  }
  if (!evidence.includes(row.judgedBy)) return missingEvidence[row.judgedBy]
  if (row.needsWholeHistory && !isWholeHistory) {
    return 'needs all that clients ever requested: judged only from the first start of every server on'
  }
  return null
}

/** The invariants that are judged where this is what an engine has to judge by. */
export function judgedBy(judgement: Judgement): readonly Invariant[] {
  return invariantNumbers.filter((invariant) => reasonUnjudged(invariant, judgement) === null)
}
