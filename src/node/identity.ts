/**
 * The identity of a server, derived from its directory and its start options. The functions are pure, so that tests can cover
 * every case.
 */
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

/** How a new cluster is founded. Each founder receives the same values. */
export interface Bootstrap {
  readonly members: readonly { readonly id: NodeId; readonly address: Address }[]
  /** The cluster's name; by default one is derived from the incarnations of its founders. */
  readonly cluster?: string
}

/** The start options that decide the identity of a server. */
export interface StartOptions {
  readonly id: NodeId
  /** The data directory; `null` for memory. */
  readonly dataDir: string | null
  readonly bootstrap?: Bootstrap
  readonly join?: Address
  /** The name of the service that the server runs. */
  readonly service: string
  /** The names of the options in error messages. */
  readonly words: OptionWords
}

/** The first action of a server. */
export type Beginning =
  /** It continues with its stored identity. `namesService` is false when its directory does not name the service of its cluster. */
  | {
      readonly kind: 'goOn'
      /** Why its server sends nothing, if it had found that in an earlier run. */
      readonly withdrawn: string | null
      readonly identity: Identity
      readonly isMember: boolean
      readonly namesService: boolean
    }
  | { readonly kind: 'found'; readonly record: FoundingRecord; readonly isNew: boolean }
  | { readonly kind: 'join'; readonly seed: Address }

/** A new incarnation, for a directory that has made no promise. */
export function newIncarnation(): string {
  return randomUUID()
}

/**
 * The first action of a server with this standing and these options. Throws a `StartError` that says what to do when they
 * contradict each other, or when the server is new and no option names its cluster.
 */
export function beginningOf(
  standing: Standing | null,
  options: StartOptions,
  incarnation: () => string = newIncarnation,
): Beginning {
  const { id, dataDir, bootstrap, join: seed, service, words } = options
  const { names } = words
  const place = dataDir === null ? names.memory : `${names.dataDir} ${dataDir}`
  const node = standing === null ? id : nodeOf(standing)
  if (node !== id) {
    throw new StartError(
      `${place} belongs to server ${node}, not to ${names.id} ${id}: give each server a directory of its own`,
    )
  }
  if (standing?.kind === 'condemned') {
    throw new StartError(
      `${place} must not be used any more, because server ${id} has halted: ${standing.reason} (${names.join} HOST:PORT)`,
    )
  }
  const plan = bootstrap === undefined ? null : planOf(id, bootstrap, options)
  if (standing?.kind === 'new' || standing?.kind === 'member') {
    const { kind, identity, service: stored } = standing
    if (stored !== undefined && stored !== service) throw otherService(place, stored, options)
    if (plan !== null) checkPlan(identity, plan, place, words)
    const withdrawn = standing.kind === 'member' ? (standing.withdrawn ?? null) : null
    return {
      kind: 'goOn',
      identity,
      isMember: kind === 'member',
      withdrawn,
      namesService: stored !== undefined,
    }
  }
  // A founder that has not voted may join another cluster instead.
  if (seed !== undefined) return { kind: 'join', seed }
  const record =
    standing === null ? null : { ...standing.record, service: standing.record.service ?? service }
  if (record !== null && plan === null && record.service !== service) {
    throw otherService(place, record.service, options)
  }
  if (record !== null && (plan === null || isSamePlan(record, plan))) {
    return { kind: 'found', record, isNew: false }
  }
  if (plan === null) {
    throw new StartError(
      `${place} is empty, and a server with nothing stored must not vote: it may have lost what it promised. ` +
        `Give ${names.bootstrap} to found a new cluster, or ${names.join} HOST:PORT to join a running one`,
    )
  }
  // A founder that has not announced its list may found another cluster. Otherwise the other founders rely on the list.
  if (record !== null && record.founders !== null) {
    throw new StartError(
      `${place} has begun to found another cluster than the one of ${names['bootstrap.members']}: ${differenceText(record, plan)}. ` +
        `Leave ${names.bootstrap} out to go on with that one. ${startAllAnew(words)}`,
    )
  }
  return { kind: 'found', record: newFounding(id, incarnation(), plan), isNew: true }
}

/** A server with another service would execute the batches of its cluster differently from the others. */
function otherService(place: string, stored: string, { service, words }: StartOptions): StartError {
  const option = words.names.service
  return new StartError(
    `${place} belongs to a cluster that runs the service ${stored}, and ${option} is ${service}: start the server with ${option} ${stored}. ` +
      'A cluster keeps its service; for another one, found a new cluster in an empty directory',
  )
}

/** The identity of a founder after its cluster was founded (`record.isFounded`). */
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

/** The record that a member, which runs `service`, sends to founders: the founding of its cluster has ended. */
export function recordOf({ cluster, node, incarnation, members }: Identity, service: string): FoundingRecord {
  const founders = members.flatMap(({ id, incarnation: name }) =>
    name === null ? [] : [{ id, incarnation: name }],
  )
  return {
    node,
    incarnation,
    members: members.map(({ id, address }) => ({ id, address })),
    cluster: cluster === clusterNameOf(founders) ? null : cluster,
    service,
    founders,
    isFounded: true,
  }
}

/** The name is random, because incarnations are: two clusters never have the same name. */
function clusterNameOf(founders: readonly FounderName[]): string {
  const names = founders.map(({ id, incarnation }) => `${id}=${incarnation}`).join(',')
  return createHash('sha256').update(names).digest('hex').slice(0, 16)
}

function nodeOf(standing: Standing): NodeId {
  return standing.kind === 'founding' ? standing.record.node : standing.identity.node
}

function planOf(
  node: NodeId,
  { members, cluster }: Bootstrap,
  { service, words: { names } }: StartOptions,
): FoundingPlan {
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
  return { members: plain.sort((a, b) => a.id - b.id), cluster: cluster ?? null, service }
}

/** Unit files pass the founding option to a founder at every start. A server that joined belongs to another cluster than that plan. */
function checkPlan(identity: Identity, plan: FoundingPlan, place: string, { names }: OptionWords): void {
  const { node, incarnation, members, cluster } = identity
  const isFounder = members.some((member) => member.id === node && member.incarnation === incarnation)
  const founded = { members, cluster: plan.cluster === null ? null : cluster, service: plan.service }
  if (!isFounder || isSamePlan(founded, plan)) return
  throw new StartError(
    `${place} belongs to the cluster ${cluster}, which was founded differently than ${names.bootstrap} says: ` +
      `${differenceText(founded, plan)}. Leave ${names.bootstrap} out: the cluster is there, and paxos members changes its members`,
  )
}
