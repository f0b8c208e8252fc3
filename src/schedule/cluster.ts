/** A whole cluster as a value: its servers, its clients, and the datagrams in flight between them. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { Command, Json, NodeId } from '../../machines/batch.ts'
import { type ClientEmitted, clientMachine } from '../../machines/client.ts'
import { type ClientTiming, defaultClientTiming } from '../../machines/client-timing.ts'
import type { Names } from '../../machines/inbox.ts'
import { defaultLimits, type Limits } from '../../machines/limits.ts'
import { foundingIncarnation, foundingMembers, type Member } from '../../machines/members.ts'
import type { ClientMessage, NodeMessage, ServerMessage } from '../../machines/messages.ts'
import type { Outcome, ReadOutcome } from '../../machines/outcome.ts'
import { defaultTiming, type Timing } from '../../machines/timing.ts'
import { type Party, serverAddress, uidOf } from '../core/names.ts'
import { lockService } from '../services/lock.ts'
import type { Service } from '../services/service.ts'
import { checkedStart, checkedStep } from '../stepped/checked-step.ts'
import { replicasOf } from '../stepped/replicas.ts'
import { type NodeSettings, type Replicas, type Stepper, usualNodeSettings } from '../stepped/settings.ts'
import { type NodeState, neverStarted } from '../stepped/state.ts'

/** Immutable, so any number of schedules may continue from it. Plain data, except XState's snapshots. */
export interface ClusterState {
  /** Virtual milliseconds. A timer that fires moves it on to when the timer was due; so does an event `wait`. */
  readonly nowMs: number
  /** Invariant: server i is at index i. */
  readonly servers: readonly ServerState[]
  /** In the order of their first requests. */
  readonly clients: readonly ClientState[]
  /** In the order in which they were sent. */
  readonly flying: readonly Flying[]
  /** The id of the next datagram. */
  readonly nextFlight: number
  /** Messages on these links are lost. */
  readonly cuts: readonly Link[]
}

export interface ServerState {
  readonly id: NodeId
  readonly incarnation: string
  /** The number of starts of the server, with this incarnation or earlier ones. */
  readonly starts: number
  readonly node: NodeState
  /** The due times of the node's timers, in the order of `node.running.timers`. */
  readonly dueMs: readonly number[]
}

/** A client with one session, and the state of the client machine that carries it. */
export interface ClientState {
  readonly name: string
  readonly snapshot: AnyMachineSnapshot
  readonly timers: readonly ClientTimer[]
  /** Invariant: the request with seq i is at index i - 1. */
  readonly requests: readonly RequestState[]
  /** Invariant: the read with seq i is at index i - 1. */
  readonly reads: readonly ReadState[]
}

export interface RequestState {
  readonly seq: number
  readonly command: Command
  /** `null` while it is open. */
  readonly outcome: Outcome | 'given up' | null
}

/** A read, which the client asks for by one message to one server. */
export interface ReadState {
  readonly seq: number
  readonly body: Json
  /** `null` while it is open. */
  readonly outcome: ReadOutcome | null
}

export interface ClientTimer {
  readonly id: string
  readonly dueMs: number
  readonly event: { readonly type: string }
}

/** A datagram in flight. */
export interface Flying {
  /** Unique among all datagrams of a run. */
  readonly id: number
  readonly from: Party
  readonly to: Party
  /** Present on messages between servers. */
  readonly names?: Names
  readonly message: NodeMessage | ClientMessage | ServerMessage
}

export interface Link {
  readonly from: NodeId
  readonly to: NodeId
}

/** The fixed parts of a cluster, beside its state. A test may replace any part. */
export interface ClusterSettings
  extends Pick<
    NodeSettings,
    'machines' | 'stepper' | 'nodeRules' | 'elapsedRules' | 'auditRules' | 'digestEvery'
  > {
  readonly founders: readonly Member[]
  readonly timing: Timing
  readonly clientTiming: ClientTiming
  readonly limits: Limits
  readonly replicas: Replicas
  readonly clientMachine: AnyStateMachine
  /** Executes the steps of the machine that carries a session. */
  readonly clientStepper: Stepper<ClientEmitted>
}

/**
 * A client whose session ends by itself, so long after the last sign of life; those of other clients do not. Only one: sessions that end
 * must differ in the public parts of their uids.
 */
export interface EndingSession {
  readonly ttlMs: number
  /** Its name: a letter. */
  readonly client: string
}

/**
 * The settings of a cluster with this number of founders, which replicates `service`. With `snapshotEvery`, a server takes a snapshot
 * after this many requests.
 */
export function clusterSettings(
  servers: number,
  service: Service = lockService as Service,
  ending: EndingSession | null = null,
  snapshotEvery: number | null = null,
): ClusterSettings {
  const ids = Array.from({ length: servers }, (_, id) => id)
  const founders = foundingMembers(ids.map((id) => ({ id, address: serverAddress(id) })))
  return {
    ...usualNodeSettings,
    founders,
    // The caller chooses when timers fire, so one repetition of a timer without news is enough patience. A time without answers has
    // no meaning here, because no time passes.
    timing: { ...defaultTiming, patientTries: 1, newsTries: 2 ** 30 },
    clientTiming: defaultClientTiming,
    limits: { ...defaultLimits, ...(snapshotEvery !== null && { snapshotEvery }) },
    replicas: replicasOf({
      service,
      members: founders,
      sessions: [...'abcdefghijklmnopqrstuvwxyz'].map(uidOf),
      ttlsMs: ending === null ? {} : { [uidOf(ending.client)]: ending.ttlMs },
    }),
    clientMachine,
    clientStepper: { start: checkedStart, step: checkedStep },
  }
}

/** The cluster before any server has started. */
export function foundedCluster({ founders }: Pick<ClusterSettings, 'founders'>): ClusterState {
  return {
    nowMs: 0,
    servers: founders.map(({ id }) => newServer(id, foundingIncarnation(id))),
    clients: [],
    flying: [],
    nextFlight: 1,
    cuts: [],
  }
}

/** A server that was never started. */
export function newServer(id: NodeId, incarnation: string): ServerState {
  return { id, incarnation, starts: 0, node: neverStarted, dueMs: [] }
}

/** The server with this id. Throws when there is none. */
export function serverOf({ servers }: ClusterState, id: NodeId): ServerState {
  const server = servers[id]
  if (server === undefined)
    throw new Error(`there is no server ${id}: the servers are 0 to ${servers.length - 1}`)
  return server
}

/** The client with this name. Throws when there is none. */
export function clientOf({ clients }: ClusterState, client: string): ClientState {
  const found = clients.find(({ name }) => name === client)
  if (found === undefined) throw new Error(`there is no client ${client}`)
  return found
}

/** The request with this seq. Throws when the client has none. */
export function requestOf({ clients }: ClusterState, client: string, seq: number): RequestState {
  const request = clients.find(({ name }) => name === client)?.requests[seq - 1]
  if (request === undefined) throw new Error(`there is no request ${client}#${seq}`)
  return request
}

/** True when messages from `from` to `to` are lost. */
export function isCut({ cuts }: ClusterState, from: Party, to: Party): boolean {
  return cuts.some((link) => link.from === from && link.to === to)
}

/** The cluster with one more datagram in flight. */
export function withFlying(state: ClusterState, datagram: Omit<Flying, 'id'>): ClusterState {
  return {
    ...state,
    flying: [...state.flying, { id: state.nextFlight, ...datagram }],
    nextFlight: state.nextFlight + 1,
  }
}
