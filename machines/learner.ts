/**
 * The learner promises the others to tell what it knows to be chosen, and its own node to have every chosen batch
 * persisted and executed, in order, each once. It is lazy: it learns from what it hears anyway, and asks only when it
 * hears of something that it does not know. *Paxos Made Simple*, section 2.3.
 */
import { assign, enqueueActions, setup } from 'xstate'
import type { Batch, Instance, NodeId } from './batch.ts'
import type { Heard, LearnerEvent } from './inbox.ts'
import { countedMembers, type Member, peersOf } from './members.ts'
import type { Chosen } from './messages.ts'
import type { Output } from './outputs.ts'
import { isQuorum } from './quorum.ts'
import { doubled, type Timing } from './timing.ts'

export interface LearnerInput {
  readonly self: NodeId
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly firstUnchosen: Instance
  /** The highest instance at which this node's acceptor holds something, -1 if none. */
  readonly highestHeard: Instance
}

export interface LearnerContext {
  readonly self: NodeId
  readonly members: readonly Member[]
  readonly timing: Timing

  // Durable, though it may be synced lazily, since a quorum of acceptors holds it.
  /** Everything below is chosen, and known here. Invariant: never decreases. */
  readonly firstUnchosen: Instance

  // Volatile.
  /** The highest instance of an accept heard here. */
  readonly highestHeard: Instance
  /** Somebody knows everything below; never below `firstUnchosen` while behind or catching up. */
  readonly target: Instance
  /** Whom to ask. */
  readonly peer: NodeId
  /**
   * Who told of `target`. It has its turn too: to a server that joins late, whoever invited it is no member that it knows of,
   * and those that it knows of may be gone.
   */
  readonly informant: NodeId
  readonly tries: number
  /** Who answered the inquiry under way, this node included. */
  readonly answered: readonly NodeId[]
  /** An answer, or this node, showed something accepted that nobody knew to be chosen. */
  readonly unsettled: boolean
  /** Where the last inquiry ended with something unsettled: if the next one ends there too, nobody is at work on it. */
  readonly unsettledAt: Instance
}

export type LearnerEmitted = Output

type AcceptHeard = Extract<LearnerEvent, { type: 'accept.heard' }>

/** What this learner can take of `batches`, which were chosen from `from` on: no gap, nothing twice. */
function newsIn(context: LearnerContext, from: Instance, batches: readonly Batch[]): readonly Batch[] {
  if (from > context.firstUnchosen) return []
  return batches.slice(context.firstUnchosen - from)
}

/** What to remember and to ask for when `batches`, which were chosen from `from` on, are heard; `null` when all is known. */
function learning(
  context: LearnerContext,
  from: Instance,
  batches: readonly Batch[],
): { readonly changes: Partial<LearnerContext> | null; readonly outputs: readonly Output[] } {
  const news = newsIn(context, from, batches)
  if (news.length === 0) return { changes: null, outputs: [] }
  const chosen = news.map((batch, offset) => ({ instance: context.firstUnchosen + offset, batch }))
  const firstUnchosen = context.firstUnchosen + news.length
  return {
    changes: { firstUnchosen, tries: 0 },
    outputs: [
      { type: 'persist', write: { by: 'learner', chosen } },
      { type: 'tell', role: 'acceptor', event: { type: 'firstUnchosen.advanced', firstUnchosen } },
      ...chosen.map(({ instance, batch }): Output => ({ type: 'execute', instance, batch })),
    ],
  }
}

/**
 * Where to catch up to, and from whom. Only somebody who knows more than all before is turned to: otherwise whoever speaks
 * most often would be asked again and again, though it may know nothing.
 */
function aimedAt(context: LearnerContext, firstUnchosen: Instance, peer: NodeId): Partial<LearnerContext> {
  return firstUnchosen > context.target ? { target: firstUnchosen, peer, informant: peer } : {}
}

/** Whoever comes after `peer` among the others and the informant, round and round. */
function nextPeer(context: LearnerContext): NodeId {
  const { members, self, informant } = context
  const others = peersOf(members, self)
  const peers = informant === self || others.includes(informant) ? others : [...others, informant]
  return peers[(peers.indexOf(context.peer) + 1) % peers.length] ?? context.peer
}

/** The informant is removed: those that took its place are asked instead. */
function isLeaving({ members: before, informant }: LearnerContext, members: readonly Member[]): boolean {
  const isIn = (some: readonly Member[]) => some.some(({ id }) => id === informant)
  return isIn(before) && !isIn(members)
}

function withAnswer(context: LearnerContext, sender: NodeId): readonly NodeId[] {
  return context.answered.includes(sender) ? context.answered : [...context.answered, sender]
}

export const learnerMachine = setup({
  types: {
    context: {} as LearnerContext,
    events: {} as LearnerEvent,
    emitted: {} as LearnerEmitted,
    input: {} as LearnerInput,
  },
  delays: {
    grace: ({ context }) => context.timing.graceMs,
    askInterval: ({ context }) =>
      doubled(context.timing.retransmitMs, context.timing.retransmitLimitMs, context.tries),
    inquiryPatience: ({ context }) => context.timing.inquiryMs,
  },
  guards: {
    isBehind: ({ context }) => context.firstUnchosen < context.target,
    hasCaughtUp: ({ context }) => context.firstUnchosen >= context.target,
    isPage: ({ context }, { from, batches }: Heard<Chosen>) => newsIn(context, from, batches).length > 0,
    quorumHasAnswered: ({ context }) => isQuorum(countedMembers(context.members), context.answered),
  },
  actions: {
    learn: enqueueActions(
      ({ context, enqueue }, { from, batches }: { from: Instance; batches: readonly Batch[] }) => {
        const { changes, outputs } = learning(context, from, batches)
        if (changes === null) return
        enqueue.assign(changes)
        for (const output of outputs) enqueue.emit(output)
      },
    ),
    learnImplied: enqueueActions(({ context, enqueue }, heard: AcceptHeard) => {
      const { sender, instance, implied } = heard
      const { changes, outputs } = learning(context, instance - 1, implied === null ? [] : [implied])
      enqueue.assign({
        ...changes,
        highestHeard: Math.max(context.highestHeard, instance),
        ...aimedAt(context, instance, sender),
      })
      for (const output of outputs) enqueue.emit(output)
    }),
    recordTarget: assign(({ context }, { firstUnchosen, peer }: { firstUnchosen: Instance; peer: NodeId }) =>
      aimedAt(context, firstUnchosen, peer),
    ),
    /** It answers, and knows more: the next page is asked of it too. */
    adoptPeer: assign(({ context }, { sender, firstUnchosen }: Heard<Chosen>) =>
      firstUnchosen > context.firstUnchosen ? { peer: sender } : {},
    ),
    sendLearn: enqueueActions(({ context, enqueue }) => {
      if (context.peer === context.self || context.firstUnchosen >= context.target) return
      enqueue.emit({
        type: 'send',
        to: context.peer,
        message: { type: 'learn', from: context.firstUnchosen },
      })
    }),
    askNextPeer: assign(({ context }) => ({ peer: nextPeer(context), tries: context.tries + 1 })),
    readChosen: enqueueActions(({ enqueue }, { from, to }: { from: Instance; to: NodeId }) => {
      enqueue.emit({ type: 'read', from, to })
    }),
    sendChosen: enqueueActions(
      (
        { context, enqueue },
        { to, from, batches }: { to: NodeId; from: Instance; batches: readonly Batch[] },
      ) => {
        enqueue.emit({
          type: 'send',
          to,
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
    beginInquiry: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ answered: [context.self], unsettled: context.highestHeard >= context.firstUnchosen })
      for (const to of peersOf(context.members, context.self)) {
        enqueue.emit({ type: 'send', to, message: { type: 'learn', from: context.firstUnchosen } })
      }
    }),
    recordAnswer: assign(({ context }, { sender, unsettled }: Heard<Chosen>) => ({
      answered: withAnswer(context, sender),
      unsettled: context.unsettled || unsettled,
    })),
    /**
     * Something accepted that nobody knows to be chosen may be a proposer's at work, so the first inquiry only remembers
     * it. If it is there at the next one, its proposer is gone: this node's own settles it.
     */
    settleIfAbandoned: enqueueActions(({ context, enqueue }) => {
      if (!context.unsettled) return
      if (context.unsettledAt === context.firstUnchosen) {
        enqueue.emit({ type: 'tell', role: 'proposer', event: { type: 'settle.wanted' } })
      }
      enqueue.assign({ unsettledAt: context.firstUnchosen })
    }),
    announceNewsChecked: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'requestQueue', event: { type: 'news.checked' } })
    }),
    recordMembers: assign(({ context }, { members }: { members: readonly Member[] }) => ({
      members,
      informant: isLeaving(context, members) ? context.self : context.informant,
    })),
  },
}).createMachine({
  id: 'learner',
  context: ({ input }) => ({
    ...input,
    target: input.firstUnchosen,
    peer: peersOf(input.members, input.self)[0] ?? input.self,
    informant: input.self,
    tries: 0,
    answered: [],
    unsettled: false,
    unsettledAt: -1,
  }),
  initial: 'following',
  on: {
    learn: {
      actions: { type: 'readChosen', params: ({ event }) => ({ from: event.from, to: event.sender }) },
    },
    'chosen.read': { actions: { type: 'sendChosen', params: ({ event }) => event } },
    'batch.chosen': {
      actions: { type: 'learn', params: ({ event }) => ({ from: event.instance, batches: [event.batch] }) },
    },
    'accept.heard': { actions: { type: 'learnImplied', params: ({ event }) => event } },
    chosen: {
      actions: [
        { type: 'learn', params: ({ event }) => event },
        { type: 'recordTarget', params: ({ event }) => ({ ...event, peer: event.sender }) },
      ],
    },
    'members.changed': { actions: { type: 'recordMembers', params: ({ event }) => event } },
  },
  states: {
    following: {
      description:
        'Knows all that it has heard of. Ends when it hears of something chosen that it does not know.',
      meta: { paper: 'Paxos Made Simple, 2.3; the seed, 2-2 (lazy proposers)' },
      always: { guard: 'isBehind', target: 'behind' },
      on: {
        'behind.noticed': {
          target: 'catchingUp',
          actions: { type: 'recordTarget', params: ({ event }) => event },
        },
        'news.wanted': 'inquiring',
      },
    },
    behind: {
      description:
        'Something chosen is unknown here. What is on its way gets a moment to arrive before anybody is asked.',
      always: { guard: 'hasCaughtUp', target: 'following' },
      after: { grace: 'catchingUp' },
      on: {
        'behind.noticed': {
          target: 'catchingUp',
          actions: { type: 'recordTarget', params: ({ event }) => event },
        },
      },
    },
    catchingUp: {
      description:
        'Asks one server after another for what was chosen, a page at a time. Ends when it knows all it heard of.',
      meta: { paper: 'Paxos Made Simple, 2.3; the seed, 2-2 (catching up)' },
      entry: 'sendLearn',
      always: { guard: 'hasCaughtUp', target: 'following' },
      after: { askInterval: { target: 'catchingUp', reenter: true, actions: 'askNextPeer' } },
      on: {
        chosen: [
          {
            guard: { type: 'isPage', params: ({ event }) => event },
            target: 'catchingUp',
            reenter: true,
            actions: [
              { type: 'learn', params: ({ event }) => event },
              { type: 'recordTarget', params: ({ event }) => ({ ...event, peer: event.sender }) },
              { type: 'adoptPeer', params: ({ event }) => event },
            ],
          },
          { actions: { type: 'recordTarget', params: ({ event }) => ({ ...event, peer: event.sender }) } },
        ],
        'behind.noticed': { actions: { type: 'recordTarget', params: ({ event }) => event } },
      },
    },
    inquiring: {
      description:
        'Asks everybody for news, for the sake of a delayed request. Ends with news, a quorum of answers, or neither.',
      meta: { paper: 'the seed, 2-2 (delayed requests)' },
      entry: 'beginInquiry',
      always: [
        { guard: 'isBehind', target: 'catchingUp' },
        {
          guard: 'quorumHasAnswered',
          target: 'following',
          actions: ['settleIfAbandoned', 'announceNewsChecked'],
        },
      ],
      after: { inquiryPatience: 'following' },
      on: {
        chosen: {
          actions: [
            { type: 'recordAnswer', params: ({ event }) => event },
            { type: 'learn', params: ({ event }) => event },
            { type: 'recordTarget', params: ({ event }) => ({ ...event, peer: event.sender }) },
          ],
        },
        'behind.noticed': {
          target: 'catchingUp',
          actions: { type: 'recordTarget', params: ({ event }) => event },
        },
      },
    },
  },
})
