/** One event at one server of a cluster: `applyNode` executes the event, and the messages that the node sends are put in flight. */
import type { AnyMachineSnapshot } from 'xstate'
import type { NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { stateName } from '../core/chart-names.ts'
import type { SentMessage } from '../core/driver.ts'
import type { Fact } from '../core/facts.ts'
import { clientName } from '../core/names.ts'
import type { NodeEvent } from '../core/node-event.ts'
import { roleNames } from '../core/roles.ts'
import { applyNode } from '../stepped/apply.ts'
import { type Disk, unsyncedWrites } from '../stepped/disk.ts'
import type { NodeSettings, Stepper } from '../stepped/settings.ts'
import type { NodeState, NodeStep } from '../stepped/state.ts'
import {
  type ClusterSettings,
  type ClusterState,
  isCut,
  type ServerState,
  serverOf,
  withFlying,
} from './cluster.ts'
import type { ClusterStep, Happening } from './events.ts'

/** The cluster after `event` at the server. Throws the errors of `applyNode`. */
export function stepServer(
  state: ClusterState,
  id: NodeId,
  event: NodeEvent,
  settings: ClusterSettings,
): ClusterStep {
  const server = serverOf(state, id)
  const paths = new Paths(server.node)
  const step = applyNode(
    server.node,
    event,
    {
      ...nodeSettings(settings, server),
      stepper: paths.recording(settings.stepper),
    },
    state.nowMs,
  )
  const next = {
    ...server,
    starts: server.starts + (event.type === 'start' ? 1 : 0),
    node: step.state,
    dueMs: dueTimes(server, step.state, state.nowMs),
  }
  const servers = state.servers.map((other) => (other.id === id ? next : other))
  const sent = withSentMessages({ ...state, servers }, server.node.disk, event, step)
  const seen = [...sent.happenings, ...paths.moves(id)]
  return {
    state: sent.state,
    happenings: seen.length > 0 ? seen : [noted(id, server.node, step.state)],
    facts: step.facts,
  }
}

/** The happening of an event that sent no message and changed no state. */
function noted(server: NodeId, before: NodeState, after: NodeState): Happening {
  const contextOf = ({ running }: NodeState, role: RoleName) => JSON.stringify(running?.roles[role].context)
  const roles = roleNames.filter((role) => contextOf(before, role) !== contextOf(after, role))
  return { type: 'noted', party: server, actors: roles.map((role) => ({ server, role })) }
}

function nodeSettings(settings: ClusterSettings, { id, incarnation }: ServerState): NodeSettings {
  const { timing, limits, replicas, machines, stepper, nodeRules, elapsedRules, auditRules, digestEvery } =
    settings
  const roles = { machines, stepper, nodeRules, elapsedRules, auditRules }
  return { self: id, incarnation, timing, limits, replicas, digestEvery, ...roles }
}

/** The due times of the timers of `next`. A timer that was armed before is still the same object. */
function dueTimes({ node, dueMs }: ServerState, next: NodeState, nowMs: number): readonly number[] {
  const before = node.running?.timers ?? []
  return (next.running?.timers ?? []).map((timer) => dueMs[before.indexOf(timer)] ?? nowMs + timer.delayMs)
}

/** Puts the sent messages in flight, in the order in which they were sent. */
function withSentMessages(
  state: ClusterState,
  disk: Disk,
  event: NodeEvent,
  { sends, facts }: NodeStep,
): { readonly state: ClusterState; readonly happenings: readonly Happening[] } {
  const happenings: Happening[] = []
  let next = state
  for (const fact of facts) {
    // The answers that follow say the same.
    if (fact.type === 'recalled') continue
    const happening = happeningOf(fact, state, disk, event, sends)
    happenings.push(happening)
    if (happening.type !== 'said' || happening.fate !== 'flies') continue
    const { from, to, message, names } = happening
    next = withFlying(next, { from, to, message, ...(names !== undefined && { names }) })
  }
  return { state: next, happenings }
}

function happeningOf(
  fact: Exclude<Fact, { type: 'recalled' }>,
  state: ClusterState,
  disk: Disk,
  event: NodeEvent,
  sends: readonly SentMessage[],
): Happening {
  switch (fact.type) {
    case 'said': {
      const { node: from, to, message } = fact
      const sent = sends.find((send) => send.to === to && send.message === message)
      const fate = from === to ? 'own' : sent !== undefined && !isCut(state, from, to) ? 'flies' : 'lost'
      return { type: 'said', from, to, message, fate, ...(sent !== undefined && { names: sent.names }) }
    }
    case 'responded': {
      const { node: from, to, message } = fact
      return { type: 'said', from, to: clientName(to), message, fate: 'flies' }
    }
    case 'executed':
      return { type: 'executed', server: fact.node, batch: fact.batch, execution: fact.execution }
    case 'stored':
    case 'installed':
      return { type: fact.type, server: fact.node, snapshot: fact.snapshot }
    case 'synced':
      return { type: 'synced', server: fact.node, before: disk.durable, durable: fact.durable }
    case 'started':
      return { type: 'started', server: fact.node, durable: fact.durable }
    case 'crashed': {
      const survived = 'survived' in event ? event.survived : 0
      return { type: 'crashed', server: fact.node, lost: unsyncedWrites(disk) - survived }
    }
    case 'requested':
    case 'read.asked':
      throw new Error('a server reported what only clients do: that they send requests or reads')
  }
  fact satisfies never
}

/** Records the states that each role goes through. One event may move several roles, and one role several times. */
class Paths {
  readonly #paths = new Map<string, string[]>()

  constructor({ running }: NodeState) {
    if (running === null) return
    for (const role of roleNames) this.#visit(role, running.roles[role])
  }

  /** Wraps `stepper` to record the states. */
  recording(stepper: Stepper): Stepper {
    return {
      start: (machine, input) => {
        const step = stepper.start(machine, input)
        this.#visit(machine.id, step.snapshot)
        return step
      },
      step: (machine, snapshot, event) => {
        const step = stepper.step(machine, snapshot, event)
        this.#visit(machine.id, step.snapshot)
        return step
      },
    }
  }

  /** The roles that moved, in the order of `roleNames`. */
  moves(server: NodeId): Happening[] {
    return roleNames.flatMap((role) => {
      const path = this.#paths.get(role) ?? []
      return path.length > 1 ? [{ type: 'moved' as const, actor: { server, role }, path }] : []
    })
  }

  #visit(role: string, snapshot: AnyMachineSnapshot): void {
    const path = this.#paths.get(role) ?? []
    const name = stateName(snapshot.value)
    if (path.at(-1) !== name) path.push(name)
    this.#paths.set(role, path)
  }
}
