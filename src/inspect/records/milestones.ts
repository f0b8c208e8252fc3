/**
 * What is kept of a cluster's life, however much is forgotten of the rest: that servers came, ended, were paused, that the members
 * changed, that an invariant broke. There are few of them, and each is small.
 */
import type { Instance, NodeId } from '../../../machines/batch.ts'
import type { Member } from '../../../machines/members.ts'
import type { Invariant } from '../../core/invariants.ts'
import type { Picture, ServerPicture } from './picture.ts'
import type { InspectorRecord } from './record.ts'

export interface Milestone {
  readonly timeMs: number
  readonly what: MilestoneKind
  /** Of which server; `null` for what is of the cluster. */
  readonly node: NodeId | null
  /** Why, or what it is now; `null` where there is nothing to add. */
  readonly text: string | null
  /** Of `broken`; left out where no invariant was, but an assertion. */
  readonly invariant?: Invariant
  /** Of `members`: they rule from this instance on, or from an earlier one. */
  readonly instance?: Instance
  /** Of `members`. */
  readonly members?: readonly Pick<Member, 'id' | 'address' | 'incarnation'>[]
}

export type MilestoneKind = 'up' | 'gone' | 'paused' | 'resumed' | 'members' | 'broken'

/** Milestones that are kept: with one more, the oldest goes. */
export const keptMilestones = 500

/** The milestones after `record`, before which `picture` was. The same list when it is none. */
export function milestonesAfter(picture: Picture, record: InspectorRecord): readonly Milestone[] {
  const news = newMilestones(picture, record)
  return news.length === 0 ? picture.milestones : [...picture.milestones, ...news].slice(-keptMilestones)
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
        if (fact.type !== 'executed' || fact.execution.members === null) return []
        return membersKnown(picture, timeMs, fact.instance + 1, fact.execution.members)
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

/** That these are the members at an instance is news when others were known before, of an earlier one. */
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
