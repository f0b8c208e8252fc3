/** What is known of a server by its records, for the judgement: where it began, and what it holds. */
import { compareBallots } from '../../../machines/ballot.ts'
import type { Instance } from '../../../machines/batch.ts'
import type { Member } from '../../../machines/members.ts'
import { canonicalJson } from '../../core/digest.ts'
import { type DurableState, nothingDurable } from '../../core/durable.ts'
import type { ShownHeld } from '../records/machine-state.ts'
import type { ServerRecord, StepRecord } from '../records/record.ts'

/** What is known of a server. */
export interface KnownServer {
  readonly run: string
  readonly incarnation: string
  isRunning: boolean
  /** It said that it ended, and after all its other records: none of them is missing. */
  hasEndedWell: boolean
  /** Every record since the last keyframe is there. */
  isWhole: boolean
  /** What it was when the judgement began is known, and everything since. */
  isJudged: boolean
  durable: DurableState
  members: readonly Member[]
  firstUnexecuted: Instance
}

/** Where a server is when something is first seen of a run of it. */
export interface Beginning {
  readonly durable: DurableState
  readonly members: readonly Member[]
  readonly firstUnexecuted: Instance
  /** It has done nothing yet but to take what its disk holds. */
  readonly isFresh: boolean
}

/** Where a server is at the first record of a run; `null` when that does not say it. */
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
 * True when a server begins with something that is not known to have been on its disk: then there are records of it that are
 * missing. If it begins with less than it held, nothing is missing, and that is for the invariants to judge.
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

/** What a step changed of what is known of its server. */
export function follow(server: KnownServer, { facts }: StepRecord): void {
  for (const fact of facts) {
    if (fact.type === 'synced') server.durable = fact.durable
    if (fact.type !== 'executed') continue
    server.firstUnexecuted = Math.max(server.firstUnexecuted, fact.instance + 1)
    if (fact.execution.members !== null) server.members = fact.execution.members
  }
}

/** True when it has accepted a change of members that it has not executed. */
export function mayChangeMembers({ durable, firstUnexecuted }: KnownServer): boolean {
  return durable.accepted.some(
    ({ instance, batch }) =>
      instance >= firstUnexecuted && batch.requests.some(({ command }) => command.kind === 'members'),
  )
}

/** The first instance at which nobody can have issued an accept, as far as this server knows. */
export function firstUntouched({ durable, firstUnexecuted }: KnownServer): Instance {
  const highest = Math.max(-1, ...durable.accepted.map(({ instance }) => instance))
  return Math.max(highest, durable.firstUnchosen - 1, firstUnexecuted - 1) + 2
}
