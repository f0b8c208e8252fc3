/** Who a server is, from what it keeps and what it is told at its start. Pure, so that every case can be tried. */
import { createHash, randomUUID } from 'node:crypto'
import type { Address, NodeId } from '../../machines/batch.ts'
import { type FoundingRecord, isSamePlan, newFounding } from '../../machines/founding.ts'
import { replicatedLimits } from '../../machines/limits.ts'
import type { FounderName, FoundingPlan, Member } from '../../machines/members.ts'
import { StartError } from '../core/start-error.ts'
import type { Identity } from '../storage/storage.ts'
import { differenceText, startAllAnew } from './founding-words.ts'
import type { Standing } from './home.ts'
import type { OptionWords } from './option-words.ts'

/** How a new cluster is founded: the same at each of its servers. */
export interface Bootstrap {
  readonly members: readonly { readonly id: NodeId; readonly address: Address }[]
  /** The cluster's name; by default one is derived from the incarnations of its founders. */
  readonly cluster?: string
}

/** What a server is told at its start. */
export interface StartOptions {
  readonly id: NodeId
  /** `null` for memory. */
  readonly dataDir: string | null
  readonly bootstrap?: Bootstrap
  readonly join?: Address
  /** What errors call the options. */
  readonly words: OptionWords
}

/** What a server does first. */
export type Beginning =
  /** It is who it was. */
  | { readonly kind: 'goOn'; readonly identity: Identity; readonly isMember: boolean }
  | { readonly kind: 'found'; readonly record: FoundingRecord; readonly isNew: boolean }
  | { readonly kind: 'join'; readonly seed: Address }

/** An incarnation for a directory from which no promise has ever been made. */
export function newIncarnation(): string {
  return randomUUID()
}

/**
 * What a server with this standing does when it is started with these options. Throws a `StartError`, with what to do, when they
 * do not go together, or when it would have to be a new server and is not told of which cluster.
 */
export function beginningOf(
  standing: Standing | null,
  options: StartOptions,
  incarnation: () => string = newIncarnation,
): Beginning {
  const { id, dataDir, bootstrap, join: seed, words } = options
  const { names } = words
  const place = dataDir === null ? names.memory : `${names.dataDir} ${dataDir}`
  const node = standing === null ? id : nodeOf(standing)
  if (node !== id) {
    throw new StartError(
      `${place} belongs to server ${node}, not to ${names.id} ${id}: give each server a directory of its own`,
    )
  }
  const plan = bootstrap === undefined ? null : planOf(id, bootstrap, words)
  if (standing?.kind === 'new' || standing?.kind === 'member') {
    const { kind, identity } = standing
    if (plan !== null) checkPlan(identity, plan, place, words)
    return { kind: 'goOn', identity, isMember: kind === 'member' }
  }
  // What it founded, it never voted for: it may join another cluster instead.
  if (seed !== undefined) return { kind: 'join', seed }
  const record = standing?.record ?? null
  if (record !== null && (plan === null || isSamePlan(record, plan))) {
    return { kind: 'found', record, isNew: false }
  }
  if (plan === null) {
    throw new StartError(
      `${place} is empty, and a server with nothing stored must not vote: it may have lost what it promised. ` +
        `Give ${names.bootstrap} to found a new cluster, or ${names.join} HOST:PORT to join a running one`,
    )
  }
  // Who has told nobody that it holds a list may begin anew; otherwise the others count on it.
  if (record !== null && record.founders !== null) {
    throw new StartError(
      `${place} has begun to found another cluster than the one of ${names['bootstrap.members']}: ${differenceText(record, plan)}. ` +
        `Leave ${names.bootstrap} out to go on with that one. ${startAllAnew(words)}`,
    )
  }
  return { kind: 'found', record: newFounding(id, incarnation(), plan), isNew: true }
}

/** The identity of a founder whose cluster is founded: `record.isFounded`. */
export function foundedIdentity({ node, incarnation, members, cluster, founders }: FoundingRecord): Identity {
  const names = founders ?? []
  return {
    cluster: cluster ?? clusterNameOf(names),
    node,
    incarnation,
    members: members.map(({ id, address }) => ({
      id,
      address,
      incarnation: names.find((name) => name.id === id)?.incarnation ?? null,
    })),
  }
}

/** The identity of a server with a new directory that joins. */
export function joiningIdentity(
  node: NodeId,
  incarnation: string,
  { cluster, founders }: { readonly cluster: string; readonly founders: readonly Member[] },
): Identity {
  return { cluster, node, incarnation, members: founders }
}

/** What a server of a cluster tells founders: the founding of its own cluster has ended. */
export function recordOf({ cluster, node, incarnation, members }: Identity): FoundingRecord {
  const founders = members.flatMap(({ id, incarnation: name }) =>
    name === null ? [] : [{ id, incarnation: name }],
  )
  return {
    node,
    incarnation,
    members: members.map(({ id, address }) => ({ id, address })),
    cluster: cluster === clusterNameOf(founders) ? null : cluster,
    founders,
    isFounded: true,
  }
}

/** Random, since incarnations are: two clusters are never taken for each other. */
function clusterNameOf(founders: readonly FounderName[]): string {
  const names = founders.map(({ id, incarnation }) => `${id}=${incarnation}`).join(',')
  return createHash('sha256').update(names).digest('hex').slice(0, 16)
}

function nodeOf(standing: Standing): NodeId {
  return standing.kind === 'founding' ? standing.record.node : standing.identity.node
}

function planOf(node: NodeId, { members, cluster }: Bootstrap, { names }: OptionWords): FoundingPlan {
  const list = names['bootstrap.members']
  if (!members.some(({ id }) => id === node)) {
    const ids = members.map(({ id }) => id).join(', ')
    throw new StartError(
      `${names.id} ${node} is not among ${list} (${ids}): a cluster is founded by its members`,
    )
  }
  if (members.length > replicatedLimits.members) {
    throw new StartError(
      `${list} names ${members.length} servers: a cluster has at most ${replicatedLimits.members}`,
    )
  }
  const plain = members.map(({ id, address }) => ({ id, address }))
  return { members: plain.sort((a, b) => a.id - b.id), cluster: cluster ?? null }
}

/** A founder is told to found at every start, as in a unit file; one that joined knows another cluster than it. */
function checkPlan(identity: Identity, plan: FoundingPlan, place: string, { names }: OptionWords): void {
  const { node, incarnation, members, cluster } = identity
  const isFounder = members.some((member) => member.id === node && member.incarnation === incarnation)
  const founded = { members, cluster: plan.cluster === null ? null : cluster }
  if (!isFounder || isSamePlan(founded, plan)) return
  throw new StartError(
    `${place} belongs to the cluster ${cluster}, which was founded otherwise than ${names.bootstrap} says: ` +
      `${differenceText(founded, plan)}. Leave ${names.bootstrap} out: the cluster is there, and paxos members changes its members`,
  )
}
