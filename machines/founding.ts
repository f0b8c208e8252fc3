/**
 * Founding: how servers with empty directories agree on the incarnations of the first members, before any of them votes. Pure, as
 * the roles are: an engine persists the record whenever it changed, before it sends anything, and says who is asked when.
 *
 * A founder first knows only its own incarnation. It asks each of the others for theirs, again and again, and takes an incarnation
 * only from its owner. When it knows all it *holds* the list: durably, and it never exchanges the list for another. It has *founded*
 * the cluster when each of the others has confirmed that it holds the same list, or one of them that all do. Only then may it vote.
 *
 * Why two servers that vote have one list: who votes with a list L knows that every incarnation in L has held L. An incarnation holds
 * one list in its life. So two such lists with an incarnation in common are equal. Lists without one in common are those of two
 * clusters, of which the earlier has lost every directory that it was founded with; their names differ, so neither hears the other.
 *
 * Why a stranger confirms nothing: an answer counts only when it names the incarnation that asked. A founder tells that to the addresses
 * of the plan alone, in what it asks and in what it answers, so only who receives what is sent there can answer.
 *
 * Why a founder whose directory was wiped does not vote with lost promises: it has a new incarnation. Those that hold a list with the
 * old one refuse the new one for ever, and without them it knows no full list.
 */
import type { Address, NodeId } from './batch.ts'
import type { FounderName, FoundingPlan } from './members.ts'
import type { Found, Founder, NotFounder } from './messages.ts'

/** What a founder keeps across a restart. */
export interface FoundingRecord extends FoundingPlan {
  readonly node: NodeId
  readonly incarnation: string
  /**
   * All founders, in order of id; `null` while not all are known. Invariant: names `incarnation` for `node`, and never changes once
   * it is there.
   */
  readonly founders: readonly FounderName[] | null
  /** Each founder holds `founders`. Invariant: false while `founders` is `null`. */
  readonly isFounded: boolean
}

export interface FoundingState {
  /** Durable. */
  readonly record: FoundingRecord
  /** Volatile: what the others said who they are, while not all are known. */
  readonly heard: readonly FounderName[]
  /** Volatile: the others that confirmed that they hold the list. */
  readonly holding: readonly NodeId[]
  /** Volatile: why the founding cannot end, by the founder that showed it. */
  readonly obstacles: readonly Obstacle[]
}

/** Why a founder cannot go on with another, `of`. All but the last two may pass. */
export type Obstacle =
  /** It founds a cluster of other members, or of another name. */
  | { readonly kind: 'otherPlan'; readonly of: NodeId; readonly plan: FoundingPlan }
  /** It holds another incarnation of this server: this one's directory was lost after it had told who it is. */
  | { readonly kind: 'ownDirectoryLost'; readonly of: NodeId }
  /** It has another incarnation than the list says: its directory was lost. */
  | { readonly kind: 'directoryLost'; readonly of: NodeId }
  /** It holds another list, with an incarnation whose directory was lost. */
  | { readonly kind: 'otherList'; readonly of: NodeId }
  /** Its cluster exists, and this server is none of its founders. */
  | { readonly kind: 'exists'; readonly of: NodeId; readonly plan: FoundingPlan }
  /** Its cluster was founded with this server, which has forgotten that: its directory went back to an older state. */
  | { readonly kind: 'forgotten'; readonly of: NodeId }

/** True when the founding must be given up: no waiting ends it. */
export function isFinal({ kind }: Obstacle): boolean {
  return kind === 'exists' || kind === 'forgotten'
}

/** What a founder with an empty directory begins with. `incarnation` is one that no directory ever had. */
export function newFounding(
  node: NodeId,
  incarnation: string,
  { members, cluster }: FoundingPlan,
): FoundingRecord {
  const inOrder = [...members].sort((a, b) => a.id - b.id)
  return { node, incarnation, members: inOrder, cluster, founders: null, isFounded: false }
}

/** A founder that starts, or starts again, with what it kept. */
export function beginFounding(record: FoundingRecord): FoundingState {
  return settled({ record, heard: [], holding: [], obstacles: [] })
}

/** What a founder asks each of `othersOf`, again and again until it has founded the cluster. */
export function questionOf({ members, cluster, incarnation }: FoundingRecord): Found {
  return { type: 'found', members, cluster, incarnation }
}

/**
 * The other founders. All are asked, also those that have answered: each may have founded the cluster meanwhile, or may have lost its
 * directory.
 */
export function othersOf({ node, members }: FoundingRecord): NodeId[] {
  return members.map(({ id }) => id).filter((id) => id !== node)
}

/** The founders without whom the founding cannot go on. Empty when it has ended. */
export function unheardOf({ record, heard, holding }: FoundingState): NodeId[] {
  if (record.isFounded) return []
  const known = record.founders === null ? heard.map(({ id }) => id) : holding
  return othersOf(record).filter((id) => !known.includes(id))
}

/** What is answered to a founder, and where. */
export interface FoundingAnswer {
  readonly message: Founder | NotFounder
  readonly to: Address
}

/**
 * What a founder with this record, or a server of the founded cluster, answers to a question that `from` asked at `source`. It changes
 * nothing. Who it is goes only to where the plan has `from`: anybody can ask in the name of a founder. A refusal holds nothing that
 * `source` may not know, and to one that was started with another plan it is the only address that leads there.
 */
export function answerTo(
  from: NodeId,
  source: Address,
  found: Found,
  record: FoundingRecord,
): FoundingAnswer {
  const { members, cluster, incarnation, founders, isFounded } = record
  const to = found.incarnation
  const planned = members.find(({ id }) => id === from)?.address
  const isCounted = founders?.some((name) => name.id === from && name.incarnation === to) ?? true
  if (planned !== undefined && isSamePlan(found, record) && isCounted) {
    return { message: { type: 'founder', to, incarnation, founders, isFounded }, to: planned }
  }
  return { message: { type: 'notFounder', to, members, cluster, isFounded }, to: source }
}

/**
 * The founder after `from` answered it. An answer to another incarnation, from a server that is none of the founders, or that comes
 * when the founding has ended changes nothing.
 */
export function hearAnswer(state: FoundingState, from: NodeId, answer: Founder | NotFounder): FoundingState {
  const { record } = state
  const { node, incarnation, members, founders } = record
  const isFounder = from !== node && members.some(({ id }) => id === from)
  if (!isFounder || answer.to !== incarnation || record.isFounded) return state
  if (answer.type === 'notFounder') {
    if (answer.isFounded) return obstructed(state, { kind: 'exists', of: from, plan: planOf(answer) })
    return isSamePlan(answer, record)
      ? obstructed(state, { kind: 'ownDirectoryLost', of: from })
      : obstructed(state, { kind: 'otherPlan', of: from, plan: planOf(answer) })
  }
  if (answer.isFounded) {
    // It counts this incarnation, which therefore has held the list.
    if (founders === null) return obstructed(state, { kind: 'forgotten', of: from })
    if (!isSameList(founders, answer.founders)) return obstructed(state, { kind: 'otherList', of: from })
    return { ...unobstructed(state, from), record: { ...record, isFounded: true } }
  }
  if (founders === null) {
    const others = state.heard.filter(({ id }) => id !== from)
    const heard = [...others, { id: from, incarnation: answer.incarnation }]
    return settled({ ...unobstructed(state, from), heard })
  }
  if (founders.every(({ id, incarnation }) => id !== from || incarnation !== answer.incarnation)) {
    return obstructed(state, { kind: 'directoryLost', of: from })
  }
  // It knows not all of the others yet; it is asked again.
  if (answer.founders === null) return unobstructed(state, from)
  if (!isSameList(founders, answer.founders)) return obstructed(state, { kind: 'otherList', of: from })
  const holding = [...state.holding.filter((id) => id !== from), from]
  return settled({ ...unobstructed(state, from), holding })
}

/** What follows at once: the list is held when all are known, and the cluster is founded when all hold it. */
function settled(state: FoundingState): FoundingState {
  const { record, heard } = state
  if (record.isFounded || unheardOf(state).length > 0) return state
  if (record.founders !== null) return { ...state, record: { ...record, isFounded: true } }
  const { node, incarnation } = record
  const founders = [...heard, { id: node, incarnation }].sort((a, b) => a.id - b.id)
  return settled({ ...state, record: { ...record, founders }, heard: [] })
}

/** True when both found the same cluster: the same members at the same addresses, under the same name. */
export function isSamePlan(a: FoundingPlan, b: FoundingPlan): boolean {
  return a.cluster === b.cluster && differencesOf(a, b).length === 0
}

/** The members that are not the same in both, by id: where each plan has them, `null` for nowhere. */
export function differencesOf(
  a: FoundingPlan,
  b: FoundingPlan,
): { readonly id: NodeId; readonly here: string | null; readonly there: string | null }[] {
  const ids = [...new Set([...a.members, ...b.members].map(({ id }) => id))].sort((one, other) => one - other)
  return ids.flatMap((id) => {
    const here = a.members.find((member) => member.id === id)?.address ?? null
    const there = b.members.find((member) => member.id === id)?.address ?? null
    return here === there ? [] : [{ id, here, there }]
  })
}

function isSameList(a: readonly FounderName[], b: readonly FounderName[] | null): boolean {
  return (
    b !== null &&
    a.length === b.length &&
    a.every(({ id, incarnation }) => b.some((other) => other.id === id && other.incarnation === incarnation))
  )
}

function planOf({ members, cluster }: FoundingPlan): FoundingPlan {
  return { members, cluster }
}

function obstructed(state: FoundingState, obstacle: Obstacle): FoundingState {
  return { ...state, obstacles: [...unobstructed(state, obstacle.of).obstacles, obstacle] }
}

function unobstructed(state: FoundingState, of: NodeId): FoundingState {
  return { ...state, obstacles: state.obstacles.filter((obstacle) => obstacle.of !== of) }
}
