/**
 * Founding: how servers with empty directories agree on the incarnations of the first members before any of them votes. The
 * functions are pure, as the roles are. An engine persists each changed record before it sends anything, and decides when to ask.
 *
 * A founder first knows only its own incarnation. It asks each of the others for theirs repeatedly, and accepts an incarnation
 * only from its owner. When it knows all, it *holds* the list: durably, and it never replaces the list. It has *founded* the
 * cluster when each of the others has confirmed that it holds the same list, or when one of them has reported that all do. Only
 * then may it vote.
 *
 * Why two servers that vote have the same list: a server that votes with a list L knows that every incarnation in L has held L.
 * An incarnation holds one list in its life. So two such lists with a common incarnation are equal. Lists without a common
 * incarnation belong to two clusters; the earlier one has lost all its directories. The names of the clusters differ, so neither
 * accepts messages of the other.
 *
 * Why a stranger confirms nothing: an answer counts only when it contains the incarnation of the asking founder. A founder sends
 * its incarnation only to the addresses of the plan, both in questions and in answers. So only a host that receives datagrams
 * there can answer.
 *
 * Why a founder with a wiped directory does not vote with lost promises: it has a new incarnation. Founders that hold a list with
 * the old incarnation refuse the new one for ever, and without them it knows no complete list.
 */
import type { Address, NodeId } from './batch.ts'
import type { FounderName, FoundingPlan } from './members.ts'
import type { Found, Founder, NotFounder } from './messages.ts'

/** The durable record of a founder. */
export interface FoundingRecord extends FoundingPlan {
  readonly node: NodeId
  readonly incarnation: string
  /**
   * All founders, in order of id; `null` until all are known. Invariant: contains `incarnation` for `node`, and never changes
   * once it is set.
   */
  readonly founders: readonly FounderName[] | null
  /** True when each founder holds `founders`. Invariant: false while `founders` is `null`. */
  readonly isFounded: boolean
}

export interface FoundingState {
  /** Durable. */
  readonly record: FoundingRecord
  /** Volatile: the incarnations that the others reported, until all are known. */
  readonly heard: readonly FounderName[]
  /** Volatile: the others that confirmed that they hold the list. */
  readonly holding: readonly NodeId[]
  /** Volatile: the obstacles to the founding, by the founder that showed each. */
  readonly obstacles: readonly Obstacle[]
}

/** Why a founder cannot continue with another, `of`. All except the last two may be temporary. */
export type Obstacle =
  /** It founds a cluster of other members, or of another name. */
  | { readonly kind: 'otherPlan'; readonly of: NodeId; readonly plan: FoundingPlan }
  /** It knows another incarnation of this server: this server's directory was lost after it had reported its incarnation. */
  | { readonly kind: 'ownDirectoryLost'; readonly of: NodeId }
  /** It has another incarnation than the list says: its directory was lost. */
  | { readonly kind: 'directoryLost'; readonly of: NodeId }
  /** It holds another list, with an incarnation whose directory was lost. */
  | { readonly kind: 'otherList'; readonly of: NodeId }
  /** Its cluster exists, and this server is not one of its founders. */
  | { readonly kind: 'exists'; readonly of: NodeId; readonly plan: FoundingPlan }
  /** Its cluster was founded with this server, whose directory does not contain that: it was restored to an older state. */
  | { readonly kind: 'forgotten'; readonly of: NodeId }

/** True when the founding must be given up, because waiting cannot resolve it. */
export function isFinal({ kind }: Obstacle): boolean {
  return kind === 'exists' || kind === 'forgotten'
}

/** The initial record of a founder with an empty directory. `incarnation` is new. */
export function newFounding(
  node: NodeId,
  incarnation: string,
  { members, cluster, service }: FoundingPlan,
): FoundingRecord {
  const inOrder = [...members].sort((a, b) => a.id - b.id)
  return { node, incarnation, members: inOrder, cluster, service, founders: null, isFounded: false }
}

/** The state of a founder at a start, from its stored record. */
export function beginFounding(record: FoundingRecord): FoundingState {
  return settled({ record, heard: [], holding: [], obstacles: [] })
}

/** The question that a founder sends to each of `othersOf` repeatedly until it has founded the cluster. */
export function questionOf({ members, cluster, service, incarnation }: FoundingRecord): Found {
  return { type: 'found', members, cluster, service, incarnation }
}

/**
 * The other founders. All are asked, including those that have answered: each may have founded the cluster in the meantime, or
 * lost its directory.
 */
export function othersOf({ node, members }: FoundingRecord): NodeId[] {
  return members.map(({ id }) => id).filter((id) => id !== node)
}

/** The founders whose answers are missing. Empty when the founding has ended. */
export function unheardOf({ record, heard, holding }: FoundingState): NodeId[] {
  if (record.isFounded) return []
  const known = record.founders === null ? heard.map(({ id }) => id) : holding
  return othersOf(record).filter((id) => !known.includes(id))
}

/** The answer to a founder, and its destination. */
export interface FoundingAnswer {
  readonly message: Founder | NotFounder
  readonly to: Address
}

/**
 * The answer of a founder with this record, or of a server of the founded cluster, to a question that `from` asked from `source`.
 * It changes nothing. The incarnation goes only to the planned address of `from`, because any host can ask in the name of a
 * founder. A refusal contains nothing secret, and `source` is the only known address of a server with another plan.
 */
export function answerTo(
  from: NodeId,
  source: Address,
  found: Found,
  record: FoundingRecord,
): FoundingAnswer {
  const { members, incarnation, founders, isFounded } = record
  const to = found.incarnation
  const planned = members.find(({ id }) => id === from)?.address
  const isCounted = founders?.some((name) => name.id === from && name.incarnation === to) ?? true
  if (planned !== undefined && isSamePlan(found, record) && isCounted) {
    return { message: { type: 'founder', to, incarnation, founders, isFounded }, to: planned }
  }
  return { message: { type: 'notFounder', to, ...planOf(record), isFounded }, to: source }
}

/**
 * The state after an answer of `from`. Ignores an answer to another incarnation, an answer of a server that is not a founder, and
 * an answer after the founding has ended.
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
    // The other founder counts this incarnation, so this one has held the list.
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
  // The other founder does not know all founders yet; it is asked again.
  if (answer.founders === null) return unobstructed(state, from)
  if (!isSameList(founders, answer.founders)) return obstructed(state, { kind: 'otherList', of: from })
  const holding = [...state.holding.filter((id) => id !== from), from]
  return settled({ ...unobstructed(state, from), holding })
}

/** Applies immediate consequences: the founder holds the list when all are known, and the cluster is founded when all hold it. */
function settled(state: FoundingState): FoundingState {
  const { record, heard } = state
  if (record.isFounded || unheardOf(state).length > 0) return state
  if (record.founders !== null) return { ...state, record: { ...record, isFounded: true } }
  const { node, incarnation } = record
  const founders = [...heard, { id: node, incarnation }].sort((a, b) => a.id - b.id)
  return settled({ ...state, record: { ...record, founders }, heard: [] })
}

/** True when both plans have the same members at the same addresses, the same name and the same service. */
export function isSamePlan(a: FoundingPlan, b: FoundingPlan): boolean {
  return a.cluster === b.cluster && a.service === b.service && differencesOf(a, b).length === 0
}

/** The members that differ, by id, with the address in each plan; `null` for none. */
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

function planOf({ members, cluster, service }: FoundingPlan): FoundingPlan {
  return { members, cluster, service }
}

function obstructed(state: FoundingState, obstacle: Obstacle): FoundingState {
  return { ...state, obstacles: [...unobstructed(state, obstacle.of).obstacles, obstacle] }
}

function unobstructed(state: FoundingState, of: NodeId): FoundingState {
  return { ...state, obstacles: state.obstacles.filter((obstacle) => obstacle.of !== of) }
}
