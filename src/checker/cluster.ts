/** The cluster that is searched: its servers and clients, and the node event for each event of the search. */
import type { NodeId } from '../../machines/batch.ts'
import { foundingIncarnation, type Member } from '../../machines/members.ts'
import type { ReadMessage, RequestMessage } from '../../machines/messages.ts'
import type { AuditRules } from '../core/audit.ts'
import type { ElapsedRules } from '../core/elapsed.ts'
import { serverAddress, uidOf } from '../core/names.ts'
import type { NodeEvent } from '../core/node-event.ts'
import type { HeardFrom } from '../core/reach.ts'
import { type ClusterSettings, clusterSettings } from '../schedule/cluster.ts'
import { lockService } from '../services/lock.ts'
import type { Service } from '../services/service.ts'
import { applyNode } from '../stepped/apply.ts'
import type { NodeSettings, Stepper } from '../stepped/settings.ts'
import type { NodeState, NodeStep } from '../stepped/state.ts'
import { type Bounds, batchMs, checkBounds } from './bounds.ts'
import type { CheckedEvent } from './events.ts'

/** Time is constant: no schedule in a search depends on it. */
const nowMs = 0

/**
 * A server that handed requests over competes with the leader at the first tick of its timer. It need not repeat the messages, because
 * a search delivers each message any number of times, at any time.
 */
const impatient = { leaderPatienceMs: 0, retransmitMs: 0, retransmitLeastMs: 0 }

/** The random seed of every start of a server. It is that of the first start in a schedule, so that its questions have the same numbers. */
export function startSeed(server: NodeId): number {
  return server
}

/** Replaces a part of the cluster, for a test that plants a deliberate fault. */
export type Adapt = (settings: ClusterSettings) => ClusterSettings

export class CheckedCluster {
  readonly bounds: Bounds
  readonly founders: readonly Member[]
  /** Every server, founders first. The id of a server is its index. */
  readonly servers: readonly NodeId[]
  readonly #settings: readonly NodeSettings[]
  readonly #heardFrom: Readonly<Record<NodeId, HeardFrom>>

  /** Throws a `RangeError` when the bounds are not valid. */
  constructor(bounds: Bounds, stepper: Stepper, adapt: Adapt = (settings) => settings) {
    checkBounds(bounds)
    const { founders, timing, limits, replicas, machines, nodeRules, elapsedRules, auditRules } = adapt(
      boundedSettings(bounds),
    )
    this.bounds = bounds
    this.founders = founders
    this.servers = Array.from({ length: bounds.servers + bounds.joining }, (_, id) => id)
    const incarnationOf = (id: NodeId) =>
      id < bounds.servers ? foundingIncarnation(id) : joiningIncarnation(id)
    this.#heardFrom = Object.fromEntries(
      this.servers.map((id) => {
        const from = { address: serverAddress(id), incarnation: incarnationOf(id) }
        return [id, from]
      }),
    )
    this.#settings = this.servers.map((self) => {
      const incarnation = incarnationOf(self)
      return {
        self,
        incarnation,
        timing: { ...timing, ...impatient },
        limits,
        replicas,
        machines,
        stepper,
        nodeRules,
        elapsedRules,
        auditRules,
        digestEvery: 1,
      }
    })
  }

  /** Applies `event` to `state`. With syncs `atOnce` the result is the state after them. Throws the error of a role. */
  apply(server: NodeId, state: NodeState, event: NodeEvent): NodeStep {
    const settings = this.#settings[server]
    if (settings === undefined) throw new Error(`there is no server ${server}`)
    let step = applyNode(state, event, settings, nowMs)
    while (this.bounds.syncs === 'atOnce' && step.state.disk.syncing.length > 0) {
      const synced = applyNode(step.state, { type: 'synced' }, settings, nowMs)
      step = {
        state: synced.state,
        sends: [...step.sends, ...synced.sends],
        responses: [...step.responses, ...synced.responses],
        facts: [...step.facts, ...synced.facts],
      }
    }
    return step
  }

  /** The node event for `event`. */
  nodeEvent(event: CheckedEvent): NodeEvent {
    switch (event.type) {
      case 'deliver':
        return {
          type: 'hear',
          sender: event.from,
          names: event.names,
          from: serverAddress(event.from),
          message: event.message,
        }
      case 'request': {
        const message = this.requestMessage(event.client, event.seq, event.server)
        return { type: 'request', message, replyTo: event.client, timeMs: nowMs }
      }
      case 'read':
        return {
          type: 'request',
          message: this.readMessage(event.client),
          replyTo: event.client,
          timeMs: nowMs,
        }
      case 'timer':
        return { type: 'timer', role: event.role, id: event.id }
      case 'sync':
        return { type: 'synced' }
      case 'crash':
        return { type: 'crash', survived: event.survived }
      case 'start':
        return { type: 'start', randomSeed: startSeed(event.server) }
    }
    event satisfies never
  }

  /**
   * The request that a client sends to `server`. It has received the answers to all lower ones. Throws when the bounds have no such
   * request.
   */
  requestMessage(client: string, seq: number, server: NodeId): RequestMessage {
    const found = this.bounds.requests.find((request) => request.client === client && request.seq === seq)
    if (found === undefined) throw new Error(`the client ${client} has no request ${seq}`)
    const requests = [{ seq, command: found.command }]
    return {
      type: 'request',
      uid: uidOf(client),
      ackedBelow: seq,
      requests,
      ...avoidedFor(this.bounds, server),
    }
  }

  /** The read that a client sends. Throws when the bounds have none. */
  readMessage(client: string): ReadMessage {
    const found = this.bounds.reads?.find((read) => read.client === client)
    if (found === undefined) throw new Error(`the client ${client} has no read`)
    return { type: 'read', uid: uidOf(client), reads: [{ seq: 1, body: found.body }], stale: false }
  }

  /**
   * The node as if it had received a message from every server. Servers never change their addresses in a search, so the addresses are
   * known. The node can now answer a server from which it has received nothing; that is one more datagram, which may be lost.
   */
  withAddresses(state: NodeState): NodeState {
    const { running } = state
    return running === null ? state : { ...state, running: { ...running, heardFrom: this.#heardFrom } }
  }
}

/** The settings of the cluster within `bounds`. */
export function boundedSettings({ servers, ending, snapshotEvery }: Bounds): ClusterSettings {
  const settings = withoutDigests(clusterSettings(servers, lockService as Service, ending, snapshotEvery))
  return ending === undefined ? settings : withBatchTime(settings)
}

/**
 * Nobody folds or compares digests. A digest contains the whole history, so states that differ in nothing else would not meet. The search
 * itself judges at each execution that the outcomes are equal (invariant 7), so no comparison would find anything.
 */
function withoutDigests<S extends Pick<ClusterSettings, 'auditRules'>>(settings: S): S {
  const rules: Partial<AuditRules> = {
    folded: () => ({ digest: '', length: 0 }),
    withExecution: (audit) => audit,
  }
  return { ...settings, auditRules: { ...settings.auditRules, ...rules } }
}

/** Each batch adds the same time to the replicated clock. */
export function withBatchTime<S extends Pick<ClusterSettings, 'elapsedRules'>>(settings: S): S {
  const withStamp: ElapsedRules['withStamp'] = (elapsed, batch) => ({
    elapsed,
    batch: { ...batch, elapsedMs: batchMs },
  })
  return { ...settings, elapsedRules: { ...settings.elapsedRules, withStamp } }
}

/** The server that a client of `server` has just left: within bounds without handing over, a rival of `server`. */
export function avoidedFor({ handsOver }: Bounds, server: NodeId): { readonly avoid?: NodeId } {
  return handsOver ? {} : { avoid: server === 0 ? 1 : 0 }
}

/** The incarnation of a server that is not a founder. */
export function joiningIncarnation(id: NodeId): string {
  return `joined-${id}-0`
}
