/** How an execution changes the requests of a request queue. */
import { emptyRecord } from './empty-record.ts'
import {
  type HeldRequest,
  type HeldRequests,
  type HeldSession,
  heldRequest,
  isDelayedFull,
  placeOf,
  requestWith,
  waitedFor,
  waitingKey,
  withChanged,
  withoutWaiting,
  withSessionRequests,
} from './held-requests.ts'
import type { Limits } from './limits.ts'
import { emptyLine, firstOf, type Place, placesOf, withoutOrders, withPlace, withPlaces } from './line.ts'
import type { Execution, Outcome, RequestOutcome } from './outcome.ts'
import { drop, get, put } from './table.ts'

/** An answer that is due after a change. Only requests of clients get answers. */
export type Due =
  | { readonly kind: 'response'; readonly request: HeldRequest; readonly outcome: Outcome }
  | { readonly kind: 'queued'; readonly request: HeldRequest }
  /** There is no room for the delayed request or the new session: its client must ask again later. */
  | { readonly kind: 'handedBack'; readonly request: HeldRequest }

/** The result of an execution for the queue. */
export interface Executed {
  readonly held: HeldRequests
  readonly due: readonly Due[]
  /** True when a request that was handed over has been executed, or is delayed. */
  readonly endsHandOver: boolean
  /** When the last of these requests was sent to the leader; `null` when all of them were sent several times. */
  readonly handedAtMs: number | null
}

/** The changes of one session. */
interface Work {
  readonly session: HeldSession
  readonly gone: Set<number>
  /** By seq. */
  readonly delayed: Record<number, HeldRequest | undefined>
}

type Works = Record<string, Work | null | undefined>

type QueueLimits = Pick<Limits, 'queueRequests' | 'queueBytes'>

/** The requests after the execution of a batch, with delayed requests up to the limit, and the answers that are due. */
export function afterExecution(
  held: HeldRequests,
  { outcomes, freed, progressed }: Pick<Execution, 'outcomes' | 'freed' | 'progressed'>,
  limits: QueueLimits,
): Executed {
  const due: Due[] = []
  const works = emptyRecord<Work | null>()
  const left = new Set<number>()
  const passedOn: string[] = []
  let [isHandOver, handedAtMs]: [boolean, number | null] = [false, null]
  let next = held
  let { count, readyBytes } = held
  let [newlyDelayed, newlyDelayedBytes] = [0, 0]
  let work: Work | null = null
  let uidOfWork: string | null = null
  for (const one of outcomes) {
    const { uid, seq, outcome } = one
    if (uid !== uidOfWork) {
      work = workOf(works, held, uid)
      uidOfWork = uid
    }
    const request = work === null || work.gone.has(seq) ? undefined : requestWith(work.session.requests, seq)
    if (work === null || request === undefined) continue
    const wasDelayedNow = work.delayed[seq] !== undefined
    // The batch contains the request twice: it was delayed and answered the first time.
    if (outcome.kind === 'delayed' && (request.tag !== null || wasDelayedNow)) continue
    if (request.handed !== null) {
      isHandOver = true
      if (request.handed.atMs !== null) handedAtMs = Math.max(handedAtMs ?? 0, request.handed.atMs)
    }
    left.add(request.order)
    const isClients = request.replyTo !== null
    const staysDelayed =
      outcome.kind === 'delayed' &&
      isClients &&
      !isDelayedFull(
        {
          delayedCount: next.delayedCount + newlyDelayed,
          delayedBytes: next.delayedBytes + newlyDelayedBytes,
        },
        limits,
      )
    if (outcome.kind === 'delayed' && staysDelayed) {
      const tag = { key: outcome.key }
      work.delayed[seq] = { ...request, tag, wasDelayed: true, wokenBy: null, handed: null }
      newlyDelayed += 1
      newlyDelayedBytes += request.commandBytes
      if (!request.wasDelayed) due.push({ kind: 'queued', request })
    } else {
      if (wasDelayedNow) {
        work.delayed[seq] = undefined
        newlyDelayed -= 1
        newlyDelayedBytes -= request.commandBytes
      } else if (request.tag !== null) {
        next = withoutWaiting(next, request, request.tag.key)
        readyBytes += request.commandBytes
      }
      work.gone.add(seq)
      count -= 1
      readyBytes -= request.commandBytes
      if (isClients) {
        if (outcome.kind === 'full' || outcome.kind === 'delayed') due.push({ kind: 'handedBack', request })
        else due.push({ kind: 'response', request, outcome })
      }
    }
    const { wokenBy } = request
    if (wokenBy !== null && passesOn(one, wokenBy)) passedOn.push(wokenBy)
  }
  next = {
    ...next,
    ...{ count, readyBytes: readyBytes - newlyDelayedBytes },
    ready: withoutOrders(next.ready, left),
    handedOver: withoutOrders(next.handedOver, left),
    delayedCount: next.delayedCount + newlyDelayed,
    delayedBytes: next.delayedBytes + newlyDelayedBytes,
  }
  next = withWork(next, works)
  for (const key of [...freed, ...passedOn]) next = wakeFirst(next, key)
  if (progressed) next = wakeAll(next)
  return { held: next, due, endsHandOver: isHandOver, handedAtMs }
}

/**
 * The requests after a snapshot replaced the replicated state, and the answers that are due. Keys may have been freed meanwhile: each
 * wakes the request that has waited longest for it, which waits again if nothing has changed.
 */
export function afterReplacement(
  held: HeldRequests,
  ended: readonly RequestOutcome[],
  limits: QueueLimits,
): Executed {
  return afterExecution(held, { outcomes: ended, freed: waitedFor(held), progressed: true }, limits)
}

function workOf(works: Works, { sessions }: HeldRequests, uid: string): Work | null {
  const known = works[uid]
  if (known !== undefined) return known
  const session = get(sessions, uid)
  const work = session === undefined ? null : { session, gone: new Set<number>(), delayed: {} }
  works[uid] = work
  return work
}

/** True when a woken request did not take the key that woke it: it ended without an execution, or waits for another key. */
function passesOn({ outcome }: RequestOutcome, wokenBy: string): boolean {
  return outcome.kind === 'delayed' ? outcome.key !== wokenBy : outcome.kind !== 'executed'
}

/** Removes the requests that have ended, and adds the tags of those that are delayed. */
function withWork(held: HeldRequests, works: Works): HeldRequests {
  let { sessions, waiting } = held
  const places = emptyRecord<Place[]>()
  for (const work of Object.values(works)) {
    if (!work) continue
    const { session, gone, delayed } = work
    const kept: HeldRequest[] = []
    for (const request of session.requests) {
      if (!gone.has(request.seq)) kept.push(delayed[request.seq] ?? request)
    }
    sessions = withSessionRequests(sessions, session, kept)
    for (const request of Object.values(delayed)) {
      if (request === undefined) continue
      const key = waitingKey(request.tag?.key ?? null)
      const line = places[key]
      if (line === undefined) places[key] = [placeOf(request)]
      else line.push(placeOf(request))
    }
  }
  for (const [key, added = []] of Object.entries(places)) {
    const inOrder = added.sort(([a], [b]) => a - b)
    waiting = put(waiting, key, withPlaces(get(waiting, key) ?? emptyLine, inOrder))
  }
  return { ...held, sessions, waiting }
}

/** Wakes the request that has waited longest for a freed key: one proposal, independent of the number of waiting requests. */
function wakeFirst(held: HeldRequests, key: string): HeldRequests {
  const place = firstOf(get(held.waiting, waitingKey(key)) ?? emptyLine)
  if (place === undefined) return held
  const [, uid, seq] = place
  const request = heldRequest(held, { uid, seq })
  if (request === undefined) return held
  const woken = withChanged(withoutWaiting(held, request, key), [{ ...request, tag: null, wokenBy: key }])
  return { ...woken, ready: withPlace(woken.ready, place) }
}

function wakeAll(held: HeldRequests): HeldRequests {
  const places = placesOf(get(held.waiting, waitingKey(null)) ?? emptyLine)
  if (places.length === 0) return held
  let next = held
  let bytes = 0
  for (const [, uid, seq] of places) {
    const request = heldRequest(next, { uid, seq })
    if (request === undefined) continue
    bytes += request.commandBytes
    next = withChanged(next, [{ ...request, tag: null }])
  }
  return {
    ...next,
    ready: withPlaces(next.ready, places),
    waiting: drop(next.waiting, waitingKey(null)),
    delayedCount: next.delayedCount - places.length,
    readyBytes: next.readyBytes + bytes,
    delayedBytes: next.delayedBytes - bytes,
  }
}
