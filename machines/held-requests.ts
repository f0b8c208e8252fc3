/** The requests of a request queue, and pure functions that return changed copies. */
import type { Address, Command, NodeId, RequestGroup } from './batch.ts'
import { emptyRecord } from './empty-record.ts'
import type { Limits } from './limits.ts'
import { emptyLine, type Line, type Place, withoutOrders, withPlaces } from './line.ts'
import { drop, emptyTable, get, keysOf, put, type Table } from './table.ts'

/** A request, with the data for its answer. */
export interface HeldRequest {
  readonly uid: string
  readonly seq: number
  readonly command: Command
  /** The server that holds the request for its client: this server, or the one that handed it over. */
  readonly heldBy: NodeId
  /** The address of the last repetition; `null` when another server holds the request. */
  readonly replyTo: Address | null
  /** The server that the client left, which must not receive the request; `null` for none. */
  readonly avoid: NodeId | null
  /** For display only: no decision depends on it. `null` when another server holds the request. */
  readonly receivedAtMs: number | null
  readonly commandBytes: number
  /** Place in the order of arrival. */
  readonly order: number
  /** The key that it waits for; `null` while it is to be executed. Invariant: `null` when another server holds the request. */
  readonly tag: { readonly key: string | null } | null
  /** True when it was delayed before: its client knows. */
  readonly wasDelayed: boolean
  /** The released key that woke it. */
  readonly wokenBy: string | null
  /** Its last handing over to the leader; `null` when it is to be proposed here. */
  readonly handed: Handed | null
}

/** A handing over of a request. */
export interface Handed {
  /** The round of the request queue in which the request was sent last. */
  readonly round: number
  /** The time of the sending; `null` when the request was sent several times. */
  readonly atMs: number | null
}

/** The held requests of one session. Invariant: not empty, in order of seq. */
export interface HeldSession {
  readonly uid: string
  readonly ackedBelow: number
  readonly requests: readonly HeldRequest[]
}

export interface HeldRequests {
  /** By uid. Invariant: each request is in `ready`, in `handedOver` or, when tagged, in `waiting`, and nowhere else. */
  readonly sessions: Table<HeldSession>
  readonly count: number
  /** To be proposed here. A woken request comes before those that arrived after it. */
  readonly ready: Line
  /** Handed over to the leader. */
  readonly handedOver: Line
  /** Tagged: by key. */
  readonly waiting: Table<Line>
  readonly delayedCount: number
  /** The bytes of the commands of requests that are not delayed, and of delayed ones. */
  readonly readyBytes: number
  readonly delayedBytes: number
  readonly nextOrder: number
}

export const nothingHeld: HeldRequests = {
  sessions: emptyTable,
  count: 0,
  ready: emptyLine,
  handedOver: emptyLine,
  waiting: emptyTable,
  delayedCount: 0,
  readyBytes: 0,
  delayedBytes: 0,
  nextOrder: 0,
}

/** The id of a request, from (uid, seq). */
export function requestId({ uid, seq }: { readonly uid: string; readonly seq: number }): string {
  return `${seq}:${uid}`
}

/** The key in `waiting` of the requests that wait for `key`. Requests without a key are tried again after any execution. */
export function waitingKey(key: string | null): string {
  return key === null ? 'anything' : `key:${key}`
}

/** The keys that requests wait for. */
export function waitedFor({ waiting }: HeldRequests): string[] {
  const prefix = waitingKey('')
  return keysOf(waiting).flatMap((key) => (key.startsWith(prefix) ? key.slice(prefix.length) : []))
}

/** The index of `seq` in `requests`, or of the first request after it. */
export function indexOfSeq(requests: readonly HeldRequest[], seq: number): number {
  let low = 0
  let high = requests.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((requests[middle]?.seq ?? 0) < seq) low = middle + 1
    else high = middle
  }
  return low
}

/** The request `seq` among `requests`; `undefined` when it is not held. */
export function requestWith(requests: readonly HeldRequest[], seq: number): HeldRequest | undefined {
  const found = requests[indexOfSeq(requests, seq)]
  return found?.seq === seq ? found : undefined
}

/** The held request of that uid and seq. */
export function heldRequest(
  { sessions }: HeldRequests,
  { uid, seq }: { readonly uid: string; readonly seq: number },
): HeldRequest | undefined {
  return requestWith(get(sessions, uid)?.requests ?? [], seq)
}

/** All held requests, in no particular order of their sessions. */
export function allHeld({ sessions }: HeldRequests): HeldRequest[] {
  return keysOf(sessions).flatMap((uid) => get(sessions, uid)?.requests ?? [])
}

/** The place of a request in a line. */
export function placeOf({ order, uid, seq }: HeldRequest): Place {
  return [order, uid, seq]
}

/** A request that arrives: its data, except what the queue gives it. */
export type NewRequest = Pick<
  HeldRequest,
  'uid' | 'seq' | 'command' | 'heldBy' | 'replyTo' | 'avoid' | 'receivedAtMs' | 'commandBytes'
>

/** Adds new requests of one session, which are in order of seq. The caller has checked that there is room, and that none is held. */
export function withRequests(
  held: HeldRequests,
  { uid, ackedBelow }: Pick<RequestGroup, 'uid' | 'ackedBelow'>,
  fresh: readonly NewRequest[],
): HeldRequests {
  if (fresh.length === 0) return held
  let readyBytes = held.readyBytes
  const added = fresh.map((request, offset): HeldRequest => {
    readyBytes += request.commandBytes
    const order = held.nextOrder + offset
    return { ...request, order, tag: null, wasDelayed: false, wokenBy: null, handed: null }
  })
  const session = get(held.sessions, uid)
  return {
    ...held,
    sessions: put(held.sessions, uid, {
      uid,
      ackedBelow: Math.max(ackedBelow, session?.ackedBelow ?? 0),
      requests: merged(session?.requests ?? [], added),
    }),
    count: held.count + added.length,
    readyBytes,
    ready: withPlaces(held.ready, added.map(placeOf)),
    nextOrder: held.nextOrder + added.length,
  }
}

/** Both in order of seq. Most often the added ones follow. */
function merged(requests: readonly HeldRequest[], added: readonly HeldRequest[]): readonly HeldRequest[] {
  const last = requests.at(-1)
  const together = [...requests, ...added]
  if (last === undefined || last.seq < (added[0]?.seq ?? 0)) return together
  return together.sort((a, b) => a.seq - b.seq)
}

/** Replaces requests of one session, which are held, by changed ones of the same seq and order. Lines stay as they are. */
export function withChanged(held: HeldRequests, changed: readonly HeldRequest[]): HeldRequests {
  const uid = changed[0]?.uid
  const session = uid === undefined ? undefined : get(held.sessions, uid)
  if (uid === undefined || session === undefined) return held
  const requests = session.requests.slice()
  for (const request of changed) requests[indexOfSeq(requests, request.seq)] = request
  return { ...held, sessions: put(held.sessions, uid, { ...session, requests }) }
}

/** As `withChanged`, for requests of several sessions. */
export function withAllChanged(held: HeldRequests, changed: readonly HeldRequest[]): HeldRequests {
  const bySession = emptyRecord<HeldRequest[]>()
  for (const request of changed) {
    const others = bySession[request.uid]
    if (others === undefined) bySession[request.uid] = [request]
    else others.push(request)
  }
  let next = held
  for (const requests of Object.values(bySession)) next = withChanged(next, requests ?? [])
  return next
}

/** The table with `requests` as those of the session. */
export function withSessionRequests(
  sessions: Table<HeldSession>,
  session: HeldSession,
  requests: readonly HeldRequest[],
): Table<HeldSession> {
  return requests.length === 0
    ? drop(sessions, session.uid)
    : put(sessions, session.uid, { ...session, requests })
}

/** Removes a request from `waiting`, and counts its bytes as ready. */
export function withoutWaiting(
  held: HeldRequests,
  { order, commandBytes }: HeldRequest,
  key: string | null,
): HeldRequests {
  const left = withoutOrders(get(held.waiting, waitingKey(key)) ?? emptyLine, new Set([order]))
  return {
    ...held,
    waiting: left.length > 0 ? put(held.waiting, waitingKey(key), left) : drop(held.waiting, waitingKey(key)),
    delayedCount: held.delayedCount - 1,
    readyBytes: held.readyBytes + commandBytes,
    delayedBytes: held.delayedBytes - commandBytes,
  }
}

type QueueLimits = Pick<Limits, 'queueRequests' | 'queueBytes'>

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
