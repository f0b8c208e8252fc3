/** A whole cluster as a value: its servers, its clients, and the datagrams in flight between them. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { Command, NodeId } from '../../machines/batch.ts'
import { type ClientEmitted, clientMachine } from '../../machines/client.ts'
import { type ClientTiming, defaultClientTiming } from '../../machines/client-timing.ts'
import type { Names } from '../../machines/inbox.ts'
import { defaultLimits, type Limits } from '../../machines/limits.ts'
import { foundingIncarnation, foundingMembers, type Member } from '../../machines/members.ts'
import type { ClientMessage, NodeMessage, ServerMessage } from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { defaultTiming, type Timing } from '../../machines/timing.ts'
import { type Party, serverAddress } from '../core/names.ts'
import { start, step } from '../core/step.ts'
import { lockService } from '../services/lock.ts'
import type { Service } from '../services/service.ts'
import { replicasOf } from '../stepped/replicas.ts'
import { type NodeSettings, type Replicas, type Stepper, usualNodeSettings } from '../stepped/settings.ts'
import { type NodeState, neverStarted } from '../stepped/state.ts'

/** It is never changed: any number of schedules may go on from it. Plain data, save XState's snapshots. */
export interface ClusterState {
  /** Virtual milliseconds: the moment at which the latest of the timers that fired was due. */
  readonly nowMs: number
  /** Invariant: server i is at place i. */
  readonly servers: readonly ServerState[]
  /** In the order of their first requests. */
  readonly clients: readonly ClientState[]
  /** In the order in which they were sent. */
  readonly flying: readonly Flying[]
  /** The id of the next datagram. */
  readonly nextFlight: number
  /** What is sent along these is lost. */
  readonly cuts: readonly Link[]
}

export interface ServerState {
  readonly id: NodeId
  readonly incarnation: string
  /** How often it was started, under this incarnation or an earlier one. */
  readonly starts: number
  readonly node: NodeState
  /** When each timer of the node is due, in the order of `node.running.timers`. */
  readonly dueMs: readonly number[]
}

/** One session, any number of requests at once. */
export interface ClientState {
  readonly name: string
  /** Invariant: the request with seq i is at place i - 1. */
  readonly requests: readonly RequestState[]
}

/** A request, carried by the client machine. */
export interface RequestState {
  readonly seq: number
  readonly command: Command
  readonly snapshot: AnyMachineSnapshot
  readonly timers: readonly ClientTimer[]
  /** `null` while it is open. */
  readonly outcome: Outcome | 'given up' | null
}

export interface ClientTimer {
  readonly id: string
  readonly dueMs: number
  readonly event: { readonly type: string }
}

/** A datagram in flight. */
export interface Flying {
  /** No two datagrams of a run have one id. */
  readonly id: number
  readonly from: Party
  readonly to: Party
  /** Between servers. */
  readonly names?: Names
  readonly message: NodeMessage | ClientMessage | ServerMessage
}

export interface Link {
  readonly from: NodeId
  readonly to: NodeId
}

/** What a cluster is made of, beside its state. Any part of it may be replaced by a test. */
export interface ClusterSettings
  extends Pick<NodeSettings, 'machines' | 'stepper' | 'nodeRules' | 'elapsedRules' | 'digestEvery'> {
  readonly founders: readonly Member[]
  readonly timing: Timing
  readonly clientTiming: ClientTiming
  readonly limits: Limits
  readonly replicas: Replicas
  readonly clientMachine: AnyStateMachine
  /** How the machine that carries a request is moved. */
  readonly clientStepper: Stepper<ClientEmitted>
}

/** The settings of a cluster that is founded by so many servers, of which the replicated service is `service`. */
export function clusterSettings(servers: number, service: Service = lockService as Service): ClusterSettings {
  const ids = Array.from({ length: servers }, (_, id) => id)
  const founders = foundingMembers(ids.map((id) => ({ id, address: serverAddress(id) })))
  return {
    ...usualNodeSettings,
    founders,
    // The caller chooses when timers fire, so one that fires twice without news is patience enough. That nobody answers for a while
    // says nothing where no time passes.
    timing: { ...defaultTiming, patientTries: 1, newsTries: 2 ** 30 },
    clientTiming: defaultClientTiming,
    limits: defaultLimits,
    replicas: replicasOf({ service, members: founders }),
    clientMachine,
    clientStepper: { start, step },
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

/** The server of that number. Throws when there is none. */
export function serverOf({ servers }: ClusterState, id: NodeId): ServerState {
  const server = servers[id]
  if (server === undefined)
    throw new Error(`there is no server ${id}: there are ${servers.length}, from 0 on`)
  return server
}

/** That request. Throws when the client has made none of that seq. */
export function requestOf({ clients }: ClusterState, client: string, seq: number): RequestState {
  const request = clients.find(({ name }) => name === client)?.requests[seq - 1]
  if (request === undefined) throw new Error(`there is no request ${client}#${seq}`)
  return request
}

/** True when what `from` sends to `to` is lost. */
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
