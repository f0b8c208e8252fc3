/** The delays, guards and actions of the reader's chart. */
import { assign, enqueueActions, setup } from 'xstate'
import { busy } from './answers.ts'
import { bestInformedOf, chosenBelow, withConfirmation } from './confirmations.ts'
import {
  newReads,
  noReads,
  type ReadsOfClient,
  readsByClient,
  roomFor,
  together,
  withReadAddress,
  withReads,
} from './held-reads.ts'
import type { BatchExecuted, Heard, ReadArrived, ReaderEvent, StateReplaced } from './inbox.ts'
import { noticeBehind } from './informant.ts'
import { countedMembers, isCounted, type Member } from './members.ts'
import type { Busy, Confirmed } from './messages.ts'
import type { Output, Query, Respond } from './outputs.ts'
import { drawRandom } from './random.ts'
import type { ReaderContext, ReaderInput } from './reader-context.ts'
import { withoutSample, withSample } from './round-trip.ts'
import { retransmitInterval } from './timing.ts'

function refusal({ uid, replyTo, reads }: ReadsOfClient | ReadArrived, reason: Busy['reason']): Respond {
  const seqs = reads.map(({ seq }) => seq)
  return busy(replyTo, uid, seqs, reason)
}

function query({ uid, replyTo: to, reads }: ReadsOfClient | ReadArrived): Query {
  return { type: 'query', to, uid, reads: reads.map(({ seq, body }) => ({ seq, body })) }
}

/** The time of an event; `null` for one without. */
function timeOf(event: ReaderEvent): number | null {
  return 'atMs' in event ? event.atMs : null
}

/** The instance below which this server must have executed everything before it answers; `null` while no quorum has answered. */
function neededBelow({ members, answers }: ReaderContext): number | null {
  return chosenBelow(members, answers)
}

export const readerSetup = setup({
  types: {
    context: {} as ReaderContext,
    events: {} as ReaderEvent,
    emitted: {} as Output,
    input: {} as ReaderInput,
  },
  delays: {
    retransmitInterval: ({ context: { timing, roundTrip, tries, spread } }) =>
      retransmitInterval(timing, roundTrip, tries, spread),
  },
  guards: {
    mayBeStale: (_, { stale }: ReadArrived) => stale,
    isStopping: ({ context }) => context.isStopping,
    isNotCounted: ({ context }) => !isCounted(context.members, context.self, context.incarnation),
    somethingIsGathered: ({ context }) => context.gathered.count > 0,
    /** Not a member, or a member with another directory than the admitted one: what it accepted may have been accepted elsewhere. */
    senderIsNotCounted: ({ context }, { sender, incarnation }: Heard<Confirmed>) =>
      !isCounted(context.members, sender, incarnation),
    isForAnotherQuestion: ({ context }, { question }: Heard<Confirmed>) => question !== context.question,
    quorumHasAnswered: ({ context }) => neededBelow(context) !== null,
    everythingNeededIsExecuted: ({ context }) => {
      const below = neededBelow(context)
      return below !== null && below <= context.firstUnexecuted
    },
    noQuorumAnswers: ({ context }) => context.tries >= context.timing.newsTries,
  },
  actions: {
    /** Answers from the present state, which may be old. */
    queryAtOnce: enqueueActions(({ enqueue }, event: ReadArrived) => {
      enqueue.emit(query(event))
    }),
    sendStopping: enqueueActions(({ enqueue }, event: ReadArrived) => {
      enqueue.emit(refusal(event, 'stopping'))
    }),
    sendNotMember: enqueueActions(({ enqueue }, event: ReadArrived) => {
      enqueue.emit(refusal(event, 'notMember'))
    }),
    /**
     * Gathers the new reads for which there is room, and refuses the others. They wait for the next question: a batch may have been chosen,
     * and answered for, after an acceptor answered the present one.
     */
    recordReads: enqueueActions(({ context, enqueue }, event: ReadArrived) => {
      const { uid, replyTo } = event
      const asked = withReadAddress(context.asked, uid, replyTo)
      const gathered = withReadAddress(context.gathered, uid, replyTo)
      const { taken, refused } = roomFor(newReads(event, asked, gathered), [asked, gathered], context.limits)
      enqueue.assign({ asked, gathered: withReads(gathered, event, taken) })
      if (refused.length > 0) enqueue.emit(refusal({ uid, replyTo, reads: refused }, 'busy'))
    }),
    /** The gathered reads share a new question, which is not sent yet. */
    adoptGathered: assign(({ context }, event: ReaderEvent) => ({
      asked: context.gathered,
      gathered: noReads,
      question: context.question + 1,
      answers: [],
      askedAtMs: timeOf(event),
      tries: 0,
      spread: 1,
    })),
    broadcastConfirm: enqueueActions(({ context, enqueue }) => {
      const { members, answers, question } = context
      const silent = countedMembers(members).filter((id) => !answers.some(({ node }) => node === id))
      for (const to of silent) enqueue.emit({ type: 'send', to, message: { type: 'confirm', question } })
    }),
    recordConfirmation: assign(({ context }, confirmed: Heard<Confirmed>) => ({
      answers: withConfirmation(context.answers, confirmed),
    })),
    /** The quorum of answers is complete. */
    recordRoundTrip: assign(({ context }, event: ReaderEvent) => {
      const { roundTrip, askedAtMs, tries, timing } = context
      const atMs = timeOf(event)
      if (tries > 0) return { roundTrip: withoutSample(roundTrip, timing.retransmitMs), tries: 0 }
      if (askedAtMs === null || atMs === null) return { tries: 0 }
      return { roundTrip: withSample(roundTrip, atMs - askedAtMs), tries: 0 }
    }),
    /** An acceptor knows chosen batches that this server has not executed, and the reads wait for them. */
    notifyBehind: enqueueActions(({ context, enqueue }, event: ReaderEvent) => {
      const best = bestInformedOf(context.answers)
      if (best === undefined || best.firstUnchosen <= context.firstUnexecuted) return
      const { node: id, incarnation, firstUnchosen } = best
      enqueue.emit(noticeBehind(firstUnchosen, { id, incarnation }, timeOf(event)))
    }),
    /** Nobody knows whether a batch is chosen for which reads wait, or no quorum answers: the learner asks, and has it settled. */
    notifyNewsWanted: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'learner', event: { type: 'news.wanted' } })
    }),
    recordTry: assign(({ context }) => {
      const { seed, value } = drawRandom(context.randomSeed)
      return { tries: context.tries + 1, randomSeed: seed, spread: 0.75 + value / 2, askedAtMs: null }
    }),
    queryAsked: enqueueActions(({ context, enqueue }) => {
      for (const client of readsByClient(context.asked)) enqueue.emit(query(client))
      enqueue.assign({ asked: noReads, answers: [] })
    }),
    recordExecution: assign((_, { instance }: BatchExecuted) => ({ firstUnexecuted: instance + 1 })),
    recordReplacement: assign((_, { firstUnexecuted }: StateReplaced) => ({ firstUnexecuted })),
    recordStopping: assign({ isStopping: true }),
    /** The answers were those of the previous members: all reads share a new question. */
    recordMembers: enqueueActions(({ context, enqueue }, { members }: { members: readonly Member[] }) => {
      const held = together(context.asked, context.gathered)
      const remains = isCounted(members, context.self, context.incarnation)
      enqueue.assign({ members, asked: noReads, answers: [], gathered: remains ? held : noReads })
      if (remains) return
      for (const client of readsByClient(held)) enqueue.emit(refusal(client, 'notMember'))
    }),
  },
})
