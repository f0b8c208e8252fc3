/** One fixed order of events, in which a cluster becomes idle without interference. */

import { stateName } from '../core/chart-names.ts'
import type { ClusterState } from './cluster.ts'
import type { ClusterEvent } from './events.ts'
import { timersOf } from './possible.ts'

/**
 * The next event of that order, or `null` when the cluster is idle: first every sync in progress, then the datagram that has been in
 * flight longest, then, only `withTimers`, the timer that is due next. A client whose requests are held by a server asks for them
 * again as long as it waits. A cluster without other activity counts as idle.
 */
export function nextInOrder(
  state: ClusterState,
  { withTimers }: { withTimers: boolean },
): ClusterEvent | null {
  const syncing = state.servers.find(({ node }) => node.running !== null && node.disk.syncing.length > 0)
  if (syncing !== undefined) return { type: 'sync', server: syncing.id }
  const [datagram] = state.flying
  if (datagram !== undefined) return { type: 'deliver', flight: datagram.id }
  if (!withTimers || !isAtWork(state)) return null
  return timersOf(state)[0]?.event ?? null
}

/** True when a server has an armed timer, or a client knows no server that holds its requests. */
function isAtWork({ servers, clients }: ClusterState): boolean {
  const isAtWork = servers.some(({ node }) => (node.running?.timers ?? []).length > 0)
  return (
    isAtWork ||
    clients.some(({ timers, snapshot }) => timers.length > 0 && stateName(snapshot.value) !== 'waiting')
  )
}
