/** The requests of a session, as its client keeps them, and pure functions that return changed copies. */
import type { Request } from './batch.ts'
import { fitsWindow, type Load } from './client-window.ts'
import type { Answer } from './messages.ts'

/** A request with the bytes of its command in JSON. */
export interface SubmittedRequest extends Request {
  readonly commandBytes: number
}

export interface SessionRequest extends SubmittedRequest {
  /** The round in which it was asked last; `neverAsked` before. */
  readonly round: number
  /** When it was asked; `null` before that, and when it was asked more than once: then it yields no sample of the round trip. */
  readonly askedAtMs: number | null
  /** When the server last confirmed that it holds the request, or was asked again for that. */
  readonly heldSinceMs: number | null
  /** How often the server was asked since its last confirmation. */
  readonly reasks: number
}

export const neverAsked = -1

export interface SessionRequests {
  /** Asked at the present server, and not answered. Invariant: in the order of seqs, each once. */
  readonly open: readonly SessionRequest[]
  /** Not asked at the present server yet, or refused by it. Invariant: in the order of seqs, each once, and not in `open`. */
  readonly backlog: readonly SessionRequest[]
  /** Invariant: the load of the open requests that no server holds. */
  readonly asked: Load
  /** The targets of the cancels in `open` and `backlog`: their outcomes stay unacknowledged until then. */
  readonly cancelled: readonly number[]
  /** Invariant: above every submitted seq. */
  readonly nextSeq: number
}

const nothing: Load = { count: 0, bytes: 0 }

export const noRequests: SessionRequests = {
  open: [],
  backlog: [],
  asked: nothing,
  cancelled: [],
  nextSeq: 1,
}

export function hasNoRequests({ open, backlog }: SessionRequests): boolean {
  return open.length === 0 && backlog.length === 0
}

/** The lowest seq whose outcome the client may still need; the next seq when there is none. */
export function ackedBelow({ open, backlog, cancelled, nextSeq }: SessionRequests): number {
  let lowest = Math.min(open[0]?.seq ?? nextSeq, backlog[0]?.seq ?? nextSeq)
  for (const seq of cancelled) lowest = Math.min(lowest, seq)
  return lowest
}

/** True when the session waits for an answer to a request with one of these seqs. */
export function namesAny({ open, backlog }: SessionRequests, seqs: readonly number[]): boolean {
  return seqs.some((seq) => isIn(open, seq) || isIn(backlog, seq))
}

/** The answers to requests of the session that have none yet, each once. */
export function answersTo({ open, backlog }: SessionRequests, answers: readonly Answer[]): readonly Answer[] {
  const seen = new Set<number>()
  return answers.filter(({ seq }) => {
    if (seen.has(seq) || !(isIn(open, seq) || isIn(backlog, seq))) return false
    seen.add(seq)
    return true
  })
}

function isIn(requests: readonly SessionRequest[], seq: number): boolean {
  let low = 0
  let high = requests.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((requests[middle]?.seq ?? 0) < seq) low = middle + 1
    else high = middle
  }
  return requests[low]?.seq === seq
}

/** Adds requests, whose seqs follow those before. */
export function withSubmitted(
  requests: SessionRequests,
  submitted: readonly SubmittedRequest[],
): SessionRequests {
  const added = submitted.map(({ seq, command, commandBytes }) => ({
    seq,
    command,
    commandBytes,
    round: neverAsked,
    askedAtMs: null,
    heldSinceMs: null,
    reasks: 0,
  }))
  return {
    ...requests,
    backlog: requests.backlog.length === 0 ? added : [...requests.backlog, ...added],
    cancelled: [...requests.cancelled, ...targetsOf(added)],
    nextSeq: Math.max(requests.nextSeq, (submitted.at(-1)?.seq ?? 0) + 1),
  }
}

/** The seqs that these requests cancel. */
function targetsOf(requests: readonly SubmittedRequest[]): number[] {
  return requests.flatMap(({ command }) => (command.kind === 'cancel' ? [command.seq] : []))
}

/** A change of the requests, and the requests that it concerns. */
export interface Change {
  readonly requests: SessionRequests
  readonly changed: readonly SessionRequest[]
}

/** Removes requests: they have ended. */
export function withoutSeqs(requests: SessionRequests, seqs: readonly number[]): Change {
  const named = new Set(seqs)
  const changed: SessionRequest[] = []
  const isKept = (request: SessionRequest) => {
    if (!named.has(request.seq)) return true
    changed.push(request)
    return false
  }
  const open = requests.open.filter(isKept)
  const asked = withoutLoad(requests.asked, changed)
  const backlog = requests.backlog.length === 0 ? requests.backlog : requests.backlog.filter(isKept)
  const targets = requests.cancelled.length === 0 ? [] : targetsOf(changed)
  const cancelled = requests.cancelled.filter((seq) => !targets.includes(seq))
  return { requests: { ...requests, open, backlog, asked, cancelled }, changed }
}

/** The load without these requests, as far as no server holds them. */
function withoutLoad({ count, bytes }: Load, requests: readonly SessionRequest[]): Load {
  const counted = requests.filter(({ heldSinceMs }) => heldSinceMs === null)
  return { count: count - counted.length, bytes: bytes - bytesOf(counted) }
}

function bytesOf(requests: readonly SessionRequest[]): number {
  return requests.reduce((sum, { commandBytes }) => sum + commandBytes, 0)
}

/** True when a request of the backlog fits into the window. */
export function mayAskMore({ backlog, asked }: SessionRequests, window: number): boolean {
  const [first] = backlog
  return first !== undefined && fitsWindow(window, asked, first.commandBytes)
}

/** Asks requests of the backlog, in order, as many as fit into the window. */
export function withAsked(
  requests: SessionRequests,
  window: number,
  { round, nowMs }: { readonly round: number; readonly nowMs: number },
): Change {
  let asked = requests.asked
  const changed: SessionRequest[] = []
  for (const request of requests.backlog) {
    if (!fitsWindow(window, asked, request.commandBytes)) break
    asked = { count: asked.count + 1, bytes: asked.bytes + request.commandBytes }
    changed.push({ ...request, round, askedAtMs: request.round === neverAsked ? nowMs : null })
  }
  const backlog = requests.backlog.slice(changed.length)
  return { requests: { ...requests, open: merged(requests.open, changed), backlog, asked }, changed }
}

/** Both lists in the order of seqs. */
function merged(a: readonly SessionRequest[], b: readonly SessionRequest[]): readonly SessionRequest[] {
  const [last, first] = [a.at(-1), b[0]]
  if (first === undefined) return a
  if (last === undefined) return b
  const both = [...a, ...b]
  return last.seq < first.seq ? both : both.sort((one, other) => one.seq - other.seq)
}

/** Records that the server confirmed to hold these requests. `changed` are the requests before that. */
export function withHeld(requests: SessionRequests, seqs: readonly number[], nowMs: number): Change {
  const named = new Set(seqs)
  const changed: SessionRequest[] = []
  const open = requests.open.map((request) => {
    if (!named.has(request.seq)) return request
    changed.push(request)
    return { ...request, askedAtMs: null, heldSinceMs: nowMs, reasks: 0 }
  })
  return { requests: { ...requests, open, asked: withoutLoad(requests.asked, changed) }, changed }
}

/** What is due: requests asked in an earlier round than `round`, and held ones without a confirmation for `reaskIntervalMs`. */
export interface Due {
  readonly round: number
  readonly nowMs: number
  readonly reaskIntervalMs: number
  /** The most questions without a confirmation. */
  readonly mostReasks: number
}

/** Asks again what is due, at most `window` requests; the next round asks for the rest. */
export function withDueAsked(requests: SessionRequests, window: number, due: Due): Change {
  const changed: SessionRequest[] = []
  const open = requests.open.map((request) => {
    if (changed.length >= window || !mayReask(request, due)) return request
    const again =
      request.heldSinceMs === null
        ? { ...request, round: due.round, askedAtMs: null }
        : { ...request, heldSinceMs: due.nowMs, reasks: request.reasks + 1 }
    changed.push(again)
    return again
  })
  return { requests: { ...requests, open }, changed }
}

function mayReask(request: SessionRequest, due: Due): boolean {
  return isDue(request, due) && (request.heldSinceMs === null || request.reasks < due.mostReasks)
}

function isDue({ round, heldSinceMs }: SessionRequest, due: Due): boolean {
  return heldSinceMs === null ? round < due.round : due.nowMs - heldSinceMs >= due.reaskIntervalMs
}

/** True when the server confirmed nothing about a request that it held, although it was asked often enough. */
export function isUnconfirmed({ open }: SessionRequests, due: Due): boolean {
  return open.some(
    (request) => request.heldSinceMs !== null && request.reasks >= due.mostReasks && isDue(request, due),
  )
}

/** When the next held request is due; infinite when the server holds none. */
export function nextReaskMs({ open }: SessionRequests, reaskIntervalMs: number): number {
  return open.reduce(
    (soonest, { heldSinceMs }) =>
      Math.min(soonest, (heldSinceMs ?? Number.POSITIVE_INFINITY) + reaskIntervalMs),
    Number.POSITIVE_INFINITY,
  )
}

/** Returns requests that the server refused to the backlog. */
export function withRefused(requests: SessionRequests, seqs: readonly number[]): SessionRequests {
  const named = new Set(seqs)
  const refused = requests.open.filter(({ seq }) => named.has(seq))
  if (refused.length === 0) return requests
  return {
    ...requests,
    open: requests.open.filter(({ seq }) => !named.has(seq)),
    backlog: merged(refused.map(toAskAgain), requests.backlog),
    asked: withoutLoad(requests.asked, refused),
  }
}

/** Returns all requests to the backlog, because another server is asked from now on. */
export function withNothingAsked(requests: SessionRequests): SessionRequests {
  const backlog = merged(requests.open.map(toAskAgain), requests.backlog)
  return { ...requests, open: [], backlog, asked: nothing }
}

function toAskAgain(request: SessionRequest): SessionRequest {
  return { ...request, askedAtMs: null, heldSinceMs: null, reasks: 0 }
}
