/**
 * Clients of a cluster. The client machine carries the session of a client, and src/core/step.ts executes its steps. So its chart
 * shows retries and failover, as it shows everything else.
 */
import type { Command, Json, NodeId } from '../../machines/batch.ts'
import type { ClientContext, ClientEmitted, ClientEvent } from '../../machines/client.ts'
import type { ReadMessage, RequestMessage, Response, ServerMessage } from '../../machines/messages.ts'
import { isOfRead } from '../../machines/outcome.ts'
import { ackedBelow, hasNoRequests, type SessionRequests } from '../../machines/session-requests.ts'
import { stateName } from '../core/chart-names.ts'
import { commandBytes } from '../core/command-bytes.ts'
import type { Fact } from '../core/facts.ts'
import { uidOf } from '../core/names.ts'
import type { Effect } from '../core/step.ts'
import {
  type ClientState,
  type ClientTimer,
  type ClusterSettings,
  type ClusterState,
  clientOf,
  type RequestState,
  requestOf,
  withFlying,
} from './cluster.ts'
import type { ClusterStep, Happening } from './events.ts'

/** The server that a client asks, and the one that it has just left, if any. */
interface Asked {
  readonly server: NodeId
  readonly avoid?: NodeId
}

/**
 * The client sends its next request, to `server` first. A client with an unknown name is new. A client whose session has open
 * requests asks the server that the session asks: throws when `server` is another one.
 */
export function submitRequest(
  state: ClusterState,
  request: Asked & { readonly client: string; readonly command: Command },
  settings: ClusterSettings,
): ClusterStep {
  const { client: name, command } = request
  const known = state.clients.find((other) => other.name === name)
  const seq = (known?.requests.length ?? 0) + 1
  const client =
    known === undefined ? newClient(name, request, 1, settings) : askingFirst(known, request, settings)
  const begun: RequestState = { seq, command, outcome: null }
  const { happenings, facts, ...next } = stepClient(
    withClient(state, { ...client, requests: [...client.requests, begun] }),
    name,
    {
      type: 'request.submitted',
      requests: [{ seq, command, commandBytes: commandBytes(command) }],
      servers: state.servers.length,
      atMs: state.nowMs,
    },
    settings,
  )
  const below = ackedBelow(sessionOf(clientOf(next.state, name)))
  const requested: Fact = {
    type: 'requested',
    request: { uid: uidOf(name), seq, ackedBelow: below, command },
  }
  return { ...next, happenings, facts: [requested, ...facts] }
}

/** The uid under which a client of a schedule reads. */
function readsOf(client: string): string {
  return `${client}.reads`
}

/** The client sends a new read to `server`, once. A client with an unknown name is new. */
export function askToRead(
  state: ClusterState,
  asked: { readonly client: string; readonly server: NodeId; readonly body: Json },
  settings: ClusterSettings,
): ClusterStep {
  const { client: name, server, body } = asked
  const client = state.clients.find((other) => other.name === name) ?? newClient(name, asked, 1, settings)
  const seq = client.reads.length + 1
  const uid = readsOf(name)
  const message: ReadMessage = { type: 'read', uid, reads: [{ seq, body }], stale: false }
  const reads = [...client.reads, { seq, body, outcome: null }]
  return {
    state: withFlying(withClient(state, { ...client, reads }), { from: name, to: server, message }),
    happenings: [{ type: 'said', from: name, to: server, message, fate: 'flies' }],
    facts: [{ type: 'read.asked', uid, seq, body }],
  }
}

function withReadings(state: ClusterState, name: string, { answers }: Response): ClusterStep {
  const client = clientOf(state, name)
  const outcomeOf = (seq: number) => answers.find((answer) => answer.seq === seq)?.outcome
  const reads = client.reads.map((read) => {
    const outcome = read.outcome ?? outcomeOf(read.seq)
    return outcome !== undefined && isOfRead(outcome) ? { ...read, outcome } : read
  })
  const noted: Happening = { type: 'noted', party: name, actors: [{ client: name }] }
  return { state: withClient(state, { ...client, reads }), happenings: [noted], facts: [] }
}

/** The server that the client would ask next; `null` when any server may be named, because no request is open. */
export function serverAskedBy(state: ClusterState, name: string): NodeId | null {
  const client = state.clients.find((other) => other.name === name)
  if (client === undefined || hasNoRequests(sessionOf(client))) return null
  return (client.snapshot.context as ClientContext).server
}

/** The client, whose machine begins with `server`. A machine has one list of servers, and changes to the next of them by itself. */
function askingFirst(client: ClientState, asked: Asked, settings: ClusterSettings): ClientState {
  const context = client.snapshot.context as ClientContext
  const { server, avoid = context.avoid } = asked
  if (context.server === server && context.avoid === avoid) return client
  if (!hasNoRequests(context.requests)) {
    throw new Error(`${client.name} asks server ${context.server}: its session has open requests`)
  }
  const begun = newClient(client.name, asked, context.requests.nextSeq, settings)
  return { ...begun, requests: client.requests, reads: client.reads }
}

function newClient(
  name: string,
  { server, avoid }: Asked,
  firstSeq: number,
  { clientMachine, clientStepper, clientTiming }: ClusterSettings,
): ClientState {
  const input = {
    ...{ timing: clientTiming, randomSeed: firstSeq, uid: uidOf(name), server, firstSeq },
    ...(avoid === undefined ? {} : { avoid }),
  }
  const { snapshot } = clientStepper.start(clientMachine, input)
  return { name, snapshot, timers: [], requests: [], reads: [] }
}

function sessionOf({ snapshot }: ClientState): SessionRequests {
  return (snapshot.context as ClientContext).requests
}

/** The program no longer needs the answer to a request. */
export function giveUp(
  state: ClusterState,
  { client, seq }: { readonly client: string; readonly seq: number },
  settings: ClusterSettings,
): ClusterStep {
  const { outcome } = requestOf(state, client, seq)
  const step = stepClient(state, client, { type: 'give.up', seqs: [seq] }, settings)
  return outcome === null ? { ...step, state: withOutcome(step.state, client, seq, 'given up') } : step
}

/** Another copy of the message that asks for a request alone. Throws when the request has ended. */
export function copyOfRequest(state: ClusterState, client: string, seq: number): RequestMessage {
  const { command } = requestOf(state, client, seq)
  const session = sessionOf(clientOf(state, client))
  if (![...session.open, ...session.backlog].some((request) => request.seq === seq)) {
    throw new Error(`${client}#${seq} has ended: it cannot be sent again`)
  }
  return {
    type: 'request',
    uid: uidOf(client),
    ackedBelow: ackedBelow(session),
    requests: [{ seq, command }],
  }
}

/** A message from a server arrives at a client. A message that is no answer to requests has no effect. */
export function hearServer(
  state: ClusterState,
  client: string,
  server: NodeId,
  message: ServerMessage,
  settings: ClusterSettings,
): ClusterStep {
  switch (message.type) {
    case 'response':
      if (message.uid === readsOf(client)) return withReadings(state, client, message)
      return stepClient(state, client, { ...message, server, atMs: state.nowMs }, settings)
    case 'queued':
    case 'busy':
      return stepClient(state, client, { ...message, server, atMs: state.nowMs }, settings)
    case 'welcome':
    case 'report':
    case 'offer':
    case 'part':
    case 'noBackup':
      return { state, happenings: [], facts: [] }
  }
  message satisfies never
}

/** A timer of the machine that carries a session fires. Throws when it is not armed. */
export function fireClientTimer(
  state: ClusterState,
  { client: name, id }: { readonly client: string; readonly id: string },
  settings: ClusterSettings,
): ClusterStep {
  const client = clientOf(state, name)
  const due = client.timers.find((timer) => timer.id === id)
  if (due === undefined) throw new Error(`the client ${name} has no timer ${id}`)
  const timers = client.timers.filter((timer) => timer !== due)
  const at = { ...state, nowMs: Math.max(state.nowMs, due.dueMs) }
  return stepClient(withClient(at, { ...client, timers }), name, due.event, settings)
}

/** Sends `event` to the machine that carries the session of a client. */
function stepClient(
  state: ClusterState,
  name: string,
  event: ClientEvent | ClientTimer['event'],
  settings: ClusterSettings,
): ClusterStep {
  const client = clientOf(state, name)
  const { clientMachine, clientStepper } = settings
  const { snapshot, effects } = clientStepper.step(clientMachine, client.snapshot, event)
  const path = [stateName(client.snapshot.value), stateName(snapshot.value)]
  const timers = timersAfter(client.timers, effects, state.nowMs)
  const moved: Happening[] = path[0] === path[1] ? [] : [{ type: 'moved', actor: { client: name }, path }]
  let next = withClient(state, { ...client, snapshot, timers })
  const happenings: Happening[] = []
  for (const effect of effects) {
    if (effect.kind !== 'said') continue
    const { output } = effect
    switch (output.type) {
      case 'send': {
        const { to, avoid } = output
        const message = avoid === null ? output.message : { ...output.message, avoid }
        happenings.push({ type: 'said', from: name, to, message, fate: 'flies' })
        next = withFlying(next, { from: name, to, message })
        break
      }
      case 'answers':
        for (const { seq, outcome } of output.answers) {
          if (!isOfRead(outcome)) next = withOutcome(next, name, seq, outcome)
        }
        break
      default:
        output satisfies never
    }
  }
  const seen = [...happenings, ...moved]
  const isNoted =
    effects.length > 0 || JSON.stringify(snapshot.context) !== JSON.stringify(client.snapshot.context)
  const noted: Happening = { type: 'noted', party: name, actors: isNoted ? [{ client: name }] : [] }
  return { state: next, happenings: seen.length > 0 ? seen : [noted], facts: [] }
}

function timersAfter(
  timers: readonly ClientTimer[],
  effects: readonly Effect<ClientEmitted>[],
  nowMs: number,
): readonly ClientTimer[] {
  let left = timers
  for (const effect of effects) {
    if (effect.kind === 'said') continue
    const { id } = effect
    left = left.filter((timer) => timer.id !== id)
    if (effect.kind === 'timer') left = [...left, { id, dueMs: nowMs + effect.delayMs, event: effect.event }]
  }
  return left
}

/** Replaces the client, or adds it as the newest. */
function withClient(state: ClusterState, client: ClientState): ClusterState {
  const isKnown = state.clients.some(({ name }) => name === client.name)
  if (!isKnown) return { ...state, clients: [...state.clients, client] }
  return { ...state, clients: state.clients.map((other) => (other.name === client.name ? client : other)) }
}

function withOutcome(
  state: ClusterState,
  name: string,
  seq: number,
  outcome: RequestState['outcome'],
): ClusterState {
  const client = clientOf(state, name)
  const requests = client.requests.map((other) => (other.seq === seq ? { ...other, outcome } : other))
  return withClient(state, { ...client, requests })
}
