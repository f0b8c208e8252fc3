/** How a request queue hands requests over to the leader. */
import type { BatchGroup, NodeId, RequestGroup } from './batch.ts'
import { gathered, requestsIn } from './held-groups.ts'
import { type HeldRequest, type HeldRequests, placeOf, withAllChanged } from './held-requests.ts'
import type { Limits } from './limits.ts'
import { emptyLine, type Line, withoutOrders, withPlaces } from './line.ts'
import { countedMembers, type Member } from './members.ts'
import type { HandOver } from './messages.ts'

/** The most requests that are sent to the leader at once. The rest follows in the next round. */
const mostAtOnce = 1_024

/** The leader, when it is another counted server; otherwise `null`. */
export function otherLeader({
  leader,
  self,
  members,
}: {
  readonly leader: NodeId | null
  readonly self: NodeId
  readonly members: readonly Member[]
}): NodeId | null {
  return leader === null || leader === self || !countedMembers(members).includes(leader) ? null : leader
}

/**
 * True when the request may be handed over to `leader`: this server holds it for its client, and the client has not just left
 * `leader`. A request that was handed over is never handed on.
 */
export function mayGoTo(leader: NodeId, self: NodeId, request: HeldRequest): boolean {
  return request.heldBy === self && request.avoid !== leader
}

/** The ready requests that may be handed over to `leader`. The `offered` ones, by their orders, are in a batch of the proposer. */
export function handable(
  held: HeldRequests,
  { leader, self, offered }: { leader: NodeId; self: NodeId; offered: readonly number[] },
): HeldRequest[] {
  const isOffered = new Set(offered)
  return requestsIn(held, held.ready).filter(
    (request) => mayGoTo(leader, self, request) && !isOffered.has(request.order),
  )
}

/** Changed requests, and the messages that hand them over. */
export interface HandingOver {
  readonly held: HeldRequests
  readonly messages: readonly HandOver[]
}

/** Hands ready requests over in `round`, at the time `atMs`. */
export function handedOver(
  held: HeldRequests,
  requests: readonly HeldRequest[],
  { round, atMs, limits }: { round: number; atMs: number | null; limits: Limits },
): HandingOver {
  const marked = requests.map((request, place): HeldRequest => {
    const isSent = place < mostAtOnce
    return { ...request, handed: { round: isSent ? round : round - 1, atMs: isSent ? atMs : null } }
  })
  const moved = {
    ...withAllChanged(held, marked),
    ready: withoutOrders(held.ready, new Set(marked.map(({ order }) => order))),
    handedOver: withPlaces(held.handedOver, marked.map(placeOf)),
  }
  return { held: moved, messages: messagesOf(moved, marked.slice(0, mostAtOnce), limits) }
}

/** Hands over again, in `round`, what was handed over before. */
export function handedOverAgain(held: HeldRequests, round: number, limits: Limits): HandingOver {
  const again = requestsIn(held, held.handedOver)
    .filter(({ handed }) => handed !== null && handed.round < round)
    .slice(0, mostAtOnce)
    .map((request): HeldRequest => ({ ...request, handed: { round, atMs: null } }))
  return { held: withAllChanged(held, again), messages: messagesOf(held, again, limits) }
}

/** Takes the handed over requests back, or those that `isTaken` accepts: they are to be proposed here, or by another leader. */
export function takenBack(
  held: HeldRequests,
  isTaken: (request: HeldRequest) => boolean = () => true,
): HeldRequests {
  const back = requestsIn(held, held.handedOver).filter(isTaken)
  if (back.length === 0) return held
  const places = back.map(placeOf)
  return {
    ...withAllChanged(
      held,
      back.map((request) => ({ ...request, handed: null })),
    ),
    ready: places.reduce<Line>((line, place) => withPlaces(line, [place]), held.ready),
    handedOver:
      back.length === held.count
        ? emptyLine
        : withoutOrders(held.handedOver, new Set(places.map(([order]) => order))),
  }
}

/** The messages that carry `requests`, each within the limits of a batch. */
function messagesOf(
  held: HeldRequests,
  requests: readonly HeldRequest[],
  limits: Limits,
): readonly HandOver[] {
  const messages: HandOver[] = []
  let places = requests.map(placeOf)
  while (places.length > 0) {
    const { groups, orders } = gathered(held, places, limits)
    if (orders.length === 0) break
    messages.push({ type: 'handOver', groups: groups.map(withoutHolder) })
    places = places.slice(orders.length)
  }
  return messages
}

/** The sender of the message holds the requests. */
function withoutHolder({ uid, ackedBelow, requests }: BatchGroup): RequestGroup {
  return { uid, ackedBelow, requests }
}
