/** Batches and messages of held requests. Requests of one session that follow each other form a group, so the order stays. */
import type { Batch, BatchGroup, NodeId, Request, RequestGroup } from './batch.ts'
import { type HeldRequest, type HeldRequests, type HeldSession, requestWith } from './held-requests.ts'
import type { Limits } from './limits.ts'
import { type Line, type Place, placesOf } from './line.ts'
import { firstValues, get } from './table.ts'

/** The bytes of a request's JSON without its command. */
const requestOverheadBytes = 40

/** The bytes of a group's JSON without its uid and its requests. */
const groupOverheadBytes = 80

/** An upper bound for the bytes of `text` in JSON: a control character takes six. */
function jsonBytes(text: string): number {
  let bytes = 0
  for (let place = 0; place < text.length; place += 1) {
    const unit = text.charCodeAt(place)
    const isWritten = unit >= 0x20 && unit !== 0x22 && unit !== 0x5c
    bytes += isWritten ? (unit < 0x80 ? 1 : 3) : 6
  }
  return bytes
}

/** Groups of requests, and the orders of the requests. */
export interface Gathered {
  readonly groups: readonly BatchGroup[]
  readonly orders: readonly number[]
}

/** The requests at `places` in groups: from the first on, within the limits of a batch, but at least one. */
export function gathered(held: HeldRequests, places: readonly Place[], limits: Limits): Gathered {
  const groups: (BatchGroup & { readonly requests: Request[] })[] = []
  const orders: number[] = []
  let group = groups[0]
  let session: HeldSession | undefined
  let bytes = 0
  for (const [order, uid, seq] of places) {
    if (session?.uid !== uid) session = get(held.sessions, uid)
    const entry = requestWith(session?.requests ?? [], seq)
    if (session === undefined || entry === undefined) continue
    const isNext = group !== undefined && group.uid === uid && group.heldBy === entry.heldBy
    const groupBytes = isNext ? 0 : jsonBytes(uid) + groupOverheadBytes
    bytes += entry.commandBytes + requestOverheadBytes + groupBytes
    if (orders.length > 0 && bytes > limits.batchBytes) break
    if (group === undefined || !isNext) {
      group = { uid, ackedBelow: session.ackedBelow, heldBy: entry.heldBy, requests: [] }
      groups.push(group)
    }
    group.requests.push({ seq, command: entry.command })
    orders.push(order)
    if (orders.length >= limits.batchRequests) break
  }
  return { groups, orders }
}

/** The next batch: ready requests in order, and their orders. The time that the batch adds is set later. */
export function nextBatch(
  held: HeldRequests,
  node: NodeId,
  limits: Limits,
): { readonly batch: Batch; readonly orders: readonly number[] } {
  const { groups, orders } = gathered(held, placesOf(held.ready, Math.max(1, limits.batchRequests)), limits)
  return { batch: { node, elapsedMs: 0, groups }, orders }
}

/** The requests of `line`, in order. */
export function requestsIn(held: HeldRequests, line: Line): HeldRequest[] {
  let session: HeldSession | undefined
  return placesOf(line).flatMap(([, uid, seq]) => {
    if (session?.uid !== uid) session = get(held.sessions, uid)
    return requestWith(session?.requests ?? [], seq) ?? []
  })
}

/** All held requests, by session. */
export function heldGroups({ sessions }: HeldRequests): RequestGroup[] {
  return firstValues(sessions, Number.POSITIVE_INFINITY).map(({ uid, ackedBelow, requests }) => ({
    uid,
    ackedBelow,
    requests: requests.map(({ seq, command }) => ({ seq, command })),
  }))
}
