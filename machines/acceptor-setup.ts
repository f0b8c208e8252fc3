/** The guards and actions that the chart of the acceptor names. */
import { assign, emit, enqueueActions, setup } from 'xstate'
import { recordAt, withRecord } from './accepted-records.ts'
import { type AcceptorContext, type AcceptorInput, nothingUnsaved, type Reply } from './acceptor-context.ts'
import { type Ballot, compareBallots, sameBallot } from './ballot.ts'
import { type Instance, type NodeId, sameBatch } from './batch.ts'
import type { AcceptorEvent, Heard } from './inbox.ts'
import { informantOf, noticeBehind } from './informant.ts'
import { instanceStep, roundStep } from './limits.ts'
import { addressedTo, isCounted, type Member } from './members.ts'
import type { Accept, Prepare } from './messages.ts'
import type { Flag, Oddity, Output } from './outputs.ts'

/** The answers, and that this was accepted. */
function withAccepted(replies: readonly Reply[], { sender, ballot, instance }: Heard<Accept>): Reply[] {
  return [...replies, { to: sender, message: { type: 'accepted', ballot, instance } }]
}

function mayVote({ members, self, incarnation }: AcceptorContext): boolean {
  return isCounted(members, self, incarnation)
}

/** The sender may propose, as far as this server knows. */
function isCountedSender({ members }: AcceptorContext, heard: Heard<Prepare> | Heard<Accept>): boolean {
  return isCounted(members, heard.sender, heard.incarnation)
}

/** What the sender says to be chosen is looked for, if it may know. */
function isHeeded(context: AcceptorContext, heard: Heard<Prepare> | Heard<Accept>): boolean {
  return isCountedSender(context, heard) || heard.knowsUs
}

function instanceOf(heard: Heard<Prepare> | Heard<Accept>): Instance {
  return heard.type === 'prepare' ? heard.from : heard.instance
}

function flagOf(oddity: Oddity, sender: NodeId): Flag {
  return { type: 'flag', oddity, sender }
}

export const acceptorSetup = setup({
  types: {
    context: {} as AcceptorContext,
    events: {} as AcceptorEvent,
    emitted: {} as Output,
    input: {} as AcceptorInput,
  },
  guards: {
    mayNotVote: ({ context }) => !mayVote(context),
    isSettledAndMayNotVote: ({ context }, { from }: Heard<Prepare>) =>
      !mayVote(context) && from < context.firstUnchosen,
    /**
     * By this server's members the sender is none, or it comes with another directory. Either it does not know that it was
     * removed; or this server does not know that it was admitted, and has to learn that before it votes for it.
     */
    senderIsNotCounted: ({ context }, heard: Heard<Prepare> | Heard<Accept>) =>
      !isCountedSender(context, heard),
    roundIsTooFar: ({ context }, { ballot }: { ballot: Ballot }) =>
      ballot.round > (context.promised?.round ?? 0) + roundStep,
    instanceIsTooFar: ({ context }, heard: Heard<Prepare> | Heard<Accept>) =>
      instanceOf(heard) > context.firstUnchosen + instanceStep,
    promisedMore: ({ context }, { ballot }: { ballot: Ballot }) =>
      compareBallots(ballot, context.promised) < 0,
    isSettled: ({ context }, { instance }: Heard<Accept>) => instance < context.firstUnchosen,
    isAccepted: ({ context }, { ballot, instance, batch }: Heard<Accept>) => {
      const record = recordAt(context.accepted, instance)
      return record !== undefined && sameBallot(record.ballot, ballot) && sameBatch(record.batch, batch)
    },
    /** A ballot has one batch an instance. To take the second would undo a vote that may have been counted. */
    isAnotherBatch: ({ context }, { ballot, instance }: Heard<Accept>) =>
      sameBallot(recordAt(context.accepted, instance)?.ballot ?? null, ballot),
    instanceIsBeyondWindow: ({ context }, { instance }: Heard<Accept>) =>
      instance >= context.firstUnchosen + context.limits.acceptedWindow,
    somethingIsUnsaved: ({ context }) => context.unsaved.promised || context.unsaved.accepted.length > 0,
    somethingIsUnsent: ({ context }) => context.later.length > 0,
  },
  actions: {
    sendDenial: enqueueActions(({ context, enqueue }, heard: Heard<Prepare> | Heard<Accept>) => {
      enqueue.emit({
        type: 'send',
        ...addressedTo(context.members, heard.sender, heard.incarnation),
        message: {
          type: 'denial',
          ballot: heard.ballot,
          instance: instanceOf(heard),
          promised: context.promised,
          firstUnchosen: context.firstUnchosen,
        },
      })
    }),
    recordPromise: assign(({ context }, { ballot, from, sender }: Heard<Prepare>) => ({
      promised: ballot,
      unsaved: sameBallot(context.promised, ballot)
        ? context.unsaved
        : { ...context.unsaved, promised: true },
      later: [
        ...context.later,
        {
          to: sender,
          message: {
            type: 'promise' as const,
            ballot,
            from,
            accepted: context.accepted.filter((record) => record.instance >= from),
            firstUnchosen: context.firstUnchosen,
          },
        },
      ],
    })),
    /**
     * One step towards a round that is too far above. Otherwise servers whose promises lie further apart would refuse each other's
     * ballots for ever. To promise more than was asked for gives no vote; it only refuses what is below.
     */
    advanceRound: assign(({ context }, { ballot }: { ballot: Ballot }) => ({
      promised: { round: (context.promised?.round ?? 0) + roundStep, node: ballot.node },
      unsaved: { ...context.unsaved, promised: true },
    })),
    /** An accept at a ballot never promised promises it: otherwise a lower one could still be accepted after it. */
    recordAccepted: assign(({ context }, accept: Heard<Accept>) => {
      const { ballot, instance, batch } = accept
      const record = { instance, ballot, batch }
      const raised = !sameBallot(context.promised, ballot)
      return {
        promised: ballot,
        accepted: withRecord(context.accepted, record),
        unsaved: {
          promised: context.unsaved.promised || raised,
          accepted: withRecord(context.unsaved.accepted, record),
        },
        later: withAccepted(context.later, accept),
      }
    }),
    recordAcceptedAgain: assign(({ context }, accept: Heard<Accept>) => ({
      later: withAccepted(context.later, accept),
    })),
    notifySurpassed: enqueueActions(({ context, enqueue }, { ballot }: { ballot: Ballot }) => {
      if (ballot.node === context.self || compareBallots(ballot, context.promised) <= 0) return
      enqueue.emit({ type: 'tell', role: 'proposer', event: { type: 'rival.promised', ballot } })
    }),
    flagRound: emit((_, { sender }: Heard<Prepare> | Heard<Accept>) => flagOf('round', sender)),
    flagInstance: emit((_, { sender }: Heard<Prepare> | Heard<Accept>) => flagOf('instance', sender)),
    flagBatch: emit((_, { sender }: Heard<Accept>) => flagOf('batch', sender)),
    /** A server that prepares or proposes there knows everything below. */
    notifySenderKnowsMore: enqueueActions(({ context, enqueue }, heard: Heard<Prepare> | Heard<Accept>) => {
      const firstUnchosen = instanceOf(heard)
      if (firstUnchosen <= context.firstUnchosen || !isHeeded(context, heard)) return
      enqueue.emit(noticeBehind(firstUnchosen, informantOf(heard)))
    }),
    /**
     * What an accept implies. Everything below its instance is chosen. What this acceptor accepted there at the same
     * ballot is the chosen batch: one ballot proposes one batch an instance, and after a choice every higher ballot
     * carries the chosen one. A batch accepted at another ballot may be a loser's, and implies nothing.
     */
    notifyAcceptHeard: enqueueActions(({ context, enqueue }, heard: Heard<Accept>) => {
      const { ballot, instance } = heard
      const before = recordAt(context.accepted, instance - 1)
      const implied = before !== undefined && sameBallot(before.ballot, ballot) ? before.batch : null
      enqueue.emit({
        type: 'tell',
        role: 'learner',
        event: { type: 'accept.heard', informant: informantOf(heard), instance, implied },
      })
    }),
    /**
     * What is settled is the learner's record from now on. What was accepted there and is not persisted yet must not be,
     * since it may be a loser's and would overwrite what was chosen; so it may not be spoken of either.
     */
    forgetSettled: assign(({ context }, { firstUnchosen }: { firstUnchosen: Instance }) => {
      const open = ({ instance }: { instance: Instance }) => instance >= firstUnchosen
      return {
        firstUnchosen,
        accepted: context.accepted.filter(open),
        unsaved: { ...context.unsaved, accepted: context.unsaved.accepted.filter(open) },
        later: context.later.filter(({ message }) => message.type === 'promise' || open(message)),
      }
    }),
    recordMembers: assign((_, { members }: { members: readonly Member[] }) => ({ members })),
    persistUnsaved: enqueueActions(({ context, enqueue }) => {
      enqueue.emit({
        type: 'persist',
        write: { by: 'acceptor', promised: context.promised, accepted: context.unsaved.accepted },
      })
      enqueue.assign({ unsaved: nothingUnsaved, saying: context.later, later: [] })
    }),
    sendSyncedReplies: enqueueActions(({ context, enqueue }) => {
      for (const reply of context.saying) enqueue.emit({ type: 'send', to: reply.to, message: reply.message })
      enqueue.assign({ saying: [] })
    }),
    sendRepliesThatNeedNoSync: enqueueActions(({ context, enqueue }) => {
      for (const reply of context.later) enqueue.emit({ type: 'send', to: reply.to, message: reply.message })
      enqueue.assign({ later: [] })
    }),
  },
})
