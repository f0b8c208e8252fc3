/** The requests of a request queue, and pure functions that return changed copies. */
import type { Address, Batch, NodeId, Request } from './batch.ts'
import type { RequestQueueEvent } from './inbox.ts'
import type { Limits } from './limits.ts'
import { emptyLine, firstOf, idsOf, type Line, withId, withoutOrders } from './line.ts'
import type { Execution, Outcome, RequestOutcome } from './outcome.ts'
import { drop, emptyTable, get, put, type Table } from './table.ts'

/** A request, with the data for its answer. */
export interface HeldRequest {
  readonly request: Request
  /** The address of the last repetition. */
  readonly replyTo: Address
  /** For display only: no decision depends on it. */
  readonly receivedAtMs: number
  readonly commandBytes: number
  /** Place in the order of arrival. */
  readonly order: number
  /** The key that it waits for; `null` while it is to be proposed. */
  readonly tag: { readonly key: string | null } | null
  /** True when it was delayed before: its client knows. */
  readonly wasDelayed: boolean
  /** The released key that woke it. */
  readonly wokenBy: string | null
}

export interface HeldRequests {
  /** By request id. Invariant: each id is in `ready` or, when tagged, in `waiting`, and nowhere else. */
  readonly byId: Table<HeldRequest>
  readonly count: number
  /** Untagged. A woken request comes before those that arrived after it. */
  readonly ready: Line
  /** Tagged: by key. */
  readonly waiting: Table<Line>
  readonly delayedCount: number
  /** The bytes of the commands of ready requests, and of delayed ones. */
  readonly readyBytes: number
  readonly delayedBytes: number
  readonly nextOrder: number
}

export const nothingHeld: HeldRequests = {
  byId: emptyTable,
  count: 0,
  ready: emptyLine,
  waiting: emptyTable,
  delayedCount: 0,
  readyBytes: 0,
  delayedBytes: 0,
  nextOrder: 0,
}

type RequestEvent = Extract<RequestQueueEvent, { type: 'request' }>

/** The id of a request, from (uid, seq). */
export function requestId({ uid, seq }: { readonly uid: string; readonly seq: number }): string {
  return `${seq}:${uid}`
}

/** The key in `waiting` of the requests that wait for `key`. Requests without a key are tried again after any execution. */
export function waitingKey(key: string | null): string {
  return key === null ? 'anything' : `key:${key}`
}

/** Adds a new request. */
export function withRequest(held: HeldRequests, event: RequestEvent): HeldRequests {
  const { uid, seq, ackedBelow, command, replyTo, receivedAtMs, commandBytes } = event
  const id = requestId(event)
  return {
    ...held,
    byId: put(held.byId, id, {
      request: { uid, seq, ackedBelow, command },
      replyTo,
      receivedAtMs,
      commandBytes,
      order: held.nextOrder,
      tag: null,
      wasDelayed: false,
      wokenBy: null,
    }),
    count: held.count + 1,
    readyBytes: held.readyBytes + commandBytes,
    ready: withId(held.ready, held.nextOrder, id),
    nextOrder: held.nextOrder + 1,
  }
}

/** Updates the address from which a client asked last. */
export function withReplyTo(held: HeldRequests, event: RequestEvent): HeldRequests {
  const entry = get(held.byId, requestId(event))
  if (entry === undefined || entry.replyTo === event.replyTo) return held
  return { ...held, byId: put(held.byId, requestId(event), { ...entry, replyTo: event.replyTo }) }
}

/** The bytes of a request's JSON without its command and uid. */
const requestOverheadBytes = 80

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

/** The next batch: ready requests in order, within the limits, but at least one. The time that the batch adds is set later. */
export function nextBatch(held: HeldRequests, node: NodeId, limits: Limits): Batch {
  const requests: Request[] = []
  let bytes = 0
  for (const id of idsOf(held.ready, Math.max(1, limits.batchRequests))) {
    const entry = get(held.byId, id)
    if (entry === undefined) continue
    bytes += entry.commandBytes + jsonBytes(entry.request.uid) + requestOverheadBytes
    if (requests.length > 0 && bytes > limits.batchBytes) break
    requests.push(entry.request)
  }
  return { node, elapsedMs: 0, requests }
}

/** An answer that is due after a change. */
export type Due =
  | { readonly kind: 'response'; readonly entry: HeldRequest; readonly outcome: Outcome }
  | { readonly kind: 'queued'; readonly entry: HeldRequest }
  /** There is no room for the delayed request or the new session: its client must ask again later. */
  | { readonly kind: 'handedBack'; readonly entry: HeldRequest }

/**
 * True when the queue accepts no other request. Delayed requests do not count: otherwise a queue full of them would refuse the
 * requests that free their keys.
 */
export function isReadyFull({ count, delayedCount, readyBytes }: HeldRequests, limits: QueueLimits): boolean {
  return count - delayedCount >= limits.queueRequests || readyBytes >= limits.queueBytes
}

/** True when the queue can hold no other delayed request. */
export function isDelayedFull(
  { delayedCount, delayedBytes }: Pick<HeldRequests, 'delayedCount' | 'delayedBytes'>,
  limits: QueueLimits,
): boolean {
  return delayedCount >= limits.queueRequests || delayedBytes >= limits.queueBytes
}

type QueueLimits = Pick<Limits, 'queueRequests' | 'queueBytes'>

/** The requests after the execution of a batch, with delayed requests up to the limit, and the answers that are due. */
export function afterExecution(
  held: HeldRequests,
  { outcomes, freed, progressed }: Execution,
  limits: QueueLimits,
): { readonly held: HeldRequests; readonly due: readonly Due[] } {
  const due: Due[] = []
  const gone = new Set<string>()
  const goneOrders: number[] = []
  const ended = new Set<string>()
  const passedOn: string[] = []
  const delayed: Tag[] = []
  let newlyDelayedBytes = 0
  let next = held
  for (const outcome of outcomes) {
    const id = requestId(outcome)
    const entry = get(next.byId, id)
    if (entry === undefined) continue
    if (outcome.outcome.kind === 'full') {
      gone.add(id)
      goneOrders.push(entry.order)
      ended.add(id)
      next = withoutRequest(next, id, entry)
      due.push({ kind: 'handedBack', entry })
      if (entry.wokenBy !== null) passedOn.push(entry.wokenBy)
    } else if (outcome.outcome.kind === 'delayed') {
      // The batch contains the request twice: it was delayed and answered the first time.
      if (entry.tag !== null || gone.has(id)) continue
      gone.add(id)
      goneOrders.push(entry.order)
      const delayedCount = next.delayedCount + delayed.length
      if (isDelayedFull({ delayedCount, delayedBytes: next.delayedBytes + newlyDelayedBytes }, limits)) {
        next = withoutRequest(next, id, entry)
        due.push({ kind: 'handedBack', entry })
      } else {
        delayed.push({ id, key: outcome.outcome.key, bytes: entry.commandBytes })
        newlyDelayedBytes += entry.commandBytes
        if (!entry.wasDelayed) due.push({ kind: 'queued', entry })
      }
      if (entry.wokenBy !== null && entry.wokenBy !== outcome.outcome.key) passedOn.push(entry.wokenBy)
    } else {
      gone.add(id)
      goneOrders.push(entry.order)
      ended.add(id)
      next = withoutRequest(next, id, entry)
      due.push({ kind: 'response', entry, outcome: outcome.outcome })
      if (entry.wokenBy !== null && leftKeyFree(outcome)) passedOn.push(entry.wokenBy)
    }
  }
  next = { ...next, ready: withoutOrders(next.ready, goneOrders) }
  next = tagged(
    next,
    delayed.filter(({ id }) => !ended.has(id)),
  )
  for (const key of [...freed, ...passedOn]) next = wakeFirst(next, key)
  if (progressed) next = wakeAll(next)
  return { held: next, due }
}

/** True when a woken request ended without an execution, so it did not take the key. */
function leftKeyFree({ outcome }: RequestOutcome): boolean {
  return outcome.kind !== 'executed'
}

interface Tag {
  readonly id: string
  readonly key: string | null
  readonly bytes: number
}

/** Adds those tags. */
function tagged(held: HeldRequests, tags: readonly Tag[]): HeldRequests {
  let { byId, waiting } = held
  for (const { id, key } of tags) {
    const entry = get(byId, id)
    if (entry === undefined) continue
    byId = put(byId, id, { ...entry, tag: { key }, wasDelayed: true, wokenBy: null })
    const line = get(waiting, waitingKey(key)) ?? emptyLine
    waiting = put(waiting, waitingKey(key), withId(line, entry.order, id))
  }
  const bytes = tags.reduce((sum, tag) => sum + tag.bytes, 0)
  return {
    ...held,
    byId,
    waiting,
    delayedCount: held.delayedCount + tags.length,
    readyBytes: held.readyBytes - bytes,
    delayedBytes: held.delayedBytes + bytes,
  }
}

/** Removes a request. The caller removes many from `ready` at once. */
function withoutRequest(held: HeldRequests, id: string, entry: HeldRequest): HeldRequests {
  const untagged = entry.tag === null ? held : withoutWaiting(held, entry, entry.tag.key)
  return {
    ...untagged,
    byId: drop(untagged.byId, id),
    count: untagged.count - 1,
    readyBytes: untagged.readyBytes - entry.commandBytes,
  }
}

/** Removes a request from `waiting`, and counts its bytes as ready. */
function withoutWaiting(
  held: HeldRequests,
  { order, commandBytes }: HeldRequest,
  key: string | null,
): HeldRequests {
  const left = withoutOrders(get(held.waiting, waitingKey(key)) ?? emptyLine, [order])
  return {
    ...held,
    waiting: left.length > 0 ? put(held.waiting, waitingKey(key), left) : drop(held.waiting, waitingKey(key)),
    delayedCount: held.delayedCount - 1,
    readyBytes: held.readyBytes + commandBytes,
    delayedBytes: held.delayedBytes - commandBytes,
  }
}

/** Wakes the request that has waited longest for a freed key: one proposal, independent of the number of waiting requests. */
function wakeFirst(held: HeldRequests, key: string): HeldRequests {
  const id = firstOf(get(held.waiting, waitingKey(key)) ?? emptyLine)
  const entry = id === undefined ? undefined : get(held.byId, id)
  if (id === undefined || entry === undefined) return held
  const untagged = withoutWaiting(held, entry, key)
  return {
    ...untagged,
    byId: put(untagged.byId, id, { ...entry, tag: null, wokenBy: key }),
    ready: withId(untagged.ready, entry.order, id),
  }
}

function wakeAll(held: HeldRequests): HeldRequests {
  const ids = idsOf(get(held.waiting, waitingKey(null)) ?? emptyLine)
  if (ids.length === 0) return held
  let { byId, ready, readyBytes, delayedBytes } = held
  for (const id of ids) {
    const entry = get(byId, id)
    if (entry === undefined) continue
    readyBytes += entry.commandBytes
    delayedBytes -= entry.commandBytes
    byId = put(byId, id, { ...entry, tag: null })
    ready = withId(ready, entry.order, id)
  }
  return {
    ...held,
    byId,
    ready,
    waiting: drop(held.waiting, waitingKey(null)),
    delayedCount: held.delayedCount - ids.length,
    readyBytes,
    delayedBytes,
  }
}
