/** The delays, guards and actions of the request queue's chart. */
import { assign, enqueueActions, setup } from 'xstate'
import {
  type Arriving,
  admitted,
  fromClient,
  fromServer,
  heldAmong,
  newAmong,
  nothingIsNew,
  withReplyTo,
} from './admission.ts'
import { answersOf, busy, queuedOf, refusalsOf, response } from './answers.ts'
import type { NodeId } from './batch.ts'
import { handable, handedOver, handedOverAgain, mayGoTo, otherLeader, takenBack } from './hand-over.ts'
import { afterExecution, afterReplacement } from './held-execution.ts'
import { heldGroups, nextBatch, requestsIn } from './held-groups.ts'
import { allHeld, type HeldRequests, heldRequest, nothingHeld, requestId } from './held-requests.ts'
import type {
  BatchExecuted,
  HandOverArrived,
  LeaderAnswered,
  LeaderChanged,
  RequestArrived,
  RequestQueueEvent,
  RequestsRecalled,
  SpaceChanged,
} from './inbox.ts'
import { addressedTo, countedMembers, isCounted, type Member } from './members.ts'
import type { Busy, HandOver } from './messages.ts'
import type { Output, Respond, Send, Tell } from './outputs.ts'
import type { RequestQueueContext, RequestQueueInput } from './request-queue-context.ts'
import { type RoundTrip, withoutSample, withSample } from './round-trip.ts'
import { emptyTable, firstValues, put } from './table.ts'
import { leaderPatience, questionInterval, retransmitInterval, slowestAfter } from './timing.ts'

/** True when a ready request is to be proposed here, because it cannot be handed over, or when only the time is to be added. */
function hasToPropose(context: RequestQueueContext): boolean {
  const { held, offered, isTimeWanted } = context
  if (isTimeWanted) return true
  if (held.ready.length === 0) return false
  const leader = otherLeader(context)
  if (leader === null) return true
  return (
    offered.length > 0 || handable(held, { ...context, leader }).length < requestsIn(held, held.ready).length
  )
}

/** The orders of `offered` that are still to be executed. */
function stillReady(offered: readonly number[], held: HeldRequests): readonly number[] {
  if (offered.length === 0) return offered
  const ready = new Set(held.ready.flatMap((stretch) => stretch.map(([order]) => order)))
  return offered.filter((order) => ready.has(order))
}

function toLeader(to: NodeId, messages: readonly HandOver[]): readonly Send[] {
  return messages.map((message) => ({ type: 'send', to, message }))
}

function refusal(context: RequestQueueContext, event: RequestArrived, reason: Busy['reason']): Output {
  const seqs = newAmong(context.held, fromClient(event, context.self)).map(({ seq }) => seq)
  return busy(event.replyTo, event.uid, seqs, reason)
}

/** The answers to the clients that asked again for requests which are still held: they need not ask another server. */
function stillQueued({ askedAgain, timing }: RequestQueueContext, held: HeldRequests): Respond[] {
  const again = firstValues(askedAgain, Number.POSITIVE_INFINITY).flatMap((id) => heldRequest(held, id) ?? [])
  const inOrder = again.sort((a, b) => a.order - b.order)
  return queuedOf(inOrder, questionInterval(timing, held.delayedCount))
}

/** The question to the others whether this server missed what would wake a request that was asked for again. */
const newsWanted: Tell = { type: 'tell', role: 'learner', event: { type: 'news.wanted' } }

/** The time of an event that brings requests or executes some; `null` for other events. */
function timeOf(event: RequestQueueEvent): number | null {
  return 'atMs' in event ? event.atMs : null
}

/**
 * The measured round trips after requests that were handed over ended. `handedAtMs` is `null` when all were sent again, or at an unknown
 * time.
 */
function measured(
  { roundTrip, timing, tries }: RequestQueueContext,
  { atMs }: BatchExecuted,
  handedAtMs: number | null,
): RoundTrip | null {
  if (handedAtMs !== null) return withSample(roundTrip, atMs - handedAtMs)
  return tries > 0 ? withoutSample(roundTrip, timing.retransmitMs) : roundTrip
}

function handOverInterval({ timing, roundTrip, tries }: RequestQueueContext): number {
  return retransmitInterval(timing, roundTrip, tries, 1)
}

export const requestQueueSetup = setup({
  types: {
    context: {} as RequestQueueContext,
    events: {} as RequestQueueEvent,
    emitted: {} as Output,
    input: {} as RequestQueueInput,
  },
  delays: {
    handOverInterval: ({ context }) => handOverInterval(context),
  },
  guards: {
    nothingIsNew: ({ context }, event: RequestArrived) =>
      nothingIsNew(context.held, fromClient(event, context.self)),
    isStopping: ({ context }) => context.isStopping,
    isLowOnSpace: ({ context }) => context.isLowOnSpace,
    isNotCounted: ({ context }) => !isCounted(context.members, context.self, context.incarnation),
    senderIsNotCounted: ({ context }, { sender, incarnation }: HandOverArrived) =>
      !isCounted(context.members, sender, incarnation),
    replicaIsFull: (_, { recalled }: RequestArrived) => recalled.isFull,
    nothingIsPending: ({ context }) => context.held.count === 0 && !context.isTimeWanted,
    onlyTimeIsWanted: ({ context }) => context.isTimeWanted && context.held.ready.length === 0,
    somethingIsOffered: ({ context }) => context.offered.length > 0,
    nothingIsHeld: ({ context }) => context.held.count === 0,
    somethingIsReady: ({ context }) => context.held.ready.length > 0,
    nothingIsReady: ({ context }) => context.held.ready.length === 0,
    nothingIsHandedOver: ({ context }) => context.held.handedOver.length === 0,
    somethingIsHandedOver: ({ context }) =>
      context.held.ready.length === 0 && context.held.handedOver.length > 0,
    nothingIsOffered: ({ context }) => context.offered.length === 0,
    isWanted: ({ context }) => context.isWanted,
    isReadyAndWanted: ({ context }) => context.isWanted && context.held.ready.length > 0,
    isAnotherLeader: ({ context }, { leader }: LeaderChanged) => leader !== context.leader,
    anotherServerLeads: ({ context }) => {
      const leader = context.held.ready.length === 0 ? null : otherLeader(context)
      return leader !== null && handable(context.held, { ...context, leader }).length > 0
    },
    leaderIsSilent: ({ context }) =>
      !context.wasAnswered && context.silentMs + handOverInterval(context) >= leaderPatience(context),
  },
  actions: {
    sendRecalled: enqueueActions(({ enqueue }, { recalled, uid, replyTo }: RequestArrived) => {
      if (recalled.ended.length > 0) enqueue.emit(response(replyTo, uid, recalled.ended))
    }),
    /**
     * Handles the repetitions of held requests: their answers go to the last address. If the client left the leader to which they
     * were handed over, they are proposed here.
     */
    recordReplyTo: assign(({ context }, event: RequestArrived) => {
      const arriving = fromClient(event, context.self)
      const again = heldAmong(context.held, arriving)
      if (again.length === 0) return {}
      const held = withReplyTo(context.held, arriving, again)
      const { leader, self } = context
      const back = leader === null ? held : takenBack(held, (request) => !mayGoTo(leader, self, request))
      return { held: back }
    }),
    /**
     * A delayed request was repeated: this server may have missed what would wake it. If the proposer has a batch, its execution shows that,
     * because everything below it is executed before; otherwise the others are asked.
     */
    recordAskedAgain: enqueueActions(({ context, enqueue }, event: RequestArrived) => {
      const again = heldAmong(context.held, fromClient(event, context.self)).filter(({ tag }) => tag !== null)
      if (again.length === 0) return
      enqueue.assign({
        askedAgain: again.reduce(
          (all, { uid, seq }) => put(all, requestId({ uid, seq }), { uid, seq }),
          context.askedAgain,
        ),
      })
      if (context.offered.length === 0) enqueue.emit(newsWanted)
    }),
    /** A quorum knew nothing that would wake the requests. */
    sendQueuedToAskedAgain: enqueueActions(({ context, enqueue }) => {
      for (const report of stillQueued(context, context.held)) enqueue.emit(report)
      enqueue.assign({ askedAgain: emptyTable })
    }),
    sendBusy: enqueueActions(({ context, enqueue }, event: RequestArrived) => {
      enqueue.emit(refusal(context, event, 'busy'))
    }),
    sendNotMember: enqueueActions(({ context, enqueue }, event: RequestArrived) => {
      enqueue.emit(refusal(context, event, 'notMember'))
    }),
    sendStopping: enqueueActions(({ context, enqueue }, event: RequestArrived) => {
      enqueue.emit(refusal(context, event, 'stopping'))
    }),
    sendNoSpace: enqueueActions(({ context, enqueue }, event: RequestArrived) => {
      enqueue.emit(refusal(context, event, 'noSpace'))
    }),
    /** Admits the new requests for which there is room, and refuses the others. */
    recordRequests: enqueueActions(({ context, enqueue }, event: RequestArrived) => {
      const arriving = fromClient(event, context.self)
      const fresh = newAmong(context.held, arriving)
      const { held, refused } = admitted(context.held, arriving, fresh, context.limits)
      enqueue.assign({ held })
      if (refused.length === 0) return
      const seqs = refused.map(({ seq }) => seq)
      enqueue.emit(busy(event.replyTo, event.uid, seqs, 'busy'))
    }),
    /** Admits the new requests that another server hands over. That server repeats those for which there is no room. */
    recordHandedOver: assign(({ context }, event: HandOverArrived) => {
      const admit = (held: RequestQueueContext['held'], arriving: Arriving) =>
        admitted(held, arriving, newAmong(held, arriving), context.limits).held
      const open = fromServer(event).filter(({ recalled }) => !recalled.isFull)
      return { held: open.reduce(admit, context.held) }
    }),
    /**
     * Some of the requests have ended, or the server that hands them over was removed: that server misses the instance at which this
     * happened.
     */
    sendSettled: enqueueActions(({ context, enqueue }, event: HandOverArrived) => {
      const { recalled, sender, incarnation, firstUnexecuted } = event
      const isCountedSender = isCounted(context.members, sender, incarnation)
      if (isCountedSender && recalled.every(({ ended }) => ended.length === 0)) return
      if (firstUnexecuted === 0) return
      const message = { type: 'settled', ballot: null, instance: firstUnexecuted - 1 } as const
      enqueue.emit({ type: 'send', ...addressedTo(context.members, sender, incarnation), message })
    }),
    recordExecution: enqueueActions(({ context, enqueue }, execution: BatchExecuted) => {
      const { held, due, endsHandOver, handedAtMs } = afterExecution(context.held, execution, context.limits)
      const askAgainMs = questionInterval(context.timing, held.delayedCount)
      for (const answer of answersOf(due, askAgainMs)) enqueue.emit(answer)
      const isOffered = context.offered.length > 0
      const offered = stillReady(context.offered, held)
      if (isOffered && offered.length === 0) {
        for (const report of stillQueued(context, held)) enqueue.emit(report)
        enqueue.assign({ askedAgain: emptyTable })
      }
      enqueue.assign({
        isTimeWanted: false,
        held,
        offered,
        ...(endsHandOver && { slowestMs: slowestAfter(context.slowestMs, context.silentMs) }),
        ...(endsHandOver && { tries: 0, silentMs: 0, givenUp: 0, wasAnswered: true }),
        ...(endsHandOver && { roundTrip: measured(context, execution, handedAtMs) }),
      })
    }),
    /** The outcomes of the batches that the snapshot replaced are unknown, and the proposer has given its batch up. */
    recallHeld: enqueueActions(({ context, enqueue }) => {
      const held = takenBack(context.held)
      enqueue.assign({ held, offered: [], isTimeWanted: false, askedAgain: emptyTable })
      if (held.count > 0) enqueue.emit({ type: 'recall', groups: heldGroups(held) })
    }),
    recordRecalled: enqueueActions(({ context, enqueue }, { ended }: RequestsRecalled) => {
      const { held, due } = afterReplacement(context.held, ended, context.limits)
      const askAgainMs = questionInterval(context.timing, held.delayedCount)
      for (const answer of answersOf(due, askAgainMs)) enqueue.emit(answer)
      enqueue.assign({ held, offered: stillReady(context.offered, held) })
    }),
    /** If nothing is ready, the batch is empty: it only adds the time that has passed to the replicated clock. */
    offerBatch: enqueueActions(({ context, enqueue }) => {
      const { batch, orders } = nextBatch(context.held, context.self, context.limits)
      enqueue.emit({ type: 'tell', role: 'proposer', event: { type: 'batch.offered', batch, atMs: 0 } })
      enqueue.assign({ offered: orders, isWanted: false })
    }),
    recordTimeWanted: assign({ isTimeWanted: true }),
    /** The proposer returns the batch for whose execution questions of clients wait: the others are asked instead. */
    notifyNewsWanted: enqueueActions(({ context, enqueue }) => {
      const { offered, askedAgain } = context
      if (offered.length > 0 && firstValues(askedAgain, 1).length > 0) enqueue.emit(newsWanted)
    }),
    recordWanted: assign({ isWanted: true, offered: [] }),
    forgetWanted: assign({ isWanted: false, offered: [] }),
    notifyReady: enqueueActions(({ context, enqueue }) => {
      if (context.isWanted || !hasToPropose(context)) return
      enqueue.emit({ type: 'tell', role: 'proposer', event: { type: 'requests.ready' } })
    }),
    recordStopping: assign({ isStopping: true }),
    recordSpace: assign((_, { isLow }: SpaceChanged) => ({ isLowOnSpace: isLow })),
    /** The leader has executed what was handed over, and this server is too far behind to have done so. */
    recordAnswered: assign(({ context }, { leader }: LeaderAnswered) =>
      leader === context.leader ? { wasAnswered: true } : {},
    ),
    /** The requests that were handed over to the previous leader go to the new one, or are proposed here. */
    recordLeader: assign(({ context }, { leader }: LeaderChanged) => ({
      leader,
      held: takenBack(context.held),
      tries: 0,
      silentMs: 0,
    })),
    /** The leader is silent: this server competes with it. */
    forgetLeader: assign(({ context }) => ({
      leader: null,
      held: takenBack(context.held),
      tries: 0,
      silentMs: 0,
      givenUp: context.givenUp + 1,
    })),
    /** Only a request that was handed over at a known time gives a sample of the round trip. */
    sendHandOver: enqueueActions(({ context, enqueue }, event: RequestQueueEvent) => {
      const leader = otherLeader(context)
      if (leader === null) return
      const { round, limits } = context
      const requests = handable(context.held, { ...context, leader })
      const { held, messages } = handedOver(context.held, requests, { round, atMs: timeOf(event), limits })
      enqueue.assign({ held })
      for (const send of toLeader(leader, messages)) enqueue.emit(send)
    }),
    /** Repeats what was handed over in an earlier round. */
    sendHandOverAgain: enqueueActions(({ context, enqueue }) => {
      const { held, messages } = handedOverAgain(context.held, context.round, context.limits)
      enqueue.assign({
        held,
        ...(context.wasAnswered
          ? { tries: 0, silentMs: 0 }
          : { tries: context.tries + 1, silentMs: context.silentMs + handOverInterval(context) }),
      })
      const leader = otherLeader(context)
      if (leader !== null) for (const send of toLeader(leader, messages)) enqueue.emit(send)
    }),
    /** What is handed over at the beginning of a wait is repeated at its end. */
    advanceRound: assign(({ context }) => ({ round: context.round + 1, wasAnswered: false })),
    /** Nothing that an uncounted server proposes can be chosen, so its clients must ask another server. */
    recordMembers: enqueueActions(({ context, enqueue }, { members }: { members: readonly Member[] }) => {
      enqueue.assign({ members })
      if (isCounted(members, context.self, context.incarnation)) {
        const { leader, held } = context
        const isGone = leader !== null && !countedMembers(members).includes(leader)
        if (isGone) enqueue.assign({ leader: null, held: takenBack(held), tries: 0, silentMs: 0 })
        return
      }
      for (const refused of refusalsOf(allHeld(context.held), 'notMember')) enqueue.emit(refused)
      enqueue.assign({
        ...{ held: nothingHeld, offered: [], askedAgain: emptyTable },
        ...{ isWanted: false, isTimeWanted: false },
      })
    }),
  },
})
