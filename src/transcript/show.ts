/** The text of the whole cluster that the command `show` prints. */
import type { AcceptorContext } from '../../machines/acceptor.ts'
import type { ClientContext } from '../../machines/client.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import type { SubmittedRequest } from '../../machines/session-requests.ts'
import { delayName, stateName } from '../core/chart-names.ts'
import { requestName, uidOf } from '../core/names.ts'
import { messageText } from '../messages/dictionary.ts'
import { acceptedText, ballotText, membersText } from '../messages/part-texts.ts'
import type { ClientState, ClusterState, ServerState } from '../schedule/cluster.ts'
import { timersOf } from '../schedule/possible.ts'
import { unsyncedWrites } from '../stepped/disk.ts'

/** The time, and a line for each server, each client, each datagram in flight, each timer and each cut. */
export function showCluster(state: ClusterState): readonly string[] {
  return [
    `time ${state.nowMs} ms`,
    ...state.servers.map(serverText),
    ...state.clients.map(clientText),
    ...state.flying.map(({ from, to, message }) => `flying ${from}→${to} ${messageText(message)}`),
    ...timersOf(state).map(({ event }) =>
      event.type === 'timer'
        ? `armed ${event.server} ${event.role}.${delayName(event.id)}`
        : `armed ${event.client} ${delayName(event.id)}`,
    ),
    ...state.cuts.map(({ from, to }) => `cut ${from}→${to}`),
  ]
}

/** `a asking, server 0; asked a#1; held a#2; backlog a#3`. */
function clientText({ name, snapshot }: ClientState): string {
  const { server, requests } = snapshot.context as ClientContext
  const names = (some: readonly SubmittedRequest[]) =>
    some.map(({ seq }) => requestName({ uid: uidOf(name), seq })).join(', ')
  const parts = [
    ['asked', requests.open.filter(({ reaskAtMs }) => reaskAtMs === null)],
    ['held', requests.open.filter(({ reaskAtMs }) => reaskAtMs !== null)],
    ['backlog', requests.backlog],
  ] as const
  return [
    `${name} ${stateName(snapshot.value)}, server ${server}`,
    ...parts.flatMap(([word, some]) => (some.length === 0 ? [] : [`${word} ${names(some)}`])),
  ].join('; ')
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
