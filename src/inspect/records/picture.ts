/**
 * What the page shows: the state of the cluster according to the records up to one of them. A picture is immutable; the next
 * record yields the next picture. Unchanged parts are the same objects, so that React draws only the views that changed.
 */

import type { Address, Instance, NodeId } from '../../../machines/batch.ts'
import type { Member } from '../../../machines/members.ts'
import type { DurableState } from '../../core/durable.ts'
import type { Fact } from '../../core/facts.ts'
import type { ReplicaView } from '../../services/replica-view.ts'
import type { ServiceView } from '../../services/service.ts'
import { type Heads, type HeadsSample, headsOf, nothingKnown, sampledUntil, withSample } from './heads.ts'
import { type Ledger, ledgerAfter, ledgerWithout, ledgerWithoutMemory, nothingInLedger } from './ledger.ts'
import { type Milestone, milestonesAfter } from './milestones.ts'
import type {
  Cause,
  ClientRecord,
  HeadsRecord,
  InspectorRecord,
  InvariantStanding,
  MachineState,
  RoleMove,
  RoleStates,
  RunName,
  ServerRecord,
  StepRecord,
} from './record.ts'
import { isSameCluster } from './same-cluster.ts'

/** The number of sessions that are kept of a client: the latest. */
const keptSessions = 8

export interface Picture {
  readonly cluster: Extract<InspectorRecord, { kind: 'cluster' }> | null
  /** In order of id. */
  readonly servers: readonly ServerPicture[]
  /** In the order in which they were first seen. */
  readonly clients: readonly ClientPicture[]
  readonly ledger: Ledger
  readonly invariants: readonly InvariantStanding[]
  /** In order; the latest of them. */
  readonly milestones: readonly Milestone[]
  /** The service, as shown by the server that executed most. */
  readonly service: {
    readonly node: NodeId
    readonly firstUnexecuted: Instance
    readonly view: ServiceView
    readonly replica: ReplicaView
  } | null
  /** The last event, which the charts highlight. */
  readonly last: LastStep | null
}

export interface ServerPicture {
  readonly node: NodeId
  /** `silent`: nothing was received from it yet, or it runs and reports nothing; then `reason` says why. */
  readonly state: 'up' | 'gone' | 'paused' | 'silent'
  /** Why it is gone or silent, if known. */
  readonly reason: string | null
  readonly run: string | null
  /** The incarnation of its data directory. Another incarnation means that it lost the content of its disk. */
  readonly incarnation: string | null
  readonly address: Address | null
  readonly pid: number | null
  readonly clock: number
  readonly timeMs: number
  /** `null` while it does not run, or before its first record. */
  readonly roles: RoleStates | null
  readonly durable: DurableState | null
  readonly members: readonly Member[]
  readonly firstUnexecuted: Instance
  /** How far it is, also when records were left out. After its end: the last known heads. */
  readonly heads: Heads
  /** Its heads at the latest moments at which the heads of all servers can be compared. */
  readonly samples: readonly HeadsSample[]
  /** The number of writes that are not synced. */
  readonly writes: number
  /** Its last event. */
  readonly cause: Cause | null
  readonly moves: readonly RoleMove[]
  /** The total number of its records that were left out. */
  readonly leftOut: number
  /** The number that was left out since its last record. Above 0, only `heads` and `samples` are current. */
  readonly leftOutSince: number
}

export interface ClientPicture {
  readonly name: string
  /** In the order in which they were first seen, the latest of them. */
  readonly sessions: readonly SessionPicture[]
}

export interface SessionPicture {
  readonly uid: string
  readonly machine: MachineState
  readonly moves: readonly Omit<RoleMove, 'role'>[]
}

export type LastStep =
  | {
      readonly party: 'server'
      readonly node: NodeId
      readonly cause: Cause
      readonly moves: readonly RoleMove[]
    }
  | { readonly party: 'client'; readonly record: ClientRecord }

export const emptyPicture: Picture = {
  cluster: null,
  servers: [],
  clients: [],
  ledger: nothingInLedger,
  invariants: [],
  milestones: [],
  service: null,
  last: null,
}

/** The picture after `record`. */
export function pictureAfter(picture: Picture, record: InspectorRecord): Picture {
  const milestones = milestonesAfter(picture, record)
  const after = changedBy(picture, record)
  return milestones === picture.milestones ? after : { ...after, milestones }
}

function changedBy(picture: Picture, record: InspectorRecord): Picture {
  switch (record.kind) {
    case 'cluster':
      return clusterShown(picture, record)
    case 'server':
      return serverRecordTaken(picture, record, record.record)
    case 'gap':
      return {
        ...withServer(picture, record.node, (server) => ({
          ...server,
          leftOut: server.leftOut + record.count,
          leftOutSince: record.count,
          moves: [],
          cause: null,
        })),
        last: lastWithout(picture, record.node),
      }
    case 'process':
      return processSeen(picture, record)
    case 'client':
      return clientMoved(picture, record)
    case 'verdict':
      return { ...picture, invariants: record.invariants }
    case 'milestones':
      return { ...picture, milestones: record.milestones }
    case 'links':
    case 'repeats':
      return picture
  }
  record satisfies never
}

/** A new cluster keeps nothing of the cluster before it. */
function clusterShown(picture: Picture, cluster: NonNullable<Picture['cluster']>): Picture {
  const isOther = picture.cluster !== null && !isSameCluster(picture.cluster, cluster)
  const before = isOther ? emptyPicture : picture
  return { ...before, cluster, servers: withFounders(before.servers, cluster.founders) }
}

/** The server with that id, if it was ever seen. */
export function serverIn({ servers }: Picture, node: NodeId): ServerPicture | undefined {
  return servers.find((server) => server.node === node)
}

/** True when the proposer of that server has the promises of a quorum, and proposes or may propose. */
export function leads({ roles }: ServerPicture): boolean {
  return roles !== null && /^(accepting|leading)\b/.test(roles.proposer.state)
}

function serverRecordTaken(picture: Picture, name: RunName, record: ServerRecord): Picture {
  const { node, run, incarnation } = name
  const { clock, timeMs } = record
  const before = serverIn(picture, node)
  const seen = (change: Partial<ServerPicture>): Picture =>
    withServer(picture, node, (server) => {
      const after = { ...server, run, incarnation, clock, timeMs, ...change, leftOutSince: 0 }
      const heads = headsOf(after)
      return { ...after, heads, samples: samplesAfter(server, heads, timeMs) }
    })
  const isOtherDisk = before?.incarnation != null && before.incarnation !== incarnation
  const ledger = isOtherDisk ? ledgerWithout(picture.ledger, node) : picture.ledger
  switch (record.kind) {
    case 'keyframe': {
      const { address, pid, members, durable, firstUnexecuted, roles } = record
      const next = seen({
        ...{ address, pid, members, durable, firstUnexecuted, roles },
        ...(before?.state === 'paused' && before.run === run ? {} : { state: 'up', reason: null }),
        ...(before?.run === run ? {} : { cause: null, moves: [], writes: 0 }),
      })
      return { ...next, ledger: ledgerAfter(ledger, node, record) }
    }
    case 'step':
      // A late record of a run that has ended changes no token.
      if (before?.state === 'gone' && before.run === run && record.cause.type !== 'start') return picture
      return stepTaken(seen, before, ledgerAfter(ledger, node, record), node, record)
    case 'service': {
      const { firstUnexecuted, view, replica } = record
      const shown = picture.service
      const isNewer = shown === null || shown.node === node || firstUnexecuted >= shown.firstUnexecuted
      return isNewer ? { ...picture, service: { node, firstUnexecuted, view, replica } } : picture
    }
    case 'ended':
      return {
        ...withoutRoles(picture, node, 'gone', record.reason),
        ledger: ledgerWithoutMemory(ledger, node),
      }
    case 'heads':
      return withServer(picture, node, (server) => headsReported(server, run, record))
    case 'fate':
      return picture
  }
  record satisfies never
}

/** The server left records out: the heads say how far it came. */
function headsReported(server: ServerPicture, run: string, record: HeadsRecord): ServerPicture {
  // Late heads of a run that has ended are not current.
  if (server.state === 'gone' || (server.run !== null && server.run !== run)) return server
  const { promised, isPromisedSynced, firstUnchosen, firstUnexecuted, timeMs, leftOut } = record
  const heads = { promised, isPromisedSynced, firstUnchosen, firstUnexecuted }
  return {
    ...server,
    heads,
    samples: withSample(server.samples, { ...heads, timeMs }),
    leftOutSince: leftOut,
    moves: [],
    cause: null,
  }
}

function samplesAfter(
  { samples, heads, timeMs: beforeMs, leftOutSince }: ServerPicture,
  after: Heads,
  timeMs: number,
): readonly HeadsSample[] {
  return leftOutSince > 0
    ? withSample(samples, { ...after, timeMs })
    : sampledUntil(samples, heads, beforeMs, timeMs)
}

function stepTaken(
  seen: (change: Partial<ServerPicture>) => Picture,
  before: ServerPicture | undefined,
  ledger: Ledger,
  node: NodeId,
  { cause, moves, facts, roles, writes }: StepRecord,
): Picture {
  const isStart = cause.type === 'start'
  const started = facts.findLast((fact) => fact.type === 'started')
  const durable = facts.findLast((fact) => fact.type === 'synced' || fact.type === 'started')?.durable
  const progress = facts.flatMap((fact) => progressIn(fact))
  const members = progress.findLast((made) => made.members !== null)?.members ?? started?.members
  const firstUnexecuted = progress.at(-1)?.firstUnexecuted ?? started?.durable.firstUnchosen
  const known = isStart ? null : (before?.roles ?? null)
  const next = seen({
    cause,
    moves,
    writes,
    roles: known === null ? wholeRoleStates(roles) : { ...known, ...roles },
    ...(durable === undefined ? {} : { durable }),
    ...(members === undefined ? {} : { members }),
    ...(firstUnexecuted === undefined ? {} : { firstUnexecuted }),
    ...(isStart || before === undefined || before.state === 'silent' || before.state === 'gone'
      ? { state: 'up', reason: null }
      : {}),
  })
  return { ...next, ledger, last: { party: 'server', node, cause, moves } }
}

/** How far an execution or a snapshot brought the server, and the members if they may have changed. */
function progressIn(
  fact: Fact,
): readonly { readonly firstUnexecuted: Instance; readonly members: readonly Member[] | null }[] {
  if (fact.type === 'executed') {
    return [{ firstUnexecuted: fact.instance + 1, members: fact.execution.members }]
  }
  return fact.type === 'installed' ? [{ firstUnexecuted: fact.snapshot.instance, members: fact.members }] : []
}

function wholeRoleStates(roles: Partial<RoleStates>): RoleStates | null {
  const { acceptor, proposer, learner, requestQueue, timekeeper, auditor, reader } = roles
  return acceptor && proposer && learner && requestQueue && timekeeper && auditor && reader
    ? { acceptor, proposer, learner, requestQueue, timekeeper, auditor, reader }
    : null
}

function processSeen(picture: Picture, record: Extract<InspectorRecord, { kind: 'process' }>): Picture {
  const { node, state, reason } = record
  switch (state) {
    case 'gone':
      return {
        ...withoutRoles(picture, node, state, reason),
        ledger: ledgerWithoutMemory(picture.ledger, node),
      }
    case 'silent':
      return withoutRoles(picture, node, state, reason)
    case 'paused':
      return withServer(picture, node, (server) => ({ ...server, state, reason }))
    case 'resumed':
      return withServer(picture, node, (server) =>
        server.state === 'paused' ? { ...server, state: 'up', reason: null } : server,
      )
    case 'up':
      return withServer(picture, node, (server) => ({ ...server, state, reason }))
  }
  state satisfies never
  return picture
}

/** The server without its roles: its process is not known, or is gone. */
function withoutRoles(
  picture: Picture,
  node: NodeId,
  state: 'gone' | 'silent',
  reason: string | null,
): Picture {
  const next = withServer(picture, node, (server) => ({
    ...server,
    state,
    reason: reason ?? server.reason,
    heads: state === 'gone' ? onDisk(server) : server.heads,
    pid: null,
    roles: null,
    moves: [],
    cause: null,
    writes: 0,
  }))
  return { ...next, last: lastWithout(picture, node) }
}

/** The promise that was not synced is lost. */
function onDisk({ heads, durable }: ServerPicture): Heads {
  if (heads.isPromisedSynced) return heads
  return { ...heads, promised: durable?.promised ?? null, isPromisedSynced: true }
}

function lastWithout({ last }: Picture, node: NodeId): LastStep | null {
  return last?.party === 'server' && last.node === node ? null : last
}

function clientMoved(picture: Picture, record: ClientRecord): Picture {
  const { client: name, uid, machine, moves } = record
  const session: SessionPicture = { uid, machine, moves }
  const before = picture.clients.find((client) => client.name === name)
  const known = before?.sessions ?? []
  const isKnown = known.some((other) => other.uid === uid)
  const sessions = isKnown
    ? known.map((other) => (other.uid === uid ? session : other))
    : [...known, session].slice(-keptSessions)
  const client = { name, sessions }
  const clients =
    before === undefined
      ? [...picture.clients, client]
      : picture.clients.map((other) => (other === before ? client : other))
  return { ...picture, clients, last: { party: 'client', record } }
}

function withServer(
  picture: Picture,
  node: NodeId,
  change: (server: ServerPicture) => ServerPicture,
): Picture {
  const before = serverIn(picture, node)
  if (before === undefined) {
    const servers = [...picture.servers, change(silentServer(node))].sort((a, b) => a.node - b.node)
    return { ...picture, servers }
  }
  const after = change(before)
  if (after === before) return picture
  return { ...picture, servers: picture.servers.map((server) => (server === before ? after : server)) }
}

function withFounders(
  servers: readonly ServerPicture[],
  founders: readonly Member[],
): readonly ServerPicture[] {
  const missing = founders.filter(({ id }) => servers.every(({ node }) => node !== id))
  const added = missing.map(({ id, address }) => ({ ...silentServer(id), address }))
  return [...servers, ...added].sort((a, b) => a.node - b.node)
}

function silentServer(node: NodeId): ServerPicture {
  return {
    node,
    state: 'silent',
    reason: null,
    run: null,
    incarnation: null,
    address: null,
    pid: null,
    clock: 0,
    timeMs: 0,
    roles: null,
    durable: null,
    members: [],
    firstUnexecuted: 0,
    writes: 0,
    cause: null,
    moves: [],
    leftOut: 0,
    leftOutSince: 0,
    heads: nothingKnown,
    samples: [],
  }
}
