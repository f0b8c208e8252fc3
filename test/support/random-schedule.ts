/** Schedules of chance: which of all that can happen to a cluster happens next is drawn, with weights, from a seed. */
import type { Command, NodeId } from '../../machines/batch.ts'
import { drawRandom } from '../../machines/random.ts'
import { applyEvent, foundCluster } from '../../src/schedule/apply.ts'
import { serverAskedBy } from '../../src/schedule/client.ts'
import type { ClusterSettings, ClusterState } from '../../src/schedule/cluster.ts'
import type { ClusterEvent, ClusterStep } from '../../src/schedule/events.ts'
import { possibleEvents } from '../../src/schedule/possible.ts'

/** How often each is drawn, when it can happen. What is not named is never drawn. */
const weights: Partial<Record<ClusterEvent['type'], number>> = {
  deliver: 100,
  sync: 30,
  request: 12,
  timer: 8,
  'client.timer': 4,
  restart: 8,
  drop: 5,
  duplicate: 4,
  resend: 2,
  crash: 2,
  'sync.failed': 1,
  'give.up': 1,
  join: 1,
}

export interface Schedule {
  readonly seed: number
  readonly events: number
  readonly settings: ClusterSettings
  readonly clients: number
  /** The command that a client asks for next, by a number from 0 to 1. */
  readonly command: (random: number) => Command
  /** Is given each event and what came of it, `null` for the founding. */
  readonly watch: (event: ClusterEvent | null, before: ClusterState, step: ClusterStep) => void
}

/** Runs a schedule. A client asks for one thing at a time. A server that has joined anew greets another, and has its old self removed and itself admitted. */
export function runRandomSchedule(schedule: Schedule): void {
  const { settings, command, watch } = schedule
  let { seed } = schedule
  const random = () => {
    const drawn = drawRandom(seed)
    seed = drawn.seed
    return drawn.value
  }
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
  const founded = foundCluster(settings)
  watch(null, founded.state, founded)
  let { state } = founded
  const happen = (event: ClusterEvent) => {
    const step = applyEvent(state, event, settings)
    watch(event, state, step)
    state = step.state
  }

  for (let count = 0; count < schedule.events; count += 1) {
    const possible = [...possibleEvents(state), ...others(state)]
    const types = [...new Set(possible.map(({ type }) => type))]
    const total = types.reduce((sum, type) => sum + (weights[type] ?? 0), 0)
    let left = random() * total
    const type = types.find((candidate) => {
      left -= weights[candidate] ?? 0
      return left < 0
    })
    if (type === undefined) continue
    const event = pick(possible.filter((candidate) => candidate.type === type))
    happen(event.type === 'request' ? { ...event, command: command(random()) } : event)
    if (event.type === 'join') enter(event.server)
  }

  function others({ servers, clients }: ClusterState): ClusterEvent[] {
    const open = clients.flatMap(({ name: client, requests }) =>
      requests.filter(({ outcome }) => outcome === null).map(({ seq }) => ({ client, seq })),
    )
    const names = Array.from({ length: schedule.clients }, (_, client) => letter('a', client))
    const idle = names.filter((name) => open.every(({ client }) => client !== name))
    return [
      ...idle.flatMap((client) =>
        servers.map(
          ({ id: server }): ClusterEvent => ({ type: 'request', client, server, command: command(0) }),
        ),
      ),
      ...open.map((request): ClusterEvent => ({ type: 'give.up', ...request })),
      ...open.flatMap((request) =>
        servers.map(({ id: server }): ClusterEvent => ({ type: 'resend', ...request, server })),
      ),
      ...servers
        .filter(({ node }) => node.running === null)
        .map(({ id: server }): ClusterEvent => ({ type: 'join', server })),
    ]
  }

  function enter(id: NodeId): void {
    const via = state.servers.find((server) => server.id !== id && server.node.running !== null)?.id
    if (via === undefined) return
    happen({ type: 'greet', server: id, via })
    const address = settings.founders[id]?.address ?? ''
    const { incarnation } = state.servers[id] ?? { incarnation: '' }
    // The sessions of letters are open.
    const operator = letter('o', id)
    const ask = (change: Extract<Command, { kind: 'members' }>['change']) =>
      happen({
        type: 'request',
        client: operator,
        server: serverAskedBy(state, operator) ?? via,
        command: { kind: 'members', change },
      })
    ask({ action: 'remove', id })
    ask({ action: 'admit', id, address, incarnation })
  }
}

/** The letter that comes `places` after `first`. */
function letter(first: string, places: number): string {
  return String.fromCharCode(first.charCodeAt(0) + places)
}
