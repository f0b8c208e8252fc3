/** Invariant 9: what a request queue has taken, delayed or not, it holds until it has ended. */
import type { NodeId } from '../../machines/batch.ts'
import { isDelayedFull, requestId } from '../../machines/held-requests.ts'
import { emptyLine, idsOf } from '../../machines/line.ts'
import { isCounted } from '../../machines/members.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import { get, keysOf } from '../../machines/table.ts'
import { Violation } from '../core/violation.ts'

/**
 * Compares the request queue of a server before and after something happened to that server; `executions` are what its
 * replica executed meanwhile. Throws a `Violation` of invariant 9 when a request is no longer held that has not ended, or is
 * held and neither to be proposed nor waiting. A crash needs no call: it ends a queue. Costs nothing where nothing changed.
 */
export function checkQueue(
  node: NodeId,
  before: RequestQueueContext,
  after: RequestQueueContext,
  executions: readonly Execution[],
): void {
  if (before.held === after.held) return
  // A server that is no longer counted sends its clients elsewhere.
  if (!isCounted(after.members, after.self, after.incarnation)) return
  checkNothingIsForgotten(node, before, after, executions)
  checkEachHasItsPlace(node, after)
}

function checkNothingIsForgotten(
  node: NodeId,
  before: RequestQueueContext,
  after: RequestQueueContext,
  executions: readonly Execution[],
): void {
  const ended = new Set<string>()
  const delayed = new Set<string>()
  for (const { outcomes } of executions) {
    for (const outcome of outcomes) {
      if (outcome.outcome.kind === 'delayed') delayed.add(requestId(outcome))
      else ended.add(requestId(outcome))
    }
  }
  // Where there is no room for another delayed request, its client is told to come back.
  const isFull = isDelayedFull(after.held, after.limits)
  for (const id of keysOf(before.held.byId)) {
    if (ended.has(id) || get(after.held.byId, id) !== undefined) continue
    if (isFull && delayed.has(id)) continue
    throw new Violation(9, `server ${node} no longer holds the request ${id}, which has not ended`)
  }
}

function checkEachHasItsPlace(node: NodeId, { held }: RequestQueueContext): void {
  const ready = new Set(idsOf(held.ready))
  const waiting = new Set(keysOf(held.waiting).flatMap((key) => idsOf(get(held.waiting, key) ?? emptyLine)))
  for (const id of keysOf(held.byId)) {
    const isDelayed = get(held.byId, id)?.tag !== null
    if (waiting.has(id) === isDelayed && ready.has(id) !== isDelayed) continue
    const what = isDelayed ? 'delayed and does not wait' : 'to be proposed and does not stand in the line'
    throw new Violation(9, `at server ${node} the request ${id} is ${what}`)
  }
}
