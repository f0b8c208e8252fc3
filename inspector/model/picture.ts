/**
 * What the page shows: the cluster as the records tell of it, up to one of them. A picture is never changed; the next record
 * makes the next picture of it, and what did not change is the same object, so that a view is drawn again only where it must.
 */
import type { Address, Instance, NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Member } from '../../machines/members.ts'
import type {
  Cause,
  ClientRecord,
  Durable,
  InspectorRecord,
  InvariantStanding,
  Move,
  RunName,
  ServerRecord,
  Stand,
  Stands,
} from '../../src/inspect/record.ts'
import type { ServiceView } from '../../src/services/service.ts'
import { type Ledger, ledgerAfter, nothingInLedger } from './ledger.ts'

export interface Picture {
  readonly cluster: Extract<InspectorRecord, { kind: 'cluster' }> | null
  /** In order of id. */
  readonly servers: readonly ServerPicture[]
  /** In the order in which they were first seen. */
  readonly clients: readonly ClientPicture[]
  readonly ledger: Ledger
  readonly invariants: readonly InvariantStanding[]
  /** The service, as the server shows it that executed most. */
  readonly service: {
    readonly node: NodeId
    readonly firstUnexecuted: Instance
    readonly view: ServiceView
  } | null
  /** What happened last, for the charts to light. */
  readonly last: LastStep | null
}

export interface ServerPicture {
  readonly node: NodeId
  /** `silent`: it has not been heard of yet. */
  readonly state: 'up' | 'gone' | 'paused' | 'silent'
  /** Why it is gone, if that is known. */
  readonly reason: string | null
  readonly run: string | null
  readonly address: Address | null
  readonly pid: number | null
  readonly clock: number
  readonly timeMs: number
  /** `null` while it is not running, or was never seen. */
  readonly roles: Stands | null
  readonly durable: Durable | null
  readonly members: readonly Member[]
  readonly firstUnexecuted: Instance
  /** Writes that are not synced. */
  readonly writes: number
  /** What it did last. */
  readonly cause: Cause | null
  readonly moves: readonly Move[]
  /** Records of it that were left out, in all. */
  readonly leftOut: number
}

export interface ClientPicture {
  readonly name: string
  /** In order of seq. */
  readonly requests: readonly RequestPicture[]
}

export interface RequestPicture {
  readonly seq: number
  readonly stand: Stand
  readonly moves: readonly Omit<Move, 'role'>[]
}

export type LastStep =
  | {
      readonly party: 'server'
      readonly node: NodeId
      readonly cause: Cause
      readonly moves: readonly Move[]
    }
  | { readonly party: 'client'; readonly record: ClientRecord }

export const emptyPicture: Picture = {
  cluster: null,
  servers: [],
  clients: [],
  ledger: nothingInLedger,
  invariants: [],
  service: null,
  last: null,
}

/** The picture after `record`. */
export function pictureAfter(picture: Picture, record: InspectorRecord): Picture {
  switch (record.kind) {
    case 'cluster':
      return { ...picture, cluster: record, servers: withFounders(picture.servers, record.founders) }
    case 'server':
      return serverRecordTaken(picture, record, record.record)
    case 'gap':
      return withServer(picture, record.node, (server) => ({
        ...server,
        leftOut: server.leftOut + record.count,
        moves: [],
        cause: null,
      }))
    case 'process':
      return processSeen(picture, record)
    case 'client':
      return clientMoved(picture, record)
    case 'verdict':
      return { ...picture, invariants: record.invariants }
  }
  record satisfies never
}

/** The server of that id, if it was ever heard of. */
export function serverIn({ servers }: Picture, node: NodeId): ServerPicture | undefined {
  return servers.find((server) => server.node === node)
}

/** The state of a role, for those servers that run. */
export function tokensOf(
  { servers }: Picture,
  role: RoleName,
): readonly { readonly node: NodeId; readonly state: string }[] {
  return servers.flatMap(({ node, roles }) => (roles === null ? [] : [{ node, state: roles[role].state }]))
}

function serverRecordTaken(picture: Picture, { node, run }: RunName, record: ServerRecord): Picture {
  const { clock, timeMs } = record
  const seen = (change: Partial<ServerPicture>): Picture =>
    withServer(picture, node, (server) => ({ ...server, run, clock, timeMs, ...change }))
  switch (record.kind) {
    case 'survey': {
      const { address, pid, members, durable, firstUnexecuted, roles } = record
      const change = {
        address,
        pid,
        members,
        durable,
        firstUnexecuted,
        roles,
        state: 'up',
        reason: null,
      } as const
      return { ...seen(change), ledger: ledgerAfter(picture.ledger, node, record) }
    }
    case 'step': {
      const { cause, moves, facts, roles, writes } = record
      const before = serverIn(picture, node)
      const synced = facts.findLast((fact) => fact.type === 'synced')
      const executions = facts.flatMap((fact) => (fact.type === 'executed' ? [fact.execution] : []))
      const members = executions.findLast((execution) => execution.members !== null)?.members
      const last = executions.at(-1)
      const next = seen({
        cause,
        moves,
        writes,
        roles: before?.roles ? { ...before.roles, ...roles } : wholeStands(roles),
        ...(synced === undefined ? {} : { durable: synced.durable }),
        ...(members ? { members } : {}),
        ...(last === undefined ? {} : { firstUnexecuted: last.instance + 1 }),
        ...(before?.state === 'silent' || cause.type === 'start'
          ? { state: 'up' as const, reason: null }
          : {}),
      })
      return {
        ...next,
        ledger: ledgerAfter(picture.ledger, node, record),
        last: { party: 'server', node, cause, moves },
      }
    }
    case 'service': {
      const { firstUnexecuted, view } = record
      const isNewer = picture.service === null || firstUnexecuted >= picture.service.firstUnexecuted
      return isNewer ? { ...picture, service: { node, firstUnexecuted, view } } : picture
    }
    case 'ended':
      return seen({ state: 'gone', reason: record.reason, roles: null, moves: [], cause: null, writes: 0 })
    case 'fate':
      return picture
  }
  record satisfies never
}

function wholeStands(roles: Partial<Stands>): Stands | null {
  const { acceptor, proposer, learner, requestQueue } = roles
  return acceptor && proposer && learner && requestQueue
    ? { acceptor, proposer, learner, requestQueue }
    : null
}

function processSeen(picture: Picture, record: Extract<InspectorRecord, { kind: 'process' }>): Picture {
  const { node, state, reason, timeMs } = record
  return withServer(picture, node, (server) => {
    switch (state) {
      case 'gone':
        return { ...server, state, reason, timeMs, roles: null, moves: [], cause: null, writes: 0 }
      case 'paused':
        return { ...server, state, reason }
      case 'up':
      case 'resumed':
        return { ...server, state: 'up', reason: null }
    }
    state satisfies never
    return server
  })
}

function clientMoved(picture: Picture, record: ClientRecord): Picture {
  const { client: name, seq, stand, moves } = record
  const request: RequestPicture = { seq, stand, moves }
  const before = picture.clients.find((client) => client.name === name)
  const requests = [...(before?.requests ?? []).filter((other) => other.seq !== seq), request]
  const client = { name, requests: requests.sort((a, b) => a.seq - b.seq) }
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
  const server = change(serverIn(picture, node) ?? silentServer(node))
  const others = picture.servers.filter((other) => other.node !== node)
  return { ...picture, servers: [...others, server].sort((a, b) => a.node - b.node) }
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
  }
}
