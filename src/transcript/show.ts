/** The text of the whole cluster that the command `show` prints. */
import type { AcceptorContext } from '../../machines/acceptor.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import { delayName, stateName } from '../core/chart-names.ts'
import { requestName, uidOf } from '../core/names.ts'
import { messageText } from '../messages/dictionary.ts'
import { acceptedText, ballotText, membersText } from '../messages/part-texts.ts'
import type { ClusterState, ServerState } from '../schedule/cluster.ts'
import { timersOf } from '../schedule/possible.ts'
import { unsyncedWrites } from '../stepped/disk.ts'

/** A line for each server, each open request, each datagram in flight, each timer and each cut. */
export function showCluster(state: ClusterState): readonly string[] {
  return [
    ...state.servers.map(serverText),
    ...state.clients.flatMap(({ name, requests }) =>
      requests.map(
        ({ seq, snapshot }) => `${requestName({ uid: uidOf(name), seq })} ${stateName(snapshot.value)}`,
      ),
    ),
    ...state.flying.map(({ from, to, message }) => `flying ${from}→${to} ${messageText(message)}`),
    ...timersOf(state).map(({ event }) =>
      event.type === 'timer'
        ? `armed ${event.server} ${event.role}.${delayName(event.id)}`
        : `armed ${event.client}#${event.seq} ${delayName(event.id)}`,
    ),
    ...state.cuts.map(({ from, to }) => `cut ${from}→${to}`),
  ]
}

function serverText({ id, node: { disk, running } }: ServerState): string {
  if (running === null) return `${id} is down`
  const { acceptor, proposer, learner, requestQueue } = running.roles
  const { promised, accepted } = acceptor.context as AcceptorContext
  const { ballot } = proposer.context as ProposerContext
  const unsynced = unsyncedWrites(disk)
  return [
    `${id} acceptor ${stateName(acceptor.value)}, promised ${ballotText(promised)}, ${acceptedText(accepted)}`,
    `proposer ${stateName(proposer.value)}${proposer.value === 'idle' ? '' : ` ${ballotText(ballot)}`}`,
    `learner ${stateName(learner.value)}, all chosen below ${learner.context.firstUnchosen}`,
    `queue ${stateName(requestQueue.value)}`,
    `members ${membersText(running.replica.members)}`,
    ...(unsynced === 0 ? [] : [`${unsynced} writes not synced`]),
  ].join('; ')
}
