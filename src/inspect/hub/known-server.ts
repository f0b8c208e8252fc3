/** What the judge knows about a server from its records: where it began, and what it holds. */
import { compareBallots } from '../../../machines/ballot.ts'
import { type Instance, requestsOf } from '../../../machines/batch.ts'
import type { Member } from '../../../machines/members.ts'
import { canonicalJson } from '../../core/digest.ts'
import { type DurableState, nothingDurable } from '../../core/durable.ts'
import type { ShownHeld } from '../records/machine-state.ts'
import type { ServerRecord, StepRecord } from '../records/record.ts'

export interface KnownServer {
  readonly run: string
  readonly incarnation: string
  isRunning: boolean
  /** It reported its end, after all its other records: none of them is missing. */
  hasEndedWell: boolean
  /** Every record since the last keyframe was received. */
  isWhole: boolean
  /** Its state at the beginning of the judgement is known, and so is every change since. */
  isJudged: boolean
  durable: DurableState
  members: readonly Member[]
  firstUnexecuted: Instance
}

/** The state of a server at the first record of a run. */
export interface Beginning {
  readonly durable: DurableState
  readonly members: readonly Member[]
  readonly firstUnexecuted: Instance
  /** It has only read its disk so far. */
  readonly isFresh: boolean
}

/** The state of a server at the first record of a run; `null` when the record does not contain it. */
export function beginningOf(record: ServerRecord): Beginning | null {
  if (record.kind === 'keyframe') {
    const { durable, members, firstUnexecuted, roles } = record
    const held = (roles.requestQueue.context as { readonly held?: ShownHeld } | null)?.held
    const isFresh = held?.count === 0 && firstUnexecuted === durable.firstUnchosen
    return { durable, members, firstUnexecuted, isFresh }
  }
  const started = record.kind === 'step' ? record.facts.find((fact) => fact.type === 'started') : undefined
  if (started === undefined) return null
  const { durable, members } = started
  return { durable, members, firstUnexecuted: durable.firstUnchosen, isFresh: true }
}

/**
 * True when a server begins with content that is not known to have been on its disk: then records of it are missing. If it begins
 * with less than it held, no record is missing, and the invariants judge the loss.
 */
export function showsMore(known: KnownServer | undefined, { durable, firstUnexecuted }: Beginning): boolean {
  const before = known?.durable ?? nothingDurable
  const executed = Math.max(known?.firstUnexecuted ?? 0, before.firstUnchosen)
  const kept = new Set(before.accepted.map((record) => canonicalJson(record)))
  return (
    compareBallots(durable.promised, before.promised) > 0 ||
    durable.accepted.some((record) => !kept.has(canonicalJson(record))) ||
    firstUnexecuted > executed
  )
}

/** Applies the changes of a step to what is known of its server. */
export function follow(server: KnownServer, { facts }: StepRecord): void {
  for (const fact of facts) {
    if (fact.type === 'synced') server.durable = fact.durable
    if (fact.type !== 'executed') continue
    server.firstUnexecuted = Math.max(server.firstUnexecuted, fact.instance + 1)
    if (fact.execution.members !== null) server.members = fact.execution.members
  }
}

/** True when it accepted a change of members that it has not executed. */
export function mayChangeMembers({ durable, firstUnexecuted }: KnownServer): boolean {
  return durable.accepted.some(
    ({ instance, batch }) =>
      instance >= firstUnexecuted && requestsOf(batch).some(({ command }) => command.kind === 'members'),
  )
}

/** The lowest instance for which no accept can have been issued, as far as this server knows. */
export function firstUntouched({ durable, firstUnexecuted }: KnownServer): Instance {
  const highest = Math.max(-1, ...durable.accepted.map(({ instance }) => instance))
  return Math.max(highest, durable.firstUnchosen - 1, firstUnexecuted - 1) + 2
}
