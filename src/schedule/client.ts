/**
 * Clients of a cluster. The client machine carries each request, and src/core/step.ts executes its steps. So its chart shows retries
 * and failover, as it shows everything else.
 */
import type { Command, NodeId } from '../../machines/batch.ts'
import type { ClientEmitted, ClientEvent } from '../../machines/client.ts'
import type { ServerMessage } from '../../machines/messages.ts'
import { stateName } from '../core/chart-names.ts'
import type { Fact } from '../core/facts.ts'
import { uidOf } from '../core/names.ts'
import type { Effect } from '../core/step.ts'
import {
  type ClientTimer,
  type ClusterSettings,
  type ClusterState,
  type RequestState,
  requestOf,
  withFlying,
} from './cluster.ts'
import type { ClusterStep, Happening } from './events.ts'

/** The client sends its next request, to `server` first. A client with an unknown name is new. */
export function submitRequest(
  state: ClusterState,
  {
    client,
    server,
    command,
  }: { readonly client: string; readonly server: NodeId; readonly command: Command },
  settings: ClusterSettings,
): ClusterStep {
  const requests = state.clients.find(({ name }) => name === client)?.requests ?? []
  const seq = requests.length + 1
  const ackedBelow = requests.find(({ outcome }) => outcome === null)?.seq ?? seq
  const request = { uid: uidOf(client), seq, ackedBelow, command }
  const first = settings.clientStepper.start(settings.clientMachine, {
    timing: settings.clientTiming,
    randomSeed: seq,
  })
  const begun: RequestState = { seq, command, snapshot: first.snapshot, timers: [], outcome: null }
  const { happenings, facts, ...next } = stepRequest(
    withRequest(state, client, begun),
    { client, seq },
    { type: 'request.submitted', request, server, servers: state.servers.length },
    settings,
  )
  const requested: Fact = { type: 'requested', request }
  return { ...next, happenings, facts: [requested, ...facts] }
}

/** A message from a server arrives at a client. A message for no request of the client has no effect. */
export function hearServer(
  state: ClusterState,
  client: string,
  server: NodeId,
  message: ServerMessage,
  settings: ClusterSettings,
): ClusterStep {
  if (!('seq' in message)) return { state, happenings: [], facts: [] }
  return stepRequest(state, { client, seq: message.seq }, { ...message, server }, settings)
}

/** A timer of the machine that carries a request fires. Throws when it is not armed. */
export function fireClientTimer(
  state: ClusterState,
  { client, seq, id }: { readonly client: string; readonly seq: number; readonly id: string },
  settings: ClusterSettings,
): ClusterStep {
  const request = requestOf(state, client, seq)
  const due = request.timers.find((timer) => timer.id === id)
  if (due === undefined) throw new Error(`the client of ${client}#${seq} has no timer ${id}`)
  const timers = request.timers.filter((timer) => timer !== due)
  const at = { ...state, nowMs: Math.max(state.nowMs, due.dueMs) }
  return stepRequest(withRequest(at, client, { ...request, timers }), { client, seq }, due.event, settings)
}

/** Sends `event` to the machine that carries a request. */
export function stepRequest(
  state: ClusterState,
  { client, seq }: { readonly client: string; readonly seq: number },
  event: ClientEvent | ClientTimer['event'],
  settings: ClusterSettings,
): ClusterStep {
  const request = requestOf(state, client, seq)
  const { clientMachine, clientStepper } = settings
  const { snapshot, effects } = clientStepper.step(clientMachine, request.snapshot, event)
  const path = [stateName(request.snapshot.value), stateName(snapshot.value)]
  const timers = timersAfter(request.timers, effects, state.nowMs)
  const moved: Happening[] = path[0] === path[1] ? [] : [{ type: 'moved', actor: { client, seq }, path }]
  let next: RequestState = { ...request, snapshot, timers }
  let sending = state
  const happenings: Happening[] = []
  for (const effect of effects) {
    if (effect.kind !== 'said') continue
    const { output } = effect
    switch (output.type) {
      case 'send': {
        const { to, message } = output
        happenings.push({ type: 'said', from: client, to, message, fate: 'flies' })
        sending = withFlying(sending, { from: client, to, message })
        break
      }
      case 'answer':
        next = { ...next, outcome: output.outcome }
        break
      case 'give.up':
        next = { ...next, outcome: 'given up' }
        break
      default:
        output satisfies never
    }
  }
  const seen = [...happenings, ...moved]
  const isNoted =
    effects.length > 0 || JSON.stringify(snapshot.context) !== JSON.stringify(request.snapshot.context)
  const noted: Happening = { type: 'noted', party: client, actors: isNoted ? [{ client, seq }] : [] }
  return {
    state: withRequest(sending, client, next),
    happenings: seen.length > 0 ? seen : [noted],
    facts: [],
  }
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

/** Replaces the request, or adds it as the newest of the client. */
function withRequest(state: ClusterState, name: string, request: RequestState): ClusterState {
  const client = state.clients.find((other) => other.name === name)
  if (client === undefined) return { ...state, clients: [...state.clients, { name, requests: [request] }] }
  const requests = [
    ...client.requests.slice(0, request.seq - 1),
    request,
    ...client.requests.slice(request.seq),
  ]
  return { ...state, clients: state.clients.map((other) => (other === client ? { name, requests } : other)) }
}
