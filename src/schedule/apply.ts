/** A cluster as a pure function: a state and an event give the next state, and the happenings. */
import type { NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { ClientAsk, NodeMessage, ServerMessage } from '../../machines/messages.ts'
import { serverAddress } from '../core/names.ts'
import type { NodeEvent } from '../core/node-event.ts'
import { askToRead, copyOfRequest, fireClientTimer, giveUp, hearServer, submitRequest } from './client.ts'
import {
  type ClusterSettings,
  type ClusterState,
  type Flying,
  foundedCluster,
  isCut,
  newServer,
  type ServerState,
  serverOf,
  withFlying,
} from './cluster.ts'
import type { ClusterEvent, ClusterStep } from './events.ts'
import { stepServer } from './server.ts'

/** A new cluster, after the start of every founder. */
export function foundCluster(settings: ClusterSettings): ClusterStep {
  const begun: ClusterStep = { state: foundedCluster(settings), happenings: [], facts: [] }
  return settings.founders.reduce((step, { id }) => {
    const { state, happenings, facts } = startServer(step.state, id, settings)
    return { state, happenings: [...step.happenings, ...happenings], facts: [...step.facts, ...facts] }
  }, begun)
}

/**
 * Applies `event` to `state`, which does not change. Throws when the event cannot happen in this state, and when an assertion of a role
 * fails.
 */
export function applyEvent(state: ClusterState, event: ClusterEvent, settings: ClusterSettings): ClusterStep {
  switch (event.type) {
    case 'request':
      serverOf(state, event.server)
      return submitRequest(state, event, settings)
    case 'read':
      serverOf(state, event.server)
      return askToRead(state, event, settings)
    case 'give.up':
      return giveUp(state, event, settings)
    case 'resend':
      return resend(state, event)
    case 'deliver': {
      const flying = flyingOf(state, event.flight)
      return deliver(without(state, flying), flying, settings)
    }
    case 'drop':
      return nothingSeen(without(state, flyingOf(state, event.flight)))
    case 'duplicate': {
      const { id: _, ...datagram } = flyingOf(state, event.flight)
      return nothingSeen(withFlying(state, datagram))
    }
    case 'sync':
      return stepServer(state, event.server, { type: 'synced' }, settings)
    case 'sync.failed':
    case 'crash':
      return stepServer(state, event.server, { type: event.type, survived: event.survived }, settings)
    case 'timer':
      return fireTimer(state, event, settings)
    case 'client.timer':
      return fireClientTimer(state, event, settings)
    case 'restart':
      return startServer(state, event.server, settings)
    case 'join':
      return join(state, event.server, settings)
    case 'greet':
      return greet(state, event, settings)
    case 'cut': {
      const links = event.links.filter(({ from, to }) => !isCut(state, from, to))
      return nothingSeen({ ...state, cuts: [...state.cuts, ...links] })
    }
    case 'heal':
      return nothingSeen({ ...state, cuts: [] })
    case 'wait':
      return nothingSeen({ ...state, nowMs: state.nowMs + event.ms })
  }
  event satisfies never
}

function nothingSeen(state: ClusterState): ClusterStep {
  return { state, happenings: [], facts: [] }
}

function flyingOf({ flying }: ClusterState, id: number): Flying {
  const datagram = flying.find((other) => other.id === id)
  if (datagram === undefined) throw new Error(`no datagram ${id} is in flight`)
  return datagram
}

function without(state: ClusterState, datagram: Flying): ClusterState {
  return { ...state, flying: state.flying.filter((other) => other !== datagram) }
}

function resend(
  state: ClusterState,
  { client, seq, server, avoid }: Extract<ClusterEvent, { type: 'resend' }>,
): ClusterStep {
  serverOf(state, server)
  const copy = copyOfRequest(state, client, seq)
  const message = avoid === undefined ? copy : { ...copy, avoid }
  return {
    state: withFlying(state, { from: client, to: server, message }),
    happenings: [{ type: 'said', from: client, to: server, message, fate: 'flies' }],
    facts: [],
  }
}

function deliver(state: ClusterState, flight: Flying, settings: ClusterSettings): ClusterStep {
  const { from, to, message, names } = flight
  if (typeof to === 'string') return hearServer(state, to, from as NodeId, message as ServerMessage, settings)
  if (serverOf(state, to).node.running === null) {
    return { state, happenings: [{ type: 'lost', flight }], facts: [] }
  }
  const event: NodeEvent =
    typeof from === 'string'
      ? {
          type: 'request',
          message: message as ClientAsk,
          replyTo: from,
          timeMs: state.nowMs,
        }
      : {
          type: 'hear',
          sender: from,
          names: names as Names,
          from: serverAddress(from),
          message: message as NodeMessage,
        }
  return stepServer(state, to, event, settings)
}

function fireTimer(
  state: ClusterState,
  { server, role, id }: Extract<ClusterEvent, { type: 'timer' }>,
  settings: ClusterSettings,
): ClusterStep {
  const { node, dueMs } = serverOf(state, server)
  const place = node.running?.timers.findIndex((timer) => timer.role === role && timer.id === id) ?? -1
  const nowMs = Math.max(state.nowMs, dueMs[place] ?? 0)
  return stepServer({ ...state, nowMs }, server, { type: 'timer', role, id }, settings)
}

/** Each start uses other random numbers, as a process does. */
function startServer(state: ClusterState, id: NodeId, settings: ClusterSettings): ClusterStep {
  const { starts } = serverOf(state, id)
  return stepServer(state, id, { type: 'start', randomSeed: id + 1_000 * starts }, settings)
}

function join(state: ClusterState, id: NodeId, settings: ClusterSettings): ClusterStep {
  const before = state.servers[id]
  if (before === undefined && id !== state.servers.length) {
    throw new Error(`server ${id} cannot join: the next number is ${state.servers.length}`)
  }
  if (before !== undefined && before.node.running !== null) {
    throw new Error(`server ${id} is running: crash it before another joins in its place`)
  }
  const starts = before?.starts ?? 0
  const joining: ServerState = { ...newServer(id, incarnationOf(id, starts)), starts }
  const servers = [...state.servers.slice(0, id), joining, ...state.servers.slice(id + 1)]
  return startServer({ ...state, servers }, id, settings)
}

function incarnationOf(id: NodeId, starts: number): string {
  return `joined-${id}-${starts}`
}

/** As a joining live server: it asks another server for its first unexecuted instance, and passes the answer to its learner. */
function greet(
  state: ClusterState,
  { server, via }: Extract<ClusterEvent, { type: 'greet' }>,
  settings: ClusterSettings,
): ClusterStep {
  const { node, incarnation } = serverOf(state, via)
  const { running } = node
  if (running === null) throw new Error(`server ${via} is down: it cannot answer hello`)
  const event = {
    type: 'behind.noticed',
    firstUnchosen: running.replica.firstUnexecuted,
    informant: { id: via, incarnation },
    atMs: null,
  } as const
  return stepServer(state, server, { type: 'tell', role: 'learner', event }, settings)
}
