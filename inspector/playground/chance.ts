/** Chooses the next event by chance. The choice is the same for the same seed and the same place of a schedule. */
import type { Json } from '../../machines/batch.ts'
import { serverAskedBy } from '../../src/schedule/client.ts'
import type { ClusterState } from '../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { timersOf } from '../../src/schedule/possible.ts'
import { nextInOrder } from '../../src/schedule/settle.ts'
import type { KnownService } from '../../src/services/known.ts'
import type { KvCommand } from '../../src/services/kv/commands.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import { Random, seedFor } from '../../src/simulator/random.ts'
import { unsyncedWrites } from '../../src/stepped/disk.ts'
import type { Point } from './session.ts'

/** How often each event happens, in percent of the events at which it can. */
export interface Odds {
  /** Of a message that would arrive. */
  readonly drop: number
  readonly duplicate: number
  readonly crash: number
  /** Of a server that is down. */
  readonly restart: number
  /** The next timer fires although other events are possible. */
  readonly timer: number
  /** A client sends a request. */
  readonly request: number
}

export const usualOdds: Odds = { drop: 5, duplicate: 3, crash: 1, restart: 20, timer: 4, request: 3 }

const clients = ['a', 'b', 'c']
const names = ['x', 'y']

/** The event that chance chooses at that point of a schedule; `null` when no event is left. */
export function drawnEvent(
  { state, depth }: Pick<Point, 'state' | 'depth'>,
  service: KnownService,
  seed: number,
  odds: Odds,
): ClusterEvent | null {
  const random = new Random(seedFor(seed, `event ${depth}`))
  const down = state.servers.filter(({ node }) => node.running === null)
  if (down.length > 0 && random.chance(odds.restart)) return { type: 'restart', server: random.pick(down).id }
  const up = state.servers.filter(({ node }) => node.running !== null)
  if (up.length > 0 && random.chance(odds.crash)) {
    const { id, node } = random.pick(up)
    return { type: 'crash', server: id, survived: random.between(0, unsyncedWrites(node.disk)) }
  }
  if (up.length > 0 && random.chance(odds.request)) return request(state, service, random)
  const [timer] = timersOf(state)
  if (timer !== undefined && random.chance(odds.timer)) return timer.event
  const brought: ClusterEvent[] = [
    ...up
      .filter(({ node }) => node.disk.syncing.length > 0)
      .map(({ id }) => ({ type: 'sync' as const, server: id })),
    ...state.flying.map(({ id }) => ({ type: 'deliver' as const, flight: id })),
  ]
  if (brought.length === 0) {
    const next = nextInOrder(state, { withTimers: true })
    if (next !== null) return next
    // The cluster is idle: only an event from outside continues.
    if (down.length > 0 && odds.restart > 0) return { type: 'restart', server: random.pick(down).id }
    return odds.request > 0 ? request(state, service, random) : null
  }
  const event = random.pick(brought)
  if (event.type !== 'deliver') return event
  if (random.chance(odds.drop)) return { ...event, type: 'drop' }
  if (random.chance(odds.duplicate)) return { ...event, type: 'duplicate' }
  return event
}

/**
 * A client without an open request sends one that may have to wait. When all wait, a client sends the request that they wait for.
 */
function request(state: ClusterState, service: KnownService, random: Random): ClusterEvent {
  const isFree = (client: string) =>
    (state.clients.find(({ name }) => name === client)?.requests ?? []).every(
      ({ outcome }) => outcome !== null,
    )
  const free = clients.filter(isFree)
  const client = random.pick(free.length > 0 ? free : clients)
  const waits = free.length > 0 && random.chance(60)
  const name = random.pick(names)
  const body: Json =
    service === 'lock'
      ? waits
        ? lockCommand(name)
        : unlockCommand(name)
      : waits
        ? ({ action: 'take', key: name } satisfies KvCommand)
        : ({ action: 'put', key: name, value: random.below(100) } satisfies KvCommand)
  const server = serverAskedBy(state, client) ?? random.pick(state.servers).id
  return { type: 'request', client, server, command: { kind: 'service', body } }
}
