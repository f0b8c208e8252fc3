/** The delays, guards and actions of the learner's chart. */
import { assign, enqueueActions, setup } from 'xstate'
import { sameBatch } from './batch.ts'
import type { Heard, LearnerEvent } from './inbox.ts'
import type { LearnerContext, LearnerInput } from './learner-context.ts'
import {
  aimedAt,
  asked,
  type BatchChosen,
  type BehindNoticed,
  contradictionAmong,
  contradicts,
  haltAt,
  isCountedSender,
  isLeaving,
  isSound,
  isTaken,
  lastKnownIn,
  learning,
  newsIn,
  nextPeer,
  pageOf,
  targetIn,
} from './learning.ts'
import { addressedTo, countedMembers, type Member, peersOf } from './members.ts'
import type { Chosen, Learn } from './messages.ts'
import type { Output } from './outputs.ts'
import { isQuorum, withAnswer } from './quorum.ts'
import { withoutSample, withSample } from './round-trip.ts'
import { retransmitInterval } from './timing.ts'
import { afterUnsettled } from './unsettled.ts'

/** The grace begins with the first news, so later news do not count. */
function heardAt({ firstUnchosen, target, heardAtMs }: LearnerContext, atMs: number | null): number {
  return firstUnchosen < target ? heardAtMs : (atMs ?? heardAtMs)
}

type ChoiceImplied = Extract<LearnerEvent, { type: 'choice.implied' }>

export const learnerSetup = setup({
  types: {
    context: {} as LearnerContext,
    events: {} as LearnerEvent,
    emitted: {} as Output,
    input: {} as LearnerInput,
  },
  delays: {
    grace: ({ context }) => context.timing.graceMs,
    askInterval: ({ context: { timing, roundTrip, tries } }) =>
      retransmitInterval(timing, roundTrip, tries, 1),
    inquiryPatience: ({ context }) => context.timing.inquiryMs,
  },
  guards: {
    isBehind: ({ context }) => context.firstUnchosen < context.target,
    hasCaughtUp: ({ context }) => context.firstUnchosen >= context.target,
    /** True after enough tries without news. With many peers, not all have been asked, but the next time continues from here. */
    hasAskedEnough: ({ context }) => context.tries >= context.timing.patientTries,
    isUnsolicited: ({ context }, heard: Heard<Chosen>) => !isTaken(context, heard),
    contradictsHistory: ({ context }, event: Heard<Chosen> | BatchChosen) =>
      contradicts(context, pageOf(event)),
    isNextPage: ({ context }, heard: Heard<Chosen>) =>
      isSound(context, heard) && newsIn(context, heard).length > 0,
    /** The server that was asked in turn knows no more than this one. The informant showed that it does. */
    onlyInformantKnowsMore: ({ context }, { sender, firstUnchosen }: Heard<Chosen>) =>
      sender === context.peer &&
      firstUnchosen <= context.firstUnchosen &&
      context.informant !== null &&
      context.informant.id !== sender,
    isAnswer: ({ context }, heard: Heard<Chosen>) => isSound(context, heard),
    quorumHasAnswered: ({ context }) => isQuorum(countedMembers(context.members), context.answered),
  },
  actions: {
    adoptChosen: enqueueActions(({ context, enqueue }, event: Heard<Chosen> | BatchChosen) => {
      const { changes, outputs } = learning(context, pageOf(event), { tellsAcceptor: true })
      if (changes === null) return
      enqueue.assign(changes)
      for (const output of outputs) enqueue.emit(output)
    }),
    adoptImplied: enqueueActions(({ context, enqueue }, choice: ChoiceImplied) => {
      const { informant, heard, firstUnchosen, implied, atMs } = choice
      const page = { from: firstUnchosen - 1, batches: implied === null ? [] : [implied] }
      const { changes, outputs } = learning(context, page, { tellsAcceptor: false })
      enqueue.assign({
        ...changes,
        highestHeard: Math.max(context.highestHeard, heard),
        heardAtMs: heardAt(context, atMs),
        ...aimedAt(context, { firstUnchosen, informant }),
      })
      for (const output of outputs) enqueue.emit(output)
    }),
    recordTarget: assign(({ context }, event: Heard<Chosen> | BehindNoticed) => ({
      ...aimedAt(context, targetIn(event)),
      heardAtMs: heardAt(context, event.atMs),
    })),
    /** An unsolicited page is not learned, but a server that knows this one may then be asked for it. */
    recordHint: assign(({ context }, heard: Heard<Chosen>) =>
      heard.knowsUs || isCountedSender(context, heard)
        ? { ...aimedAt(context, targetIn(heard)), heardAtMs: heardAt(context, heard.atMs) }
        : {},
    ),
    /**
     * A single server may be faulty: it is flagged. When a quorum reports the same batch, this server holds a batch that was not
     * chosen.
     */
    recordContradiction: enqueueActions(({ context, enqueue }, heard: Heard<Chosen>) => {
      const reported = lastKnownIn(context, heard)
      if (reported === undefined) return
      enqueue.emit({ type: 'flag', oddity: 'chosen', sender: heard.sender })
      if (!isCountedSender(context, heard)) return
      const before = context.contradiction
      const others = before !== null && sameBatch(before.batch, reported) ? before.by : []
      const by = withAnswer(others, heard.sender)
      enqueue.assign({ contradiction: { batch: reported, by } })
      if (isQuorum(countedMembers(context.members), by)) enqueue.emit(haltAt(context))
    }),
    /** This node's own proposer counted a quorum for another batch than the one known here. */
    halt: enqueueActions(({ context, enqueue }) => {
      enqueue.emit(haltAt(context))
    }),
    /** Asks the answering server for the next page if it knows more. */
    adoptPeer: assign(({ context }, { sender, firstUnchosen }: Heard<Chosen>) =>
      firstUnchosen > context.firstUnchosen ? { peer: sender } : {},
    ),
    adoptInformant: assign(({ context }) => ({ peer: context.informant?.id ?? context.peer })),
    forgetAsked: assign({ asked: [] }),
    /** No reachable server knows the target. A later message may show it again, and an inquiry also asks the informant. */
    forgetTarget: assign(({ context }) => ({ target: context.firstUnchosen, tries: 0 })),
    sendLearn: enqueueActions(({ context, enqueue }) => {
      if (context.peer === context.self || context.firstUnchosen >= context.target) return
      enqueue.assign({ asked: withAnswer(context.asked, context.peer) })
      enqueue.emit({
        type: 'send',
        ...asked(context, context.peer),
        message: { type: 'learn', from: context.firstUnchosen },
      })
    }),
    adoptNextPeer: assign(({ context }) => ({
      peer: nextPeer(context),
      tries: context.tries + 1,
      askedAtMs: null,
    })),
    recordAskTime: assign((_, { atMs }: Heard<Chosen> | BehindNoticed) => ({ askedAtMs: atMs })),
    /** The grace has just ended, which began when the news arrived. */
    recordAskTimeAfterGrace: assign(({ context }) => ({
      askedAtMs: context.heardAtMs + context.timing.graceMs,
    })),
    recordRoundTrip: assign(({ context }, { sender, atMs }: Heard<Chosen>) => {
      const { roundTrip, askedAtMs, peer, tries, timing } = context
      if (tries > 0) return { roundTrip: withoutSample(roundTrip, timing.retransmitMs) }
      if (askedAtMs === null || sender !== peer) return {}
      return { roundTrip: withSample(roundTrip, atMs - askedAtMs) }
    }),
    readChosen: enqueueActions(({ enqueue }, { from, sender, incarnation }: Heard<Learn>) => {
      enqueue.emit({ type: 'read', from, to: sender, incarnation })
    }),
    sendChosen: enqueueActions(
      (
        { context, enqueue },
        { to, incarnation, from, batches }: Extract<LearnerEvent, { type: 'chosen.read' }>,
      ) => {
        enqueue.emit({
          type: 'send',
          ...addressedTo(context.members, to, incarnation),
          message: {
            type: 'chosen',
            from,
            batches,
            firstUnchosen: context.firstUnchosen,
            unsettled: context.highestHeard >= context.firstUnchosen,
          },
        })
      },
    ),
    broadcastLearn: enqueueActions(({ context, enqueue }) => {
      const { informant } = context
      const others = peersOf(context.members, context.self)
      const peers = informant === null ? others : withAnswer(others, informant.id)
      enqueue.assign({
        asked: peers,
        answered: [context.self],
        answeredAtMs: null,
        unsettled: context.highestHeard >= context.firstUnchosen,
      })
      for (const to of peers) {
        const message = { type: 'learn' as const, from: context.firstUnchosen }
        enqueue.emit({ type: 'send', ...asked(context, to), message })
      }
    }),
    recordAnswer: assign(({ context }, heard: Heard<Chosen>) =>
      isCountedSender(context, heard)
        ? {
            answered: withAnswer(context.answered, heard.sender),
            answeredAtMs: heard.atMs,
            unsettled: context.unsettled || heard.unsettled,
          }
        : {},
    ),
    /**
     * An accepted batch that is not known to be chosen may belong to an active proposer, so the first inquiry only remembers it.
     * If inquiries still find it when a leader would be given up, its proposer is gone, and this node's proposer settles it.
     */
    notifyIfAbandoned: enqueueActions(({ context, enqueue }) => {
      const { isGone, next } = context.unsettled ? afterUnsettled(context) : { isGone: false, next: null }
      enqueue.assign({ unsettledSince: next })
      if (isGone) enqueue.emit({ type: 'tell', role: 'proposer', event: { type: 'settle.wanted' } })
    }),
    notifyNewsChecked: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'requestQueue', event: { type: 'news.checked' } })
    }),
    recordMembers: assign(({ context }, { members }: { members: readonly Member[] }) => ({
      members,
      contradiction: contradictionAmong(context, members),
      informant: isLeaving(context, members) ? null : context.informant,
      answered: context.answered.filter((id) => id === context.self || countedMembers(members).includes(id)),
    })),
  },
})
