/** The guards and actions of the request queue's chart. */
import { assign, emit, enqueueActions, setup } from 'xstate'
import type { Address } from './batch.ts'
import {
  afterExecution,
  type Due,
  isReadyFull,
  nextBatch,
  nothingHeld,
  requestId,
  withReplyTo,
  withRequest,
} from './held-requests.ts'
import type { BatchExecuted, RequestQueueEvent } from './inbox.ts'
import { isCounted, type Member } from './members.ts'
import type { Busy } from './messages.ts'
import type { Outcome } from './outcome.ts'
import type { Output } from './outputs.ts'
import type { RequestQueueContext, RequestQueueInput } from './request-queue-context.ts'
import { get, keysOf } from './table.ts'

type RequestEvent = Extract<RequestQueueEvent, { type: 'request' }>

function tagOf({ held }: RequestQueueContext, event: RequestEvent) {
  return get(held.byId, requestId(event))?.tag ?? null
}

function busy({ uid, seq }: { uid: string; seq: number }, reason: Busy['reason'], to: Address): Output {
  return { type: 'respond', to, message: { type: 'busy', uid, seq, reason } }
}

function response({ uid, seq }: { uid: string; seq: number }, outcome: Outcome, to: Address): Output {
  return { type: 'respond', to, message: { type: 'response', uid, seq, outcome } }
}

function answerOf(due: Due): Output {
  const { request, replyTo } = due.entry
  switch (due.kind) {
    case 'response':
      return response(request, due.outcome, replyTo)
    case 'queued':
      return { type: 'respond', to: replyTo, message: { type: 'queued', uid: request.uid, seq: request.seq } }
    case 'handedBack':
      return busy(request, 'busy', replyTo)
  }
  return due satisfies never
}

export const requestQueueSetup = setup({
  types: {
    context: {} as RequestQueueContext,
    events: {} as RequestQueueEvent,
    emitted: {} as Output,
    input: {} as RequestQueueInput,
  },
  guards: {
    hasEnded: (_, { recorded }: RequestEvent) => recorded !== null && recorded.kind !== 'full',
    isDelayedHere: ({ context }, event: RequestEvent) => tagOf(context, event) !== null,
    isHeld: ({ context }, event: RequestEvent) => get(context.held.byId, requestId(event)) !== undefined,
    isStopping: ({ context }) => context.isStopping,
    isNotCounted: ({ context }) => !isCounted(context.members, context.self, context.incarnation),
    isFull: ({ context }) => isReadyFull(context.held, context.limits),
    replicaIsFull: (_, { recorded }: RequestEvent) => recorded?.kind === 'full',
    nothingIsHeld: ({ context }) => context.held.count === 0,
    somethingIsReady: ({ context }) => context.held.ready.length > 0,
    nothingIsReady: ({ context }) => context.held.ready.length === 0,
    nothingIsOffered: ({ context }) => context.offered.length === 0,
    isWanted: ({ context }) => context.isWanted,
    isReadyAndWanted: ({ context }) => context.isWanted && context.held.ready.length > 0,
  },
  actions: {
    sendRecorded: enqueueActions(({ enqueue }, { recorded, replyTo, ...event }: RequestEvent) => {
      if (recorded !== null && recorded.kind !== 'full') enqueue.emit(response(event, recorded, replyTo))
    }),
    sendBusy: emit((_, event: RequestEvent) => busy(event, 'busy', event.replyTo)),
    sendNotMember: emit((_, event: RequestEvent) => busy(event, 'notMember', event.replyTo)),
    sendStopping: emit((_, event: RequestEvent) => busy(event, 'stopping', event.replyTo)),
    recordReplyTo: assign(({ context }, event: RequestEvent) => ({ held: withReplyTo(context.held, event) })),
    recordAskedAgain: assign(({ context }, event: RequestEvent) => {
      const id = requestId(event)
      return {
        askedAgain: context.askedAgain.includes(id) ? context.askedAgain : [...context.askedAgain, id],
      }
    }),
    notifyNewsWanted: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'learner', event: { type: 'news.wanted' } })
    }),
    /** The requests are still delayed, and a quorum knew nothing that would wake them: their clients need not ask another server. */
    sendQueuedToAskedAgain: enqueueActions(({ context, enqueue }) => {
      for (const id of context.askedAgain) {
        const entry = get(context.held.byId, id)
        if (entry === undefined) continue
        const { uid, seq } = entry.request
        enqueue.emit({ type: 'respond', to: entry.replyTo, message: { type: 'queued', uid, seq } })
      }
      enqueue.assign({ askedAgain: [] })
    }),
    recordRequest: assign(({ context }, event: RequestEvent) => ({ held: withRequest(context.held, event) })),
    recordExecution: enqueueActions(({ context, enqueue }, execution: BatchExecuted) => {
      const { held, due } = afterExecution(context.held, execution, context.limits)
      for (const answer of due) enqueue.emit(answerOf(answer))
      const offered = context.offered.filter((id) => get(held.byId, id)?.tag === null)
      enqueue.assign({ held, offered })
    }),
    offerBatch: enqueueActions(({ context, enqueue }) => {
      const batch = nextBatch(context.held, context.self, context.limits)
      enqueue.emit({ type: 'tell', role: 'proposer', event: { type: 'batch.offered', batch } })
      enqueue.assign({ offered: batch.requests.map(requestId), isWanted: false })
    }),
    recordWanted: assign({ isWanted: true, offered: [] }),
    forgetWanted: assign({ isWanted: false, offered: [] }),
    notifyReady: enqueueActions(({ context, enqueue }) => {
      if (context.isWanted || context.held.ready.length === 0) return
      enqueue.emit({ type: 'tell', role: 'proposer', event: { type: 'requests.ready' } })
    }),
    recordStopping: assign({ isStopping: true }),
    /** Nothing that an uncounted server proposes can be chosen, so its clients must ask another server. */
    recordMembers: enqueueActions(({ context, enqueue }, { members }: { members: readonly Member[] }) => {
      enqueue.assign({ members })
      if (isCounted(members, context.self, context.incarnation)) return
      for (const id of keysOf(context.held.byId)) {
        const entry = get(context.held.byId, id)
        if (entry !== undefined) enqueue.emit(busy(entry.request, 'notMember', entry.replyTo))
      }
      enqueue.assign({ held: nothingHeld, offered: [], askedAgain: [], isWanted: false })
    }),
  },
})
