/** One fixed order of events, in which a cluster comes to rest when nobody interferes. */

import { stateName } from '../core/chart-names.ts'
import type { ClusterState } from './cluster.ts'
import type { ClusterEvent } from './events.ts'
import { timersOf } from './possible.ts'

/**
 * The next event of that order, or `null` when the cluster is at rest: first every sync that is under way, then the
 * datagram that has flown longest, and then, only `withTimers`, the timer that is due next. A client whose request is held
 * by a server asks again for as long as it waits, so a cluster in which nothing else goes on is at rest.
 */
export function nextInOrder(
  state: ClusterState,
  { withTimers }: { withTimers: boolean },
): ClusterEvent | null {
  const syncing = state.servers.find(({ node }) => node.running !== null && node.disk.syncing.length > 0)
  if (syncing !== undefined) return { type: 'sync', server: syncing.id }
  const [datagram] = state.flying
  if (datagram !== undefined) return { type: 'deliver', flight: datagram.id }
  if (!withTimers || !somebodyIsAtWork(state)) return null
  return timersOf(state)[0]?.event ?? null
}

/** A server waits for an answer, or a client knows of no server that holds its request. */
function somebodyIsAtWork({ servers, clients }: ClusterState): boolean {
  const isAtWork = servers.some(({ node }) => (node.running?.timers ?? []).length > 0)
  return (
    isAtWork ||
    clients.some(({ requests }) =>
      requests.some(
        ({ timers, snapshot }) => timers.length > 0 && !stateName(snapshot.value).startsWith('waiting'),
      ),
    )
  )
}
