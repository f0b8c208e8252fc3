/**
 * The table of all invariants, with the evidence that judges each. Engines, the inspector and reports derive from it which
 * invariants an engine judges. The other invariants are unjudged in that engine, and are shown as such.
 */

import { partsOf } from './service-names.ts'

/**
 * The evidence that judges an invariant.
 *
 * - `facts`: what servers send, persist, execute and answer (`src/verify/invariants.ts`).
 * - `queue`: the contexts of a request queue before and after an event (`src/verify/queue.ts`).
 * - `clients`: `facts`, and when clients send reads, in one order with what servers answer (`src/verify/reads.ts`).
 * - `realTime`: one clock beside the clocks of all servers (`src/verify/replicated-clock.ts`), and what every client believes
 *   (`src/verify/leases.ts`).
 * - `files`: the files of each server beside a model of what they must hold (`src/verify/storage.ts`).
 * - `endOfRun`: the end of a run, when faults have stopped and the cluster is at rest (`src/verify/liveness.ts`).
 */
export type Evidence = 'facts' | 'clients' | 'queue' | 'realTime' | 'files' | 'endOfRun'

/** A row of the table. */
export interface InvariantRow {
  readonly name: string
  readonly judgedBy: Evidence
  /**
   * True when the invariant compares with every request of every client. It then needs the history since the first start of every
   * server.
   */
  readonly needsWholeHistory: boolean
  /** The name of the service to which the invariant belongs, alone or among composed ones; `null` for an invariant of the protocol. */
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
  13: { name: 'leases', judgedBy: 'realTime', ...ofProtocol },
  14: { name: 'snapshots', judgedBy: 'facts', ...ofProtocol },
  15: { name: 'storage', judgedBy: 'files', ...ofProtocol },
  16: { name: 'reads', judgedBy: 'clients', ...ofProtocol },
} as const satisfies Record<number, InvariantRow>

export type Invariant = keyof typeof invariants

/** The numbers of all invariants. */
export const invariantNumbers = Object.keys(invariants).map(Number) as readonly Invariant[]

/** The evidence that an engine has. */
export interface Judgement {
  readonly evidence: readonly Evidence[]
  /** True when the engine has seen everything since the first start of every server. */
  readonly isWholeHistory: boolean
  /** The name of the service that runs. */
  readonly service: string
}

const missingEvidence: Readonly<Record<Evidence, string>> = {
  facts: 'needs what servers send, persist, execute and answer',
  clients:
    'needs the order of what clients send and what all servers answer: judged in simulated runs and schedules',
  queue:
    'needs the whole context of each request queue: judged in simulated runs, the model checker and schedules',
  realTime:
    'needs one clock beside the clocks of all servers, and what every client believes: judged in simulated runs',
  files: 'needs the files of each server and what it was asked to store: judged in simulated runs',
  endOfRun: 'needs a run that ends at rest, without faults: judged at the end of a simulated run',
}

/** Why an engine with this evidence does not judge the invariant; `null` when it does. */
export function reasonUnjudged(
  invariant: Invariant,
  { evidence, isWholeHistory, service }: Judgement,
): string | null {
  const row: InvariantRow = invariants[invariant]
  if (row.service !== null && !partsOf(service).includes(row.service)) {
    return `is an invariant of the service ${row.service}, and the service ${service} runs`
  }
  if (!evidence.includes(row.judgedBy)) return missingEvidence[row.judgedBy]
  if (row.needsWholeHistory && !isWholeHistory) {
    return 'needs all that clients ever requested: judged only from the first start of every server on'
  }
  return null
}

/** The invariants that an engine with this evidence judges. */
export function judgedBy(judgement: Judgement): readonly Invariant[] {
  return invariantNumbers.filter((invariant) => reasonUnjudged(invariant, judgement) === null)
}
