/** The events that can happen next in a cluster. */
import { unsyncedWrites } from '../stepped/disk.ts'
import type { ClusterState, ServerState } from './cluster.ts'
import type { ClusterEvent } from './events.ts'

/**
 * Every possible next event of the network, the disks, the timers, and every crash and restart. Requests, cuts and joins are not
 * included: there are infinitely many.
 */
export function possibleEvents(state: ClusterState): ClusterEvent[] {
  return [
    ...state.flying.flatMap(({ id: flight }): ClusterEvent[] => [
      { type: 'deliver', flight },
      { type: 'drop', flight },
      { type: 'duplicate', flight },
    ]),
    ...state.servers.flatMap(atServer),
    ...timersOf(state).map(({ event }) => event),
  ]
}

function atServer({ id: server, node: { disk, running } }: ServerState): ClusterEvent[] {
  if (running === null) return [{ type: 'restart', server }]
  const survivors = Array.from({ length: unsyncedWrites(disk) + 1 }, (_, survived) => survived)
  const syncing = disk.syncing.length > 0
  return [
    ...(syncing ? [{ type: 'sync' as const, server }] : []),
    ...survivors.map((survived): ClusterEvent => ({ type: 'crash', server, survived })),
    ...(syncing
      ? survivors.map((survived): ClusterEvent => ({ type: 'sync.failed', server, survived }))
      : []),
  ]
}

/** An armed timer. */
export interface Due {
  readonly dueMs: number
  readonly event: Extract<ClusterEvent, { type: 'timer' | 'client.timer' }>
}

/** Every armed timer, in the order of due times. Timers of servers come before timers of clients with the same due time. */
export function timersOf({ servers, clients }: ClusterState): Due[] {
  const atServers = servers.flatMap(({ id: server, node, dueMs }) =>
    (node.running?.timers ?? []).map(({ role, id }, place): Due => {
      return { dueMs: dueMs[place] ?? 0, event: { type: 'timer', server, role, id } }
    }),
  )
  const atClients = clients.flatMap(({ name: client, timers }) =>
    timers.map(({ id, dueMs }): Due => ({ dueMs, event: { type: 'client.timer', client, id } })),
  )
  return [...atServers, ...atClients].sort((a, b) => a.dueMs - b.dueMs)
}
