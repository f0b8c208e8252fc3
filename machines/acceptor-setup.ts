/** The guards and actions of the acceptor's chart. */
import { assign, emit, enqueueActions, setup } from 'xstate'
import { recordAt, withRecord } from './accepted-records.ts'
import { type AcceptorContext, type AcceptorInput, nothingUnsaved, type Reply } from './acceptor-context.ts'
import { type Ballot, compareBallots, sameBallot } from './ballot.ts'
import { type Batch, type Instance, type NodeId, sameBatch } from './batch.ts'
import type { AcceptorEvent, Heard } from './inbox.ts'
import { informantOf, noticeBehind } from './informant.ts'
import { instanceStep, roundStep } from './limits.ts'
import { addressedTo, isCounted, type Member } from './members.ts'
import type { Accept, Confirm, Prepare, Settled } from './messages.ts'
import type { Flag, Oddity, Output, Send, Tell } from './outputs.ts'

type HeardQuestion = Heard<Prepare> | Heard<Accept>

/** The answers, and the answer that `ballot` was accepted at `instance`. */
function withAccepted(replies: readonly Reply[], { sender, ballot, instance }: Heard<Accept>): Reply[] {
  return [...replies, { to: sender, message: { type: 'accepted', ballot, instance } }]
}

function mayVote({ members, self, incarnation }: AcceptorContext): boolean {
  return isCounted(members, self, incarnation)
}

/** True when the sender may propose, as far as this server knows. */
function isCountedSender({ members }: AcceptorContext, heard: HeardQuestion | Heard<Settled>): boolean {
  return isCounted(members, heard.sender, heard.incarnation)
}

/** True when this server asks the sender for chosen batches: the sender is a member, or names this server's directory. */
function isHeeded(context: AcceptorContext, heard: HeardQuestion | Heard<Settled>): boolean {
  return isCountedSender(context, heard) || heard.knowsUs
}

function instanceOf(heard: HeardQuestion | Heard<Settled>): Instance {
  return heard.type === 'prepare' ? heard.from : heard.instance
}

/** Everything below is chosen: a server that prepares or proposes at an instance knows everything below it. */
function shownBy(heard: HeardQuestion | Heard<Settled>): Instance {
  return heard.type === 'settled' ? heard.instance + 1 : instanceOf(heard)
}

/**
 * The batch of the first instance that is not known to be chosen, if this acceptor accepted it at `ballot` and that instance is
 * `instance`; `null` for none. If the instance is chosen and `ballot` proposed at it, or at the next one, this is the chosen batch:
 * one ballot proposes one batch for each instance, and after a choice every higher ballot carries the chosen batch. A batch that
 * was accepted at another ballot may not be the chosen one, and implies nothing.
 */
function impliedBatch(
  { accepted, firstUnchosen }: AcceptorContext,
  instance: Instance,
  ballot: Ballot | null,
): Batch | null {
  if (instance !== firstUnchosen || ballot === null) return null
  const record = recordAt(accepted, instance)
  return record !== undefined && sameBallot(record.ballot, ballot) ? record.batch : null
}

/**
 * The context without what concerns instances below `firstUnchosen`: the learner keeps the record of those. An accepted batch there
 * that is not persisted yet must not be persisted, because it may differ from the chosen batch and would overwrite it. So no answer
 * may mention it either.
 */
function withoutSettled(
  { accepted, unsaved, later }: AcceptorContext,
  firstUnchosen: Instance,
): Partial<AcceptorContext> {
  const open = ({ instance }: { instance: Instance }) => instance >= firstUnchosen
  return {
    firstUnchosen,
    accepted: accepted.filter(open),
    unsaved: { ...unsaved, accepted: unsaved.accepted.filter(open) },
    later: later.filter(({ message }) => message.type === 'promise' || open(message)),
  }
}

/**
 * An accept or a `settled` shows that everything below an instance is chosen. Notifies the learner, with the batch that this implies.
 * The acceptor forgets that batch at once, so the learner need not tell it what it told the learner.
 */
function conclusionFrom(
  context: AcceptorContext,
  heard: Heard<Accept> | Heard<Settled>,
): { readonly changes: Partial<AcceptorContext>; readonly notice: Tell } {
  const firstUnchosen = shownBy(heard)
  const implied = impliedBatch(context, firstUnchosen - 1, heard.ballot)
  const event = {
    type: 'choice.implied',
    informant: informantOf(heard),
    heard: heard.instance,
    ...{ firstUnchosen, implied, atMs: heard.atMs },
  } as const
  return {
    changes: implied === null ? {} : withoutSettled(context, firstUnchosen),
    notice: { type: 'tell', role: 'learner', event },
  }
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
     * The sender is not a member here, or has another directory. Either the sender does not know that it was removed, or this
     * server does not know that the sender was admitted. In the second case, this server must learn that before it votes for the
     * sender.
     */
    senderIsNotCounted: ({ context }, heard: HeardQuestion | Heard<Settled>) =>
      !isCountedSender(context, heard),
    roundIsTooFar: ({ context }, { ballot }: { ballot: Ballot }) =>
      ballot.round > (context.promised?.round ?? 0) + roundStep,
    instanceIsTooFar: ({ context }, heard: HeardQuestion | Heard<Settled>) =>
      instanceOf(heard) > context.firstUnchosen + instanceStep,
    promisedMore: ({ context }, { ballot }: { ballot: Ballot }) =>
      compareBallots(ballot, context.promised) < 0,
    isSettled: ({ context }, { instance }: Heard<Accept> | Heard<Settled>) =>
      instance < context.firstUnchosen,
    isAccepted: ({ context }, { ballot, instance, batch }: Heard<Accept>) => {
      const record = recordAt(context.accepted, instance)
      return record !== undefined && sameBallot(record.ballot, ballot) && sameBatch(record.batch, batch)
    },
    /** A ballot has one batch for each instance. Accepting the second would undo a vote that may have been counted. */
    isAnotherBatch: ({ context }, { ballot, instance }: Heard<Accept>) =>
      sameBallot(recordAt(context.accepted, instance)?.ballot ?? null, ballot),
    instanceIsBeyondWindow: ({ context }, { instance }: Heard<Accept>) =>
      instance >= context.firstUnchosen + context.limits.acceptedWindow,
    somethingIsUnsaved: ({ context }) => context.unsaved.promised || context.unsaved.accepted.length > 0,
    somethingIsUnsent: ({ context }) => context.later.length > 0,
  },
  actions: {
    sendDenial: enqueueActions(({ context, enqueue }, heard: HeardQuestion) => {
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
     * Moves one step towards a round that is too far above. Otherwise servers whose promises lie further apart would deny each
     * other's ballots for ever. A promise that is higher than requested gives no vote; it only denies lower ballots.
     */
    advanceRound: assign(({ context }, { ballot }: { ballot: Ballot }) => ({
      promised: { round: (context.promised?.round ?? 0) + roundStep, node: ballot.node },
      unsaved: { ...context.unsaved, promised: true },
    })),
    /** An accept at a ballot that was not promised also promises it. Otherwise a lower ballot could still be accepted afterwards. */
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
    /** The server of the highest promise leads, or is about to. Requests are handed over to it. */
    notifyLeader: enqueueActions(({ context, enqueue }, { ballot }: { ballot: Ballot }) => {
      if (ballot.node === context.promised?.node) return
      enqueue.emit({
        type: 'tell',
        role: 'requestQueue',
        event: { type: 'leader.changed', leader: ballot.node },
      })
    }),
    flagRound: emit((_, { sender }: HeardQuestion) => flagOf('round', sender)),
    flagInstance: emit((_, { sender }: HeardQuestion | Heard<Settled>) => flagOf('instance', sender)),
    flagBatch: emit((_, { sender }: Heard<Accept>) => flagOf('batch', sender)),
    notifyBehind: enqueueActions(({ context, enqueue }, heard: HeardQuestion | Heard<Settled>) => {
      const firstUnchosen = shownBy(heard)
      if (firstUnchosen <= context.firstUnchosen || !isHeeded(context, heard)) return
      enqueue.emit(noticeBehind(firstUnchosen, informantOf(heard), heard.atMs))
    }),
    notifyAcceptHeard: enqueueActions(({ context, enqueue }, heard: Heard<Accept>) => {
      const { changes, notice } = conclusionFrom(context, heard)
      enqueue.emit(notice)
      enqueue.assign(changes)
    }),
    notifySettled: enqueueActions(({ context, enqueue }, heard: Heard<Settled>) => {
      const { changes, notice } = conclusionFrom(context, heard)
      enqueue.emit(notice)
      enqueue.assign(changes)
    }),
    /** Only the answer to a handing over names no ballot. */
    notifyLeaderAnswered: enqueueActions(({ enqueue }, { ballot, sender }: Heard<Settled>) => {
      if (ballot !== null) return
      const event = { type: 'leader.answered', leader: sender } as const
      enqueue.emit({ type: 'tell', role: 'requestQueue', event })
    }),
    /**
     * Records that are not synced count too: nobody has counted them as votes, and a server that waits for more than it must is only late.
     * What a quorum may have counted is among them, or is known to be chosen, also after a crash.
     */
    sendConfirmed: emit(({ context }, { question, sender, incarnation }: Heard<Confirm>): Send => {
      const { members, accepted, firstUnchosen } = context
      const acceptedBelow = Math.max(firstUnchosen, (accepted.at(-1)?.instance ?? -1) + 1)
      return {
        type: 'send',
        ...addressedTo(members, sender, incarnation),
        message: { type: 'confirmed', question, firstUnchosen, acceptedBelow },
      }
    }),
    forgetSettled: assign(({ context }, { firstUnchosen }: { firstUnchosen: Instance }) =>
      withoutSettled(context, firstUnchosen),
    ),
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
