/** Checks of the invariants that `client-context.ts` and `session-requests.ts` state. */
import type { ClientContext } from './client-context.ts'
import { largestWindow, smallestWindow } from './client-window.ts'
import { type Invariants, isIn, isUnchanged, type Step } from './invariant.ts'
import { hasNoRequests, type SessionRequests, type SubmittedRequest } from './session-requests.ts'

type Faults<T> = { readonly [Field in keyof T]?: (value: T) => string | null }

export const sessionRequestInvariants = {
  open: ({ open }) => orderFault(open),
  backlog: ({ open, backlog }) => {
    const seqs = new Set(open.map(({ seq }) => seq))
    const both = backlog.find(({ seq }) => seqs.has(seq))
    return both === undefined ? orderFault(backlog) : `request ${both.seq} is asked and in the backlog`
  },
  asked: ({ open, asked }) => {
    const counted = open.filter(({ reaskAtMs }) => reaskAtMs === null)
    const bytes = counted.reduce((sum, { commandBytes }) => sum + commandBytes, 0)
    return asked.count === counted.length && asked.bytes === bytes
      ? null
      : `it counts ${asked.count} asked requests of ${asked.bytes} bytes, and has ${counted.length} of ${bytes}`
  },
  nextSeq: ({ open, backlog, nextSeq }) =>
    Math.max(open.at(-1)?.seq ?? 0, backlog.at(-1)?.seq ?? 0) < nextSeq
      ? null
      : `the next seq is ${nextSeq}, and that request was submitted already`,
} as const satisfies Faults<SessionRequests>

function orderFault(requests: readonly SubmittedRequest[]): string | null {
  const wrong = requests.find(({ seq }, at) => at > 0 && seq <= (requests[at - 1]?.seq ?? 0))
  return wrong === undefined ? null : `request ${wrong.seq} is out of order or there twice`
}

export const clientInvariants: Invariants<ClientContext> = {
  requests: (step) => {
    const fault = stateFault(step)
    if (fault !== null || isUnchanged(step, 'requests')) return fault
    const { requests } = step.context
    for (const check of Object.values(sessionRequestInvariants)) {
      const found = check(requests)
      if (found !== null) return found
    }
    return lossFault(step)
  },
  window: ({ context: { window } }) =>
    window >= smallestWindow && window <= largestWindow ? null : `the window is ${window}`,
  server: ({ context: { requests, server, servers } }) =>
    hasNoRequests(requests) || server < servers ? null : `it asks server ${server} of ${servers}`,
  avoid: ({ context: { server, avoid } }) =>
    avoid === server ? `it asks server ${server}, which it avoids` : null,
  round: ({ context: { round, requests } }) => {
    const late = requests.open.find((request) => request.round > round)
    return late === undefined ? null : `request ${late.seq} was asked in a later round than ${round}`
  },
  nowMs: ({ context: { nowMs }, before }) =>
    before !== null && nowMs < before.context.nowMs ? 'the time has decreased' : null,
}

/** How the requests contradict the state of the chart. */
function stateFault(step: Step<ClientContext>): string | null {
  const { open, backlog, asked } = step.context.requests
  const count = open.length + backlog.length
  if (isIn(step, 'idle') !== (count === 0)) return `there are ${count} requests in this state`
  if (isIn(step, 'asking') && asked.count === 0) return 'it asks, and every request is held or in the backlog'
  if (isIn(step, 'waiting') && (asked.count > 0 || backlog.length > 0)) {
    return 'it waits, and a request is not held'
  }
  return null
}

/** A request leaves only when it is answered or given up, and comes only when it is submitted. */
function lossFault({ context, before, event }: Step<ClientContext>): string | null {
  if (before === null) return null
  const was = seqsOf(before.context.requests)
  const is = seqsOf(context.requests)
  const lost = [...was].find((seq) => !is.has(seq))
  if (lost !== undefined && event.type !== 'response' && event.type !== 'give.up') {
    return `request ${lost} was neither answered nor given up, and is gone`
  }
  const added = [...is].find((seq) => !was.has(seq))
  return added !== undefined && event.type !== 'request.submitted'
    ? `request ${added} was not submitted`
    : null
}

function seqsOf({ open, backlog }: SessionRequests): ReadonlySet<number> {
  return new Set([...open, ...backlog].map(({ seq }) => seq))
}
