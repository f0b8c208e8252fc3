/** Checks of the invariants that `request-queue-context.ts`, `held-requests.ts` and `line.ts` state. */
import { type HeldRequests, waitingKey } from './held-requests.ts'
import { type Invariants, isDistinct, isUnchanged } from './invariant.ts'
import { idsOf, lineFault } from './line.ts'
import { isCounted } from './members.ts'
import type { RequestQueueContext } from './request-queue-context.ts'
import { get, keysOf } from './table.ts'

export const requestQueueInvariants: Invariants<RequestQueueContext> = {
  held: (step) => {
    if (isUnchanged(step, 'held', 'members')) return null
    const { held, members, self, incarnation } = step.context
    if (held.count > 0 && !isCounted(members, self, incarnation)) {
      return `it holds ${held.count} requests and is not counted`
    }
    return isUnchanged(step, 'held') ? null : heldFault(held)
  },
  offered: (step) => {
    if (isUnchanged(step, 'held', 'offered')) return null
    const ready = idsOf(step.context.held.ready)
    const gone = step.context.offered.find((id) => !ready.includes(id))
    return gone === undefined ? null : `the proposer has request ${gone}, which is not ready`
  },
}

/** How the invariant of `byId` or of a line is violated; `null` when they hold. */
export function heldFault({ byId, ready, waiting }: HeldRequests): string | null {
  const keys = keysOf(waiting)
  const lines = [ready, ...keys.map((key) => get(waiting, key) ?? [])]
  for (const line of lines) {
    const fault = lineFault(line)
    if (fault !== null) return fault
  }
  const places = lines.flatMap((line, at) => idsOf(line).map((id) => [id, keys[at - 1] ?? null] as const))
  if (!isDistinct(places.map(([id]) => id))) return 'a request is in two lines'
  if (places.length !== keysOf(byId).length) return 'a request is in no line, or is not held'
  for (const [id, key] of places) {
    const entry = get(byId, id)
    if (entry === undefined) return `request ${id} is in a line and is not held`
    const tagged = entry.tag === null ? null : waitingKey(entry.tag.key)
    if (tagged !== key) return `request ${id} is in another line than its tag says`
  }
  return null
}
