/**
 * The events of a cluster that are kept when other records are evicted: a server started, ended or was paused, the members
 * changed, a session ended, an invariant was broken. They are few and small.
 */
import type { Instance, NodeId } from '../../../machines/batch.ts'
import type { Member } from '../../../machines/members.ts'
import type { Invariant } from '../../core/invariants.ts'
import { sessionText } from '../../core/names.ts'
import type { Picture, ServerPicture } from './picture.ts'
import type { InspectorRecord } from './record.ts'

export interface Milestone {
  readonly timeMs: number
  readonly what: MilestoneKind
  /** The server; `null` when the milestone concerns the cluster. */
  readonly node: NodeId | null
  /** The reason, or the new state; `null` when there is nothing to add. */
  readonly text: string | null
  /** Used by `broken`. Left out when an assertion failed and no invariant. */
  readonly invariant?: Invariant
  /** Used by `members`: these members are in force from this instance on, or from an earlier one; by `sessionEnded`: it ended there. */
  readonly instance?: Instance
  /** Used by `members`. */
  readonly members?: readonly Pick<Member, 'id' | 'address' | 'incarnation'>[]
}

export type MilestoneKind = 'up' | 'gone' | 'paused' | 'resumed' | 'members' | 'sessionEnded' | 'broken'

/** How many milestones are kept. One more evicts the oldest. */
export const keptMilestones = 500

/** How many ends of sessions are kept among them: clients come and go more often than servers. */
export const keptSessionEnds = 50

/** The milestones after `record`. `picture` is the picture before it. Returns the same list when the record is no milestone. */
export function milestonesAfter(picture: Picture, record: InspectorRecord): readonly Milestone[] {
  const news = newMilestones(picture, record)
  if (news.length === 0) return picture.milestones
  const all = [...picture.milestones, ...news]
  const surplus = all.filter(isSessionEnd).length - keptSessionEnds
  return (surplus > 0 ? withoutFirst(all, surplus) : all).slice(-keptMilestones)
}

function isSessionEnd({ what }: Milestone): boolean {
  return what === 'sessionEnded'
}

/** Without the first `count` ends of sessions. */
function withoutFirst(milestones: readonly Milestone[], count: number): readonly Milestone[] {
  let left = count
  return milestones.filter((milestone) => {
    if (left === 0 || !isSessionEnd(milestone)) return true
    left -= 1
    return false
  })
}

function newMilestones(picture: Picture, record: InspectorRecord): readonly Milestone[] {
  switch (record.kind) {
    case 'process': {
      const { node, timeMs, state, reason } = record
      const before = stateOf(picture, node)
      if (state === 'silent' || (state === 'resumed' ? before !== 'paused' : before === state)) return []
      return [{ timeMs, what: state, node, text: reason }]
    }
    case 'server':
      return ofServer(picture, record)
    case 'verdict': {
      const { timeMs, invariants, failure } = record
      const at = { timeMs, what: 'broken', node: null } as const
      const broken = invariants.flatMap(({ invariant, standing, text }): Milestone[] =>
        standing === 'broken' ? [{ ...at, invariant, text }] : [],
      )
      if (failure !== undefined) broken.push({ ...at, text: failure })
      const known = picture.milestones.filter(({ what }) => what === 'broken')
      return broken.filter(({ invariant }) => known.every((other) => other.invariant !== invariant))
    }
    case 'cluster':
    case 'gap':
    case 'links':
    case 'client':
    case 'repeats':
    case 'milestones':
      return []
  }
  return record satisfies never
}

function ofServer(
  picture: Picture,
  { node, record }: Extract<InspectorRecord, { kind: 'server' }>,
): readonly Milestone[] {
  const { timeMs } = record
  const before = picture.servers.find((server) => server.node === node)
  switch (record.kind) {
    case 'ended': {
      if (before?.state === 'gone') return []
      return [{ timeMs, what: 'gone', node, text: record.reason ?? 'it was stopped' }]
    }
    case 'keyframe':
      return membersKnown(picture, timeMs, record.firstUnexecuted, record.members)
    case 'step': {
      const isUp = before?.state === 'up' || before?.state === 'paused'
      const begins = record.cause.type === 'start' && !isUp
      const isCrash = record.facts.some(({ type }) => type === 'crashed') && before?.state !== 'gone'
      const changes = record.facts.flatMap((fact) => {
        if (fact.type !== 'executed') return []
        const { instance, execution } = fact
        const ended = sessionsEnded(picture, timeMs, instance, execution.endedSessions)
        if (execution.members === null) return ended
        return [...ended, ...membersKnown(picture, timeMs, instance + 1, execution.members)]
      })
      return [
        ...(begins ? [{ timeMs, what: 'up', node, text: null } as const] : []),
        ...changes,
        ...(isCrash ? [{ timeMs, what: 'gone', node, text: null } as const] : []),
      ]
    }
    case 'heads':
    case 'fate':
    case 'service':
      return []
  }
  return record satisfies never
}

/** Sessions that ended at an instance are milestones when no server has executed that instance or a later end of sessions before. */
function sessionsEnded(
  picture: Picture,
  timeMs: number,
  instance: Instance,
  uids: readonly string[],
): readonly Milestone[] {
  if (uids.length === 0) return []
  const last = picture.milestones.findLast(isSessionEnd)
  if (last !== undefined && instance <= (last.instance ?? 0)) return []
  return uids.map((uid) => ({ timeMs, what: 'sessionEnded', node: null, text: sessionText(uid), instance }))
}

/** These members at an instance are a milestone when other members of an earlier instance were known before. */
function membersKnown(
  picture: Picture,
  timeMs: number,
  instance: Instance,
  members: readonly Member[],
): readonly Milestone[] {
  const last = picture.milestones.findLast(({ what }) => what === 'members')
  const known = last?.members ?? picture.cluster?.founders
  if (known === undefined || instance <= (last?.instance ?? 0) || isSame(known, members)) return []
  const kept = members.map(({ id, address, incarnation }) => ({ id, address, incarnation }))
  return [{ timeMs, what: 'members', node: null, text: changeText(known, members), instance, members: kept }]
}

type Named = Pick<Member, 'id' | 'address' | 'incarnation'>

function isSame(a: readonly Named[], b: readonly Named[]): boolean {
  return a.length === b.length && a.every((one) => b.some((other) => isSameMember(one, other)))
}

function isSameMember(a: Named, b: Named): boolean {
  return a.id === b.id && a.address === b.address && a.incarnation === b.incarnation
}

/** `0 1 2 3: 3 added`. */
function changeText(before: readonly Named[], after: readonly Named[]): string {
  const without = (all: readonly Named[], others: readonly Named[]) =>
    all.filter((one) => others.every((other) => !isSameMember(one, other))).map(({ id }) => id)
  const [added, removed] = [without(after, before), without(before, after)]
  const changed = added.filter((id) => removed.includes(id))
  const parts = [
    ['added', added.filter((id) => !changed.includes(id))],
    ['removed', removed.filter((id) => !changed.includes(id))],
    ['changed', changed],
  ] as const
  const told = parts.flatMap(([word, ids]) => (ids.length === 0 ? [] : [`${ids.join(' ')} ${word}`]))
  return `${after.map(({ id }) => id).join(' ')}: ${told.join(', ')}`
}

function stateOf({ servers }: Picture, node: NodeId): ServerPicture['state'] | undefined {
  return servers.find((server) => server.node === node)?.state
}
