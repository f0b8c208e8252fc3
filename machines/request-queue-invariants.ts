/** Checks of the invariants that `request-queue-context.ts`, `held-requests.ts` and `line.ts` state. */
import { emptyRecord } from './empty-record.ts'
import { mayGoTo } from './hand-over.ts'
import { requestsIn } from './held-groups.ts'
import { allHeld, type HeldRequest, type HeldRequests, requestId, waitingKey } from './held-requests.ts'
import { type Invariants, isDistinct, isUnchanged } from './invariant.ts'
import { type Line, lineFault, placesOf } from './line.ts'
import { isCounted } from './members.ts'
import type { RequestQueueContext } from './request-queue-context.ts'
import { get, keysOf } from './table.ts'
import { leaderPatience } from './timing.ts'

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
    const ready = new Set(placesOf(step.context.held.ready).map(([order]) => order))
    const gone = step.context.offered.find((order) => !ready.has(order))
    return gone === undefined ? null : `the proposer has the request of order ${gone}, which is not ready`
  },
  leader: (step) => {
    if (isUnchanged(step, 'held', 'leader')) return null
    const { held, leader, self } = step.context
    const astray = requestsIn(held, held.handedOver).find(
      (request) => leader === null || !mayGoTo(leader, self, request),
    )
    if (astray === undefined) return null
    return `request ${requestId(astray)} is handed over to server ${leader}, which must not receive it`
  },
  silentMs: ({ context }) =>
    context.silentMs === 0 || context.silentMs < leaderPatience(context)
      ? null
      : `the leader has been silent for ${context.silentMs} ms`,
}

/** How the invariant of the sessions or of a line is violated; `null` when they hold. */
export function heldFault(held: HeldRequests): string | null {
  const lines: readonly (readonly [name: string, Line])[] = [
    ['ready', held.ready],
    ['handedOver', held.handedOver],
    ...keysOf(held.waiting).map((key): [string, Line] => [key, get(held.waiting, key) ?? []]),
  ]
  const lineOf = emptyRecord<string>()
  let count = 0
  for (const [name, line] of lines) {
    const fault = lineFault(line)
    if (fault !== null) return fault
    for (const [order, uid, seq] of placesOf(line)) {
      const id = requestId({ uid, seq })
      if (lineOf[id] !== undefined) return `request ${id} is in two lines`
      lineOf[id] = `${name} ${order}`
      count += 1
    }
  }
  const all = allHeld(held)
  if (all.length !== count || all.length !== held.count) {
    return 'a request is in no line, or is not held, or is not counted'
  }
  for (const request of all) {
    const id = requestId(request)
    if (request.tag !== null && request.replyTo === null) {
      return `request ${id} is kept as delayed, and another server holds it`
    }
    if (lineOf[id] !== `${expectedLine(request)} ${request.order}`) {
      return `request ${id} is in another line than its state says`
    }
  }
  return sessionFault(held)
}

function expectedLine({ tag, handed }: HeldRequest): string {
  if (tag !== null) return waitingKey(tag.key)
  return handed === null ? 'ready' : 'handedOver'
}

function sessionFault({ sessions }: HeldRequests): string | null {
  for (const uid of keysOf(sessions)) {
    const { requests } = get(sessions, uid) ?? { requests: [] }
    if (requests.length === 0) return `the session ${uid} holds no request`
    const seqs = requests.map(({ seq }) => seq)
    if (!isDistinct(seqs) || seqs.some((seq, place) => seq < (seqs[place - 1] ?? 0))) {
      return `the requests of the session ${uid} are not in order of seq`
    }
  }
  return null
}
