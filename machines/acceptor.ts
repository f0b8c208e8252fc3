/**
 * The acceptor promises the others that it takes nothing below the highest ballot that it has promised, and that what it
 * has promised or accepted survives a crash. It says a promise or an accepted only after what it states is durable.
 * *Paxos Made Simple*, section 2.2.
 */
import { assign, enqueueActions, setup } from 'xstate'
import { type Ballot, compareBallots, sameBallot } from './ballot.ts'
import { type AcceptedRecord, type Instance, type NodeId, sameBatch } from './batch.ts'
import type { AcceptorEvent, Heard } from './inbox.ts'
import { informantOf, noticeBehind } from './informant.ts'
import { instanceStep, type Limits, roundStep } from './limits.ts'
import { addressedTo, isCounted, type Member } from './members.ts'
import type { Accept, Accepted, Prepare, PromiseMessage } from './messages.ts'
import type { Oddity, Output } from './outputs.ts'

export interface AcceptorInput {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly limits: Limits
  /** What storage held at the start. */
  readonly promised: Ballot | null
  readonly accepted: readonly AcceptedRecord[]
  readonly firstUnchosen: Instance
}

interface Reply {
  readonly to: NodeId
  readonly message: PromiseMessage | Accepted
}

export interface AcceptorContext {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly limits: Limits

  // Durable: each change is persisted before it is spoken of.
  /** Invariant: never decreases, and is at least the ballot of everything in `accepted`. */
  readonly promised: Ballot | null
  /**
   * Invariant: in order of instance, one record an instance, none below `firstUnchosen`, none at or above `firstUnchosen` +
   * `limits.acceptedWindow`. So every instance in the window can be accepted, whatever else is held: a helper can always have
   * the instance accepted at which it helps.
   */
  readonly accepted: readonly AcceptedRecord[]

  // Volatile.
  /** What the learner knows: everything below is chosen, and is the learner's to tell. */
  readonly firstUnchosen: Instance
  /** What changed since the sync under way began. */
  readonly unsaved: { readonly promised: boolean; readonly accepted: readonly AcceptedRecord[] }
  /** Answers that the sync under way makes true. */
  readonly saying: readonly Reply[]
  /** Answers that wait for the sync after it. */
  readonly later: readonly Reply[]
}

export type AcceptorEmitted = Output

const nothingUnsaved = { promised: false, accepted: [] } as const

function isOutrun(context: AcceptorContext, ballot: Ballot): boolean {
  return compareBallots(ballot, context.promised) < 0
}

function recordAt(context: AcceptorContext, instance: Instance): AcceptedRecord | undefined {
  return context.accepted.find((record) => record.instance === instance)
}

/** What is accepted, with `record` in the place of whatever there was for its instance. */
function withRecord(accepted: readonly AcceptedRecord[], record: AcceptedRecord): AcceptedRecord[] {
  if (accepted.every(({ instance }) => instance < record.instance)) return [...accepted, record]
  const others = accepted.filter((other) => other.instance !== record.instance)
  return [...others, record].sort((a, b) => a.instance - b.instance)
}

/** The answers, and that this was accepted. */
function withAccepted(replies: readonly Reply[], { sender, ballot, instance }: Heard<Accept>): Reply[] {
  return [...replies, { to: sender, message: { type: 'accepted', ballot, instance } }]
}

function mayVote({ members, self, incarnation }: AcceptorContext): boolean {
  return isCounted(members, self, incarnation)
}

/** The sender may propose, as far as this server knows. */
function isMember({ members }: AcceptorContext, heard: Heard<Prepare> | Heard<Accept>): boolean {
  return isCounted(members, heard.sender, heard.incarnation)
}

/** What the sender says to be chosen is looked for, if it may know. */
function isHeeded(context: AcceptorContext, heard: Heard<Prepare> | Heard<Accept>): boolean {
  return isMember(context, heard) || heard.knowsUs
}

function instanceOf(heard: Heard<Prepare> | Heard<Accept>): Instance {
  return heard.type === 'prepare' ? heard.from : heard.instance
}

export const acceptorMachine = setup({
  types: {
    context: {} as AcceptorContext,
    events: {} as AcceptorEvent,
    emitted: {} as AcceptorEmitted,
    input: {} as AcceptorInput,
  },
  guards: {
    mayNotVote: ({ context }) => !mayVote(context),
    mayOnlyTell: ({ context }, { from }: Heard<Prepare>) => !mayVote(context) && from < context.firstUnchosen,
    /**
     * By this server's members the sender is none, or it comes with another directory. Either it does not know that it was
     * removed; or this server does not know that it was admitted, and has to learn that before it votes for it.
     */
    senderIsNoMember: ({ context }, heard: Heard<Prepare> | Heard<Accept>) => !isMember(context, heard),
    roundIsTooFar: ({ context }, { ballot }: { ballot: Ballot }) =>
      ballot.round > (context.promised?.round ?? 0) + roundStep,
    instanceIsTooFar: ({ context }, heard: Heard<Prepare> | Heard<Accept>) =>
      instanceOf(heard) > context.firstUnchosen + instanceStep,
    promisedMore: ({ context }, { ballot }: { ballot: Ballot }) => isOutrun(context, ballot),
    isSettled: ({ context }, { instance }: Heard<Accept>) => instance < context.firstUnchosen,
    isAccepted: ({ context }, { ballot, instance, batch }: Heard<Accept>) => {
      const record = recordAt(context, instance)
      return record !== undefined && sameBallot(record.ballot, ballot) && sameBatch(record.batch, batch)
    },
    /** A ballot has one batch an instance. To take the second would undo a vote that may have been counted. */
    isAnotherBatch: ({ context }, { ballot, instance }: Heard<Accept>) =>
      sameBallot(recordAt(context, instance)?.ballot ?? null, ballot),
    knowsTooLittle: ({ context }, { instance }: Heard<Accept>) =>
      instance >= context.firstUnchosen + context.limits.acceptedWindow,
    somethingIsUnsaved: ({ context }) => context.unsaved.promised || context.unsaved.accepted.length > 0,
    somethingIsUnsaid: ({ context }) => context.later.length > 0,
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
    announceSurpassed: enqueueActions(({ context, enqueue }, { ballot }: { ballot: Ballot }) => {
      if (ballot.node === context.self || compareBallots(ballot, context.promised) <= 0) return
      enqueue.emit({ type: 'tell', role: 'proposer', event: { type: 'ballot.surpassed', ballot } })
    }),
    flag: enqueueActions(({ enqueue }, { oddity, sender }: { oddity: Oddity; sender: NodeId }) => {
      enqueue.emit({ type: 'flag', oddity, sender })
    }),
    /** A server that prepares or proposes there knows everything below. */
    announceSenderKnowsMore: enqueueActions(({ context, enqueue }, heard: Heard<Prepare> | Heard<Accept>) => {
      const firstUnchosen = instanceOf(heard)
      if (firstUnchosen <= context.firstUnchosen || !isHeeded(context, heard)) return
      enqueue.emit(noticeBehind(firstUnchosen, informantOf(heard)))
    }),
    /**
     * What an accept implies. Everything below its instance is chosen. What this acceptor accepted there at the same
     * ballot is the chosen batch: one ballot proposes one batch an instance, and after a choice every higher ballot
     * carries the chosen one. A batch accepted at another ballot may be a loser's, and implies nothing.
     */
    announceAcceptHeard: enqueueActions(({ context, enqueue }, heard: Heard<Accept>) => {
      const { ballot, instance } = heard
      const before = recordAt(context, instance - 1)
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
    sayWhatIsDurable: enqueueActions(({ context, enqueue }) => {
      for (const reply of context.saying) enqueue.emit({ type: 'send', to: reply.to, message: reply.message })
      enqueue.assign({ saying: [] })
    }),
    sayWhatWasDurable: enqueueActions(({ context, enqueue }) => {
      for (const reply of context.later) enqueue.emit({ type: 'send', to: reply.to, message: reply.message })
      enqueue.assign({ later: [] })
    }),
  },
}).createMachine({
  id: 'acceptor',
  context: ({ input }) => ({
    ...input,
    unsaved: nothingUnsaved,
    saying: [],
    later: [],
  }),
  initial: 'listening',
  on: {
    prepare: [
      // It may be the one that was removed, and all that knows it: the others could have nothing chosen without its answer.
      {
        guard: { type: 'mayOnlyTell', params: ({ event }) => event },
        actions: { type: 'sendDenial', params: ({ event }) => event },
      },
      {
        guard: { type: 'instanceIsTooFar', params: ({ event }) => event },
        actions: { type: 'flag', params: ({ event }) => ({ oddity: 'instance', sender: event.sender }) },
      },
      // It may have lost, with what it had learned, that it was admitted: what it is asked for shows that it is behind.
      {
        guard: 'mayNotVote',
        actions: { type: 'announceSenderKnowsMore', params: ({ event }) => event },
      },
      {
        guard: { type: 'senderIsNoMember', params: ({ event }) => event },
        actions: [
          { type: 'announceSenderKnowsMore', params: ({ event }) => event },
          { type: 'sendDenial', params: ({ event }) => event },
        ],
      },
      {
        guard: { type: 'roundIsTooFar', params: ({ event }) => event },
        actions: [
          { type: 'flag', params: ({ event }) => ({ oddity: 'round', sender: event.sender }) },
          { type: 'advanceRound', params: ({ event }) => event },
          { type: 'sendDenial', params: ({ event }) => event },
        ],
      },
      {
        guard: { type: 'promisedMore', params: ({ event }) => event },
        actions: { type: 'sendDenial', params: ({ event }) => event },
      },
      {
        actions: [
          { type: 'announceSurpassed', params: ({ event }) => event },
          { type: 'announceSenderKnowsMore', params: ({ event }) => event },
          { type: 'recordPromise', params: ({ event }) => event },
        ],
      },
    ],
    accept: [
      {
        guard: { type: 'isSettled', params: ({ event }) => event },
        actions: { type: 'sendDenial', params: ({ event }) => event },
      },
      {
        guard: { type: 'instanceIsTooFar', params: ({ event }) => event },
        actions: { type: 'flag', params: ({ event }) => ({ oddity: 'instance', sender: event.sender }) },
      },
      {
        guard: 'mayNotVote',
        actions: { type: 'announceSenderKnowsMore', params: ({ event }) => event },
      },
      {
        guard: { type: 'senderIsNoMember', params: ({ event }) => event },
        actions: [
          { type: 'announceSenderKnowsMore', params: ({ event }) => event },
          { type: 'sendDenial', params: ({ event }) => event },
        ],
      },
      {
        guard: { type: 'roundIsTooFar', params: ({ event }) => event },
        actions: [
          { type: 'flag', params: ({ event }) => ({ oddity: 'round', sender: event.sender }) },
          { type: 'advanceRound', params: ({ event }) => event },
          { type: 'sendDenial', params: ({ event }) => event },
        ],
      },
      {
        guard: { type: 'knowsTooLittle', params: ({ event }) => event },
        actions: [
          { type: 'announceSenderKnowsMore', params: ({ event }) => event },
          { type: 'sendDenial', params: ({ event }) => event },
        ],
      },
      {
        guard: { type: 'promisedMore', params: ({ event }) => event },
        actions: [
          { type: 'announceAcceptHeard', params: ({ event }) => event },
          { type: 'sendDenial', params: ({ event }) => event },
        ],
      },
      {
        guard: { type: 'isAccepted', params: ({ event }) => event },
        actions: { type: 'recordAcceptedAgain', params: ({ event }) => event },
      },
      {
        guard: { type: 'isAnotherBatch', params: ({ event }) => event },
        actions: [
          { type: 'flag', params: ({ event }) => ({ oddity: 'batch', sender: event.sender }) },
          { type: 'sendDenial', params: ({ event }) => event },
        ],
      },
      {
        actions: [
          { type: 'announceSurpassed', params: ({ event }) => event },
          { type: 'announceAcceptHeard', params: ({ event }) => event },
          { type: 'recordAccepted', params: ({ event }) => event },
        ],
      },
    ],
    'firstUnchosen.advanced': { actions: { type: 'forgetSettled', params: ({ event }) => event } },
    'members.changed': { actions: { type: 'recordMembers', params: ({ event }) => event } },
  },
  states: {
    listening: {
      description:
        'Everything promised and accepted is durable, and said. Ends when something new has to be persisted.',
      meta: { paper: 'Paxos Made Simple, 2.2' },
      always: [
        { guard: 'somethingIsUnsaved', target: 'persisting' },
        { guard: 'somethingIsUnsaid', actions: 'sayWhatWasDurable' },
      ],
    },
    persisting: {
      description:
        'A sync is under way; the answers that it makes true wait for it, and what is heard meanwhile joins the next one.',
      meta: { paper: 'Paxos Made Simple, 2.5 (stable storage)' },
      entry: 'persistUnsaved',
      on: {
        persisted: [
          { guard: 'somethingIsUnsaved', actions: 'sayWhatIsDurable', target: 'persisting', reenter: true },
          { actions: 'sayWhatIsDurable', target: 'listening' },
        ],
      },
    },
  },
})
