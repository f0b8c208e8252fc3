/** The requests of a session, as its client keeps them, and pure functions that return changed copies. */
import type { Request } from './batch.ts'
import { fitsWindow, type Load } from './client-window.ts'
import type { AnyAnswer } from './messages.ts'

/** A request with the bytes of its command in JSON. */
export interface SubmittedRequest extends Request {
  readonly commandBytes: number
}

/** A request that is not asked at the present server. */
export interface BacklogRequest extends SubmittedRequest {
  /** Another server was asked for it, or this one refused it. */
  readonly wasAsked?: true
}

/** A request that was asked at the present server. */
export interface OpenRequest extends SubmittedRequest {
  /** The round in which it was asked last. */
  readonly round: number
  /** When it was asked; `null` when it was asked more than once: then it yields no sample of the round trip. */
  readonly askedAtMs: number | null
  /** When the server is to be asked again whether it holds the request; `null` when it does not hold it. */
  readonly reaskAtMs: number | null
  /** How often the server was asked since its last confirmation. */
  readonly reasks: number
}

export interface SessionRequests {
  /** Asked at the present server, and not answered. Invariant: in the order of seqs, each once. */
  readonly open: readonly OpenRequest[]
  /** Not asked at the present server yet, or refused by it. Invariant: in the order of seqs, each once, and not in `open`. */
  readonly backlog: readonly BacklogRequest[]
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
export function namesAny(requests: SessionRequests, seqs: readonly number[]): boolean {
  return seqs.some((seq) => isPending(requests, seq))
}

/** The answers to requests of the session that have none yet, each once. */
export function answersTo(requests: SessionRequests, answers: readonly AnyAnswer[]): readonly AnyAnswer[] {
  const isNew = answers.every(
    ({ seq }, at) => isPending(requests, seq) && (at === 0 || seq > (answers[at - 1]?.seq ?? 0)),
  )
  if (isNew) return answers
  const seen = new Set<number>()
  return answers.filter(({ seq }) => {
    if (seen.has(seq) || !isPending(requests, seq)) return false
    seen.add(seq)
    return true
  })
}

function isPending({ open, backlog }: SessionRequests, seq: number): boolean {
  return open[placeOf(open, seq)]?.seq === seq || backlog[placeOf(backlog, seq)]?.seq === seq
}

/** The first place that does not come before `seq`. */
function placeOf(requests: readonly SubmittedRequest[], seq: number): number {
  let low = 0
  let high = requests.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((requests[middle]?.seq ?? 0) < seq) low = middle + 1
    else high = middle
  }
  return low
}

/** The requests with these seqs, and the others. One pass over the part of the list between the lowest and the highest seq. */
function split<R extends SubmittedRequest>(
  requests: readonly R[],
  seqs: readonly number[],
): { readonly named: readonly R[]; readonly others: readonly R[] } {
  const sorted = seqs.toSorted((a, b) => a - b)
  const from = placeOf(requests, sorted[0] ?? Number.POSITIVE_INFINITY)
  const to = placeOf(requests, (sorted.at(-1) ?? 0) + 1)
  const named: R[] = []
  const kept: R[] = []
  let next = 0
  for (let place = from; place < to; place += 1) {
    const request = requests[place] as R
    while ((sorted[next] ?? 0) < request.seq) next += 1
    if (sorted[next] === request.seq) named.push(request)
    else kept.push(request)
  }
  if (named.length === 0) return { named, others: requests }
  return { named, others: requests.slice(0, from).concat(kept, requests.slice(to)) }
}

/** Adds requests, whose seqs follow those before. */
export function withSubmitted(
  requests: SessionRequests,
  submitted: readonly SubmittedRequest[],
): SessionRequests {
  const { backlog, cancelled, nextSeq } = requests
  const targets = targetsOf(submitted)
  return {
    ...requests,
    backlog: backlog.length === 0 ? submitted : [...backlog, ...submitted],
    cancelled: targets.length === 0 ? cancelled : [...cancelled, ...targets],
    nextSeq: Math.max(nextSeq, (submitted.at(-1)?.seq ?? 0) + 1),
  }
}

/** The seqs that these requests cancel. */
function targetsOf(requests: readonly SubmittedRequest[]): readonly number[] {
  return requests.flatMap(({ command }) => (command.kind === 'cancel' ? [command.seq] : []))
}

/** A change of the requests, and the open requests that it concerns. */
export interface Change {
  readonly requests: SessionRequests
  readonly changed: readonly OpenRequest[]
}

/** Removes requests: they have ended. `changed` are those that were open. */
export function withoutSeqs(requests: SessionRequests, seqs: readonly number[]): Change {
  const { named: changed, others: open } = split(requests.open, seqs)
  const { named: waiting, others: backlog } = split(requests.backlog, seqs)
  const asked = withoutLoad(requests.asked, changed)
  return {
    requests: { ...requests, open, backlog, asked, cancelled: uncancelled(requests, changed, waiting) },
    changed,
  }
}

function uncancelled(
  { cancelled }: SessionRequests,
  ...ended: readonly (readonly SubmittedRequest[])[]
): readonly number[] {
  if (cancelled.length === 0) return cancelled
  const targets = ended.flatMap(targetsOf)
  return cancelled.filter((seq) => !targets.includes(seq))
}

/** The load without these requests, as far as no server holds them. */
function withoutLoad({ count, bytes }: Load, requests: readonly OpenRequest[]): Load {
  let left = count
  let leftBytes = bytes
  for (const { reaskAtMs, commandBytes } of requests) {
    if (reaskAtMs !== null) continue
    left -= 1
    leftBytes -= commandBytes
  }
  return { count: left, bytes: leftBytes }
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
  let { count, bytes } = requests.asked
  const changed: OpenRequest[] = []
  for (const { seq, command, commandBytes, wasAsked } of requests.backlog) {
    if (!fitsWindow(window, { count, bytes }, commandBytes)) break
    count += 1
    bytes += commandBytes
    const askedAtMs = wasAsked ? null : nowMs
    changed.push({ seq, command, commandBytes, round, askedAtMs, reaskAtMs: null, reasks: 0 })
  }
  const { open, backlog } = requests
  return {
    requests: {
      ...requests,
      open: merged(open, changed),
      backlog: changed.length === backlog.length ? [] : backlog.slice(changed.length),
      asked: { count, bytes },
    },
    changed,
  }
}

/** Both lists in the order of seqs. */
function merged<R extends SubmittedRequest>(a: readonly R[], b: readonly R[]): readonly R[] {
  const [last, first] = [a.at(-1), b[0]]
  if (first === undefined) return a
  if (last === undefined) return b
  const both = a.concat(b)
  return last.seq < first.seq ? both : both.sort((one, other) => one.seq - other.seq)
}

/** Records that the server confirmed to hold these requests. `changed` are the requests before that. */
export function withHeld(requests: SessionRequests, seqs: readonly number[], reaskAtMs: number): Change {
  const { named: changed, others } = split(requests.open, seqs)
  const held = changed.map((request) => ({ ...request, askedAtMs: null, reaskAtMs, reasks: 0 }))
  const asked = withoutLoad(requests.asked, changed)
  return { requests: { ...requests, open: merged(others, held), asked }, changed }
}

/** What is due at `nowMs`: requests asked in an earlier round than `round`, and held ones that are to be asked again. */
export interface Due {
  readonly round: number
  readonly nowMs: number
  /** From a question for a held request to the next one, if no confirmation arrives. */
  readonly reaskIntervalMs: number
  /** The most questions without a confirmation. */
  readonly mostReasks: number
}

/** Asks again what is due, at most `window` requests; the next round asks for the rest. */
export function withDueAsked(requests: SessionRequests, window: number, due: Due): Change {
  const changed: OpenRequest[] = []
  const open = requests.open.map((request) => {
    if (changed.length >= window || !mayReask(request, due)) return request
    const again =
      request.reaskAtMs === null
        ? { ...request, round: due.round, askedAtMs: null }
        : { ...request, reaskAtMs: due.nowMs + due.reaskIntervalMs, reasks: request.reasks + 1 }
    changed.push(again)
    return again
  })
  return { requests: { ...requests, open }, changed }
}

function mayReask(request: OpenRequest, due: Due): boolean {
  return isDue(request, due) && (request.reaskAtMs === null || request.reasks < due.mostReasks)
}

function isDue({ round, reaskAtMs }: OpenRequest, due: Due): boolean {
  return reaskAtMs === null ? round < due.round : due.nowMs >= reaskAtMs
}

/** True when the server confirmed nothing about a request that it held, although it was asked often enough. */
export function isUnconfirmed({ open }: SessionRequests, due: Due): boolean {
  return open.some(
    (request) => request.reaskAtMs !== null && request.reasks >= due.mostReasks && isDue(request, due),
  )
}

/** When the next held request is due; infinite when the server holds none. */
export function nextReaskMs({ open }: SessionRequests): number {
  return open.reduce(
    (soonest, { reaskAtMs }) => Math.min(soonest, reaskAtMs ?? Number.POSITIVE_INFINITY),
    Number.POSITIVE_INFINITY,
  )
}

/** Returns requests that the server refused to the backlog. */
export function withRefused(requests: SessionRequests, seqs: readonly number[]): SessionRequests {
  const { named, others: open } = split(requests.open, seqs)
  if (named.length === 0) return requests
  const asked = withoutLoad(requests.asked, named)
  return { ...requests, open, asked, backlog: merged(named.map(toAskAgain), requests.backlog) }
}

/** Returns all requests to the backlog, because another server is asked from now on. */
export function withNothingAsked(requests: SessionRequests): SessionRequests {
  const backlog = merged(requests.open.map(toAskAgain), requests.backlog)
  return { ...requests, open: [], backlog, asked: nothing }
}

function toAskAgain({ seq, command, commandBytes }: OpenRequest): BacklogRequest {
  return { seq, command, commandBytes, wasAsked: true }
}
