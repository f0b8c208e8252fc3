/** The delays, guards and actions of the proposer's chart. */
import { assign, enqueueActions, setup } from 'xstate'
import { type Ballot, ballotAbove, compareBallots, sameBallot } from './ballot.ts'
import type { Batch, Instance } from './batch.ts'
import type { BatchExecuted, Heard, ProposerEvent, StateReplaced } from './inbox.ts'
import { informantOf, noticeBehind } from './informant.ts'
import { roundStep } from './limits.ts'
import { countedMembers, isCounted } from './members.ts'
import type { Accepted, Denial, PromiseMessage } from './messages.ts'
import type { Output } from './outputs.ts'
import {
  batchToHelp,
  bestInformed,
  highestAccepted,
  holdersAboveHole,
  isPrepared,
  withoutVoid,
  withPromise,
} from './promises.ts'
import type { ProposerContext, ProposerInput } from './proposer-context.ts'
import { isQuorum, withAnswer } from './quorum.ts'
import { drawRandom } from './random.ts'
import { type RoundTrip, withoutSample, withSample } from './round-trip.ts'
import { doubled, retransmitInterval } from './timing.ts'

/**
 * The highest round after a rival's round was received. It jumps to that round, not by one, so that an outdated proposer is
 * denied only once. A round that is too far above is followed one step at a time.
 */
function roundWithRival(highestRound: number, rival: Ballot | null): number {
  return Math.max(highestRound, Math.min(rival?.round ?? 0, highestRound + roundStep))
}

/** The measured round trips after a quorum accepted at `atMs`. */
function measured(
  { roundTrip, offeredAtMs, tries, timing }: ProposerContext,
  atMs: number,
): RoundTrip | null {
  if (tries > 0) return withoutSample(roundTrip, timing.retransmitMs)
  return offeredAtMs === null ? roundTrip : withSample(roundTrip, atMs - offeredAtMs)
}

type Answer = Heard<PromiseMessage> | Heard<Accepted> | Heard<Denial>

export const proposerSetup = setup({
  types: {
    context: {} as ProposerContext,
    events: {} as ProposerEvent,
    emitted: {} as Output,
    input: {} as ProposerInput,
  },
  delays: {
    retransmitInterval: ({ context: { timing, roundTrip, tries, spread } }) =>
      retransmitInterval(timing, roundTrip, tries, spread),
    backoff: ({ context }) => context.backoffMs,
  },
  guards: {
    mayNotPropose: ({ context }) => !isCounted(context.members, context.self, context.incarnation),
    /**
     * After a restart, the same ballot may be prepared again, from a lower instance if learned batches were not synced. A late
     * promise for the first prepare then says nothing about the instances between.
     */
    isForAnotherPrepare: ({ context }, { ballot, from }: Heard<PromiseMessage>) =>
      !sameBallot(ballot, context.ballot) || from !== context.preparedFrom,
    /** Not a member, or a member with another directory than the admitted one: it may have lost its promises. */
    senderIsNotCounted: ({ context }, { sender, incarnation }: Answer) =>
      !isCounted(context.members, sender, incarnation),
    roundIsTooFar: ({ context }, { promised }: Heard<Denial>) =>
      (promised?.round ?? 0) > context.highestRound + roundStep,
    isForAnotherBallot: ({ context }, { ballot }: { ballot: Ballot }) => !sameBallot(ballot, context.ballot),
    completesPromises: ({ context }, heard: Heard<PromiseMessage>) =>
      isPrepared(context.members, context.self, withPromise(context.promises, heard)),
    isForAnotherInstance: ({ context }, { instance }: { instance: Instance }) =>
      instance !== context.firstUnexecuted,
    completesAccepts: ({ context }, { sender }: Heard<Accepted>) =>
      isQuorum(countedMembers(context.members), withAnswer(context.accepts, sender)),
    promisedMore: ({ context }, { promised }: Heard<Denial>) => compareBallots(promised, context.ballot) > 0,
    knowsMore: ({ context }, { firstUnchosen }: Heard<Denial>) => firstUnchosen > context.firstUnexecuted,
    somebodyKnowsMore: ({ context }) =>
      bestInformed(context.promises).firstUnchosen > context.firstUnexecuted,
    somethingMayBeChosen: ({ context }) => batchToHelp(context.promises, context.firstUnexecuted) !== null,
    somethingIsVoid: ({ context }) => holdersAboveHole(context.promises, context.firstUnexecuted).length > 0,
    hasWaitedEnough: ({ context }) => context.tries >= context.timing.patientTries,
    noQuorumAnswers: ({ context }) => context.tries >= context.timing.newsTries,
    changesMembers: (_, { members }: BatchExecuted) => members !== null,
    batchIsChosenAtThisBallot: ({ context }) => context.isChosen,
    /** The promises also contain an accepted batch above this instance. */
    batchIsChosenBelowAnother: ({ context }) =>
      context.isChosen && highestAccepted(context.promises) > context.firstUnexecuted,
    isSurpassed: ({ context }, { ballot }: { ballot: Ballot }) => compareBallots(ballot, context.ballot) > 0,
    mayYield: ({ context }) => !context.hasYielded,
  },
  actions: {
    adoptNextBallot: assign(({ context }) => ({
      ballot: ballotAbove(context.highestRound, context.self),
      highestRound: context.highestRound + 1,
      preparedFrom: context.firstUnexecuted,
      promises: [],
      batch: null,
      accepts: [],
      isChosen: false,
      tries: 0,
      offeredAtMs: null,
    })),
    broadcastPrepare: enqueueActions(({ context, enqueue }) => {
      const silent = countedMembers(context.members).filter(
        (id) => !context.promises.some(({ node }) => node === id),
      )
      for (const to of silent) {
        enqueue.emit({
          type: 'send',
          to,
          message: { type: 'prepare', ballot: context.ballot, from: context.preparedFrom },
        })
      }
    }),
    recordPromise: assign(({ context }, heard: Heard<PromiseMessage>) => ({
      promises: withPromise(context.promises, heard),
    })),
    notifyBehind: enqueueActions(({ context, enqueue }) => {
      const { node: id, incarnation, firstUnchosen } = bestInformed(context.promises)
      enqueue.emit(noticeBehind(firstUnchosen, { id, incarnation }, null))
    }),
    notifyDenierKnowsMore: enqueueActions(({ enqueue }, denial: Heard<Denial>) => {
      enqueue.emit(noticeBehind(denial.firstUnchosen, informantOf(denial), denial.atMs))
    }),
    /** The sender may have replaced a member while this server was away. */
    notifyUncountedKnowsMore: enqueueActions(({ context, enqueue }, answer: Answer) => {
      if (!answer.knowsUs || answer.type === 'accepted') return
      if (answer.firstUnchosen <= context.firstUnexecuted) return
      enqueue.emit(noticeBehind(answer.firstUnchosen, informantOf(answer), answer.atMs))
    }),
    flagRound: enqueueActions(({ enqueue }, { sender }: Heard<Denial>) => {
      enqueue.emit({ type: 'flag', oddity: 'round', sender })
    }),
    forgetVoid: enqueueActions(({ context, enqueue }) => {
      for (const sender of holdersAboveHole(context.promises, context.firstUnexecuted)) {
        enqueue.emit({ type: 'flag', oddity: 'void', sender })
      }
      enqueue.assign({ promises: withoutVoid(context.promises, context.firstUnexecuted) })
    }),
    /** Adopts the batch of the highest ballot, not the most accepted one: only that batch can have been chosen below this ballot. */
    adoptBatchToHelp: assign(({ context }) => ({
      batch: batchToHelp(context.promises, context.firstUnexecuted),
      accepts: [],
      isChosen: false,
      tries: 0,
      offeredAtMs: null,
    })),
    adoptOwnBatch: assign((_, { batch, atMs }: { batch: Batch; atMs: number }) => ({
      batch,
      accepts: [],
      isChosen: false,
      tries: 0,
      offeredAtMs: atMs,
    })),
    broadcastAccept: enqueueActions(({ context, enqueue }) => {
      if (context.batch === null) return
      const message = {
        type: 'accept' as const,
        ballot: context.ballot,
        instance: context.firstUnexecuted,
        batch: context.batch,
      }
      const silent = countedMembers(context.members).filter((id) => !context.accepts.includes(id))
      for (const to of silent) enqueue.emit({ type: 'send', to, message })
    }),
    recordAccepted: assign(({ context }, { sender }: Heard<Accepted>) => ({
      accepts: withAnswer(context.accepts, sender),
    })),
    /** A quorum has accepted it, so it is chosen. The denials of this ballot did not prevent that. */
    recordChosen: assign(({ context }, { sender, atMs }: Heard<Accepted>) => ({
      accepts: withAnswer(context.accepts, sender),
      isChosen: true,
      backoffs: 0,
      roundTrip: measured(context, atMs),
    })),
    notifyChosen: enqueueActions(({ context, enqueue }) => {
      if (context.batch === null) return
      enqueue.emit({
        type: 'tell',
        role: 'learner',
        event: { type: 'batch.chosen', instance: context.firstUnexecuted, batch: context.batch },
      })
    }),
    /** Learners are lazy: only the servers that hold a request which the batch concerns learn at once that it is chosen. */
    sendSettledToConcerned: enqueueActions(({ context, enqueue }, { instance, concerned }: BatchExecuted) => {
      const { batch, isChosen, ballot } = context
      if (batch === null || !isChosen || instance !== context.firstUnexecuted) return
      for (const to of concerned) {
        if (to !== context.self)
          enqueue.emit({ type: 'send', to, message: { type: 'settled', ballot, instance } })
      }
    }),
    /** The denied ballot is below that of another server, which leads or is about to. */
    notifyLeader: enqueueActions(({ context, enqueue }, { promised }: Heard<Denial>) => {
      if (promised === null || promised.node === context.self) return
      enqueue.emit({
        type: 'tell',
        role: 'requestQueue',
        event: { type: 'leader.changed', leader: promised.node },
      })
    }),
    advance: assign(({ context }, { instance, members }: BatchExecuted) => ({
      firstUnexecuted: instance + 1,
      members: members ?? context.members,
      // The promises were made under the previous members.
      promises: members === null ? context.promises : [],
      batch: null,
      accepts: [],
      isChosen: false,
      tries: 0,
      offeredAtMs: null,
    })),
    /** The promises were made for a lower instance, perhaps under other members, so the ballot is given up. */
    advanceToSnapshot: assign((_, { firstUnexecuted, members }: StateReplaced) => ({
      ...{ firstUnexecuted, members },
      promises: [],
      batch: null,
      accepts: [],
      isChosen: false,
      tries: 0,
      offeredAtMs: null,
    })),
    /** No quorum answers: the members may have changed while this server was away, and another server may know it. */
    notifyNewsWanted: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'learner', event: { type: 'news.wanted' } })
    }),
    forgetTries: assign({ tries: 0 }),
    recordTry: assign(({ context }) => {
      const { seed, value } = drawRandom(context.randomSeed)
      return { tries: context.tries + 1, randomSeed: seed, spread: 0.75 + value / 2 }
    }),
    recordRival: assign(({ context: { highestRound } }, { ballot }: { ballot: Ballot }) => ({
      highestRound: roundWithRival(highestRound, ballot),
    })),
    recordRivalOfDenial: assign(({ context: { highestRound } }, { promised }: Heard<Denial>) => ({
      highestRound: roundWithRival(highestRound, promised),
    })),
    adoptRandomBackoff: assign(({ context }) => {
      const { backoffMs, backoffLimitMs } = context.timing
      const { seed, value } = drawRandom(context.randomSeed)
      return {
        randomSeed: seed,
        backoffs: context.backoffs + 1,
        backoffMs: Math.ceil(doubled(backoffMs, backoffLimitMs, context.backoffs) * (0.5 + value)),
      }
    }),
    recordYielding: assign({ hasYielded: true }),
    forgetYielding: assign({ hasYielded: false }),
    notifyBatchWanted: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'requestQueue', event: { type: 'batch.wanted' } })
    }),
    notifyWorkWanted: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'requestQueue', event: { type: 'work.wanted' } })
    }),
  },
})
