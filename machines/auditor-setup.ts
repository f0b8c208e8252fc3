/** The delays, guards and actions of the auditor's chart. */
import { assign, emit, enqueueActions, setup } from 'xstate'
import {
  agreeingQuorum,
  type Digests,
  earliestDifference,
  mayAgree,
  reasonToHalt,
  withDigests,
} from './auditing.ts'
import type { AuditorContext, AuditorInput } from './auditor-context.ts'
import { whyCopied } from './boot.ts'
import type { AuditorEvent, CompareArrived, DifferenceNoticed, ExposureWanted, Heard } from './inbox.ts'
import { countedMembers, isCounted, type Member, peersOf } from './members.ts'
import type { Compared, Exposure } from './messages.ts'
import type { Output } from './outputs.ts'
import { isQuorum } from './quorum.ts'
import { retransmitInterval } from './timing.ts'

/** This server's digests in the current comparison. */
function ownDigests({ self, answers }: AuditorContext): Digests {
  return answers.find(({ node }) => node === self) ?? { node: self, digests: [] }
}

/** True when a quorum agrees and `isOwn` says whether this server is to be among those that agree. */
function quorumAgrees({ self, members, answers }: AuditorContext, isOwn: boolean): boolean {
  const quorum = agreeingQuorum(members, answers)
  return quorum !== null && quorum.some(({ node }) => node === self) === isOwn
}

/** What the servers that have exposed this one say. */
function exposedText({ reporters, exposure }: AuditorContext): string {
  const why = exposure === null ? '' : `: ${whyCopied(exposure)}`
  return (
    `the servers ${reporters.join(', ')} have proof that this directory was copied or put back${why}. It may have forgotten votes, so it ` +
    'must not vote any more: remove the server from the members, and let it join again with an empty directory'
  )
}

export const auditorSetup = setup({
  types: {
    context: {} as AuditorContext,
    events: {} as AuditorEvent,
    emitted: {} as Output,
    input: {} as AuditorInput,
  },
  delays: {
    askInterval: ({ context: { timing, tries } }) => retransmitInterval(timing, null, tries, 1),
  },
  guards: {
    senderIsNotCounted: (
      { context },
      { sender, incarnation }: CompareArrived | Heard<Compared> | Heard<Exposure>,
    ) => !isCounted(context.members, sender, incarnation),
    /** This server has not executed the instance yet, or has forgotten its digest. */
    instanceIsUnknown: (_, { own }: CompareArrived) => own === null,
    digestsAreEqual: (_, { own, digest }: CompareArrived) => own?.at(-1) === digest,
    /** Each instance is compared until there is a verdict: otherwise servers that differ would ask each other for ever. */
    wasCompared: ({ context }, { instance }: DifferenceNoticed | CompareArrived) =>
      instance <= context.concluded,
    isForAnotherInstance: ({ context }, { instance }: Heard<Compared>) => instance !== context.instance,
    isAboutAnother: ({ context }, { node, directory }: Heard<Exposure>) =>
      node !== context.self || directory !== context.incarnation,
    quorumHasReported: ({ context: { members, reporters } }) => isQuorum(countedMembers(members), reporters),
    quorumDiffers: ({ context }) => quorumAgrees(context, false),
    quorumIsLikeThis: ({ context }) => quorumAgrees(context, true),
    noQuorumCanAgree: ({ context: { members, answers } }) => !mayAgree(members, answers),
    quorumHasAnswered: ({ context: { members, answers, tries, timing } }) =>
      tries >= timing.patientTries &&
      isQuorum(
        countedMembers(members),
        answers.map(({ node }) => node),
      ),
    hasAskedEnough: ({ context }) => context.tries >= context.timing.patientTries,
    hasAskedEnoughInDispute: ({ context: { tries, timing, dispute } }) =>
      tries >= timing.patientTries && dispute !== null,
  },
  actions: {
    recordDifference: assign(({ context }, { instance, own }: DifferenceNoticed | CompareArrived) => ({
      instance,
      answers: own === null ? [] : [{ node: context.self, digests: own }],
      tries: 0,
    })),
    recordConclusion: assign(({ context }) => ({ concluded: Math.max(context.concluded, context.instance) })),
    beginDoubt: emit({ type: 'doubt' as const, isDoubted: true }),
    endDoubt: emit({ type: 'doubt' as const, isDoubted: false }),
    broadcastCompare: enqueueActions(({ context, enqueue }) => {
      const { members, self, instance, answers } = context
      const digest = ownDigests(context).digests.at(-1) ?? ''
      const silent = peersOf(members, self).filter((id) => answers.every(({ node }) => node !== id))
      for (const to of silent) {
        enqueue.emit({ type: 'send', to, message: { type: 'compare', instance, digest } })
      }
    }),
    sendCompared: enqueueActions(({ enqueue }, { sender, instance, own }: CompareArrived) => {
      if (own === null) return
      enqueue.emit({ type: 'send', to: sender, message: { type: 'compared', instance, digests: own } })
    }),
    recordAnswer: assign(({ context }, { sender, digests }: Heard<Compared>) => ({
      answers: withDigests(context.answers, { node: sender, digests }),
    })),
    recordTry: assign(({ context }) => ({ tries: context.tries + 1 })),
    haltDiffering: enqueueActions(({ context, enqueue }) => {
      const quorum = agreeingQuorum(context.members, context.answers) ?? []
      enqueue.emit({ type: 'halt', ...reasonToHalt(ownDigests(context), quorum, context.instance) })
    }),
    sendExposures: enqueueActions(({ enqueue }, { to, exposures }: ExposureWanted) => {
      for (const message of exposures) {
        for (const server of to) enqueue.emit({ type: 'send', to: server, message })
      }
    }),
    distrustDirectory: emit((_, { node, directory, one, other }: Heard<Exposure>) => ({
      type: 'distrust' as const,
      ...{ node, incarnation: directory, one, other },
    })),
    recordReport: assign(({ context: { reporters, exposure } }, { sender, one, other }: Heard<Exposure>) => ({
      reporters: reporters.includes(sender) ? reporters : [...reporters, sender],
      exposure: exposure ?? { one, other },
    })),
    withdraw: emit(({ context }) => ({ type: 'withdraw' as const, reason: exposedText(context) })),
    haltExposed: emit(({ context }) => ({
      type: 'halt' as const,
      reason: exposedText(context),
      isForEver: true,
    })),
    recordDispute: assign(({ context }) => ({
      dispute: context.dispute ?? earliestDifference(ownDigests(context), context.answers, context.instance),
    })),
    forgetDispute: assign({ dispute: null }),
    refuseDisputed: enqueueActions(({ context, enqueue }) => {
      enqueue.emit({ type: 'refuse', dispute: context.dispute })
    }),
    recordMembers: assign(({ context }, { members }: { members: readonly Member[] }) => ({
      members,
      answers: context.answers.filter(
        ({ node }) => node === context.self || countedMembers(members).includes(node),
      ),
    })),
  },
})
