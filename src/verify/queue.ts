/** Invariant 9: a request queue holds each request that it has taken, delayed or not, until the request has ended. */
import type { NodeId } from '../../machines/batch.ts'
import { allHeld, heldRequest, isDelayedFull, requestId } from '../../machines/held-requests.ts'
import { isCounted } from '../../machines/members.ts'
import type { RequestOutcome } from '../../machines/outcome.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import { heldFault } from '../../machines/request-queue-invariants.ts'
import type { Fact } from '../core/facts.ts'
import { Violation } from '../core/violation.ts'

/** How requests ended, or were delayed, at the server of these facts. */
export function outcomesIn(facts: readonly Fact[]): readonly RequestOutcome[] {
  return facts.flatMap((fact) => {
    if (fact.type === 'executed') return fact.execution.outcomes
    return fact.type === 'recalled' ? fact.ended : []
  })
}

/**
 * Compares the request queue of a server before and after an event at that server. `outcomes` are those that its replica showed
 * during the event. Throws a `Violation` of invariant 9 when the queue dropped a request that has not ended, or when a held
 * request is in no line, or in the wrong one. A crash needs no call: it ends the queue. Costs nothing when the queue did not change.
 */
export function checkQueue(
  node: NodeId,
  before: RequestQueueContext,
  after: RequestQueueContext,
  outcomes: readonly RequestOutcome[],
): void {
  if (before.held === after.held) return
  // A server that is no longer counted refers its clients to other servers.
  if (!isCounted(after.members, after.self, after.incarnation)) return
  checkNothingIsForgotten(node, before, after, outcomes)
  checkEachHasItsPlace(node, after)
}

function checkNothingIsForgotten(
  node: NodeId,
  before: RequestQueueContext,
  after: RequestQueueContext,
  outcomes: readonly RequestOutcome[],
): void {
  const ended = new Set<string>()
  const delayed = new Set<string>()
  for (const outcome of outcomes) {
    if (outcome.outcome.kind === 'delayed') delayed.add(requestId(outcome))
    else ended.add(requestId(outcome))
  }
  // When the queue has no room for another delayed request, it asks the client to retry.
  const isFull = isDelayedFull(after.held, after.limits)
  for (const request of allHeld(before.held)) {
    const id = requestId(request)
    if (ended.has(id) || heldRequest(after.held, request) !== undefined) continue
    // A delayed request is kept by the server that holds it for its client.
    if (delayed.has(id) && (isFull || request.replyTo === null)) continue
    throw new Violation(9, `server ${node} no longer holds the request ${id}, which has not ended`)
  }
}

function checkEachHasItsPlace(node: NodeId, { held }: RequestQueueContext): void {
  const fault = heldFault(held)
  if (fault !== null) throw new Violation(9, `at server ${node}: ${fault}`)
}
