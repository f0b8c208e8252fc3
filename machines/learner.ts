/**
 * The learner promises the others to tell what it knows to be chosen, and its own node to have every chosen batch
 * persisted and executed, in order, each once. It is lazy: it learns from what it hears anyway, and asks only when it
 * hears of something that it does not know. *Paxos Made Simple*, section 2.3.
 */
import { assign, enqueueActions, setup } from 'xstate'
import { type Batch, type ChosenBatch, type Instance, type NodeId, sameBatch } from './batch.ts'
import type { Heard, HeardChosen, Informant, LearnerEvent } from './inbox.ts'
import { informantOf } from './informant.ts'
import { instanceStep } from './limits.ts'
import { addressedTo, countedMembers, isCounted, type Member, peersOf } from './members.ts'
import type { Learn } from './messages.ts'
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
  /** The batch at the instance below `firstUnchosen`; `null` when it was not learned since the start. */
  readonly lastChosen: Batch | null
  /** A batch that others say to be chosen in the place of `lastChosen`, and who says so. Invariant: distinct, counted. */
  readonly contradiction: { readonly batch: Batch; readonly by: readonly NodeId[] } | null
  /** The highest instance of an accept heard here. */
  readonly highestHeard: Instance
  /** Somebody knows everything below; never below `firstUnchosen` while behind or catching up. */
  readonly target: Instance
  /** Whom to ask. */
  readonly peer: NodeId
  /**
   * Who showed last that it knows everything below `target`. It has its turn too: to a server that joins late, or was away while
   * the members changed, it may be no member, and those that it knows of may be gone.
   */
  readonly informant: Informant | null
  /** Who was asked since the learner last knew all that it had heard of: their answers are taken. */
  readonly asked: readonly NodeId[]
  /** How often it asked without news. */
  readonly tries: number
  /** Who answered the inquiry under way, this node included. Invariant: distinct, counted. */
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

/** What `batches` show at the last instance that is known here. */
function lastKnownIn(context: LearnerContext, from: Instance, batches: readonly Batch[]): Batch | undefined {
  return batches[context.firstUnchosen - 1 - from]
}

/** `batches` show another batch than the one known here, as far as that can be told. */
function contradicts(context: LearnerContext, from: Instance, batches: readonly Batch[]): boolean {
  const said = lastKnownIn(context, from, batches)
  return said !== undefined && context.lastChosen !== null && !sameBatch(said, context.lastChosen)
}

/** What to remember and to ask for when `batches`, which were chosen from `from` on, are heard; `null` when all is known. */
function learning(
  context: LearnerContext,
  from: Instance,
  batches: readonly Batch[],
): { readonly changes: Partial<LearnerContext> | null; readonly outputs: readonly Output[] } {
  const news = newsIn(context, from, batches)
  const lastChosen = news.at(-1)
  if (lastChosen === undefined) return { changes: null, outputs: [] }
  const chosen = news.map((batch, offset) => ({ instance: context.firstUnchosen + offset, batch }))
  const firstUnchosen = context.firstUnchosen + news.length
  return {
    changes: { firstUnchosen, lastChosen, contradiction: null, tries: 0 },
    outputs: [
      { type: 'persist', write: { by: 'learner', chosen } },
      { type: 'tell', role: 'acceptor', event: { type: 'firstUnchosen.advanced', firstUnchosen } },
      ...chosen.map(({ instance, batch }): Output => ({ type: 'execute', instance, batch })),
    ],
  }
}

/**
 * Where to catch up to, and from whom. Only a server that shows all that anybody has shown is turned to: otherwise the one that
 * speaks most often would be asked again and again, though it may know nothing. One that shows just as much is remembered, since
 * those before it may be gone.
 */
function aimedAt(
  context: LearnerContext,
  firstUnchosen: Instance,
  informant: Informant,
): Partial<LearnerContext> {
  const isNews = firstUnchosen > context.firstUnchosen && firstUnchosen >= context.target
  if (!isNews || firstUnchosen > context.firstUnchosen + instanceStep) return {}
  if (firstUnchosen === context.target) return { informant }
  return { target: firstUnchosen, peer: informant.id, informant, tries: 0 }
}

/** The informant, if it was not asked; or who comes after `peer` among the others and the informant, round and round. */
function nextPeer(context: LearnerContext): NodeId {
  const { members, self, informant, asked } = context
  if (informant !== null && !asked.includes(informant.id)) return informant.id
  const others = peersOf(members, self)
  const peers = informant === null || others.includes(informant.id) ? others : [...others, informant.id]
  return peers[(peers.indexOf(context.peer) + 1) % peers.length] ?? context.peer
}

/** The informant is removed: those that took its place are asked instead. */
function isLeaving({ members: before, informant }: LearnerContext, members: readonly Member[]): boolean {
  const isIn = (some: readonly Member[]) => some.some(({ id }) => id === informant?.id)
  return isIn(before) && !isIn(members)
}

/** The sender is the server that is meant by its id: with the directory of the member, or of the informant. */
function isItself({ members, informant }: LearnerContext, { sender, incarnation }: HeardChosen): boolean {
  return [informant, ...members].some((server) => server?.id === sender && server.incarnation === incarnation)
}

/** The server `id` as it is asked: the informant under its directory, another one as the member that it is. */
function asked({ informant, members }: LearnerContext, id: NodeId) {
  return informant?.id === id ? addressedTo(members, id, informant.incarnation) : { to: id }
}

function isCountedSender({ members }: LearnerContext, { sender, incarnation }: HeardChosen): boolean {
  return isCounted(members, sender, incarnation)
}

/** Asked for; or sent unasked by a member, because a delayed request waits here. */
function isTaken(context: LearnerContext, heard: HeardChosen): boolean {
  if (heard.concernsUs && isCountedSender(context, heard)) return true
  return context.asked.includes(heard.sender) && isItself(context, heard)
}

/** Up to where the sender of a `chosen` knows what was chosen. */
function targetIn(heard: HeardChosen): { firstUnchosen: Instance; informant: Informant } {
  return { firstUnchosen: heard.firstUnchosen, informant: informantOf(heard) }
}

function pageOf({ instance, batch }: ChosenBatch): { from: Instance; batches: readonly Batch[] } {
  return { from: instance, batches: [batch] }
}

function haltAt({ firstUnchosen }: LearnerContext): Output {
  const instance = firstUnchosen - 1
  return {
    type: 'halt',
    reason:
      `a quorum chose another batch at instance ${instance} than the one that this server executed: what it holds is no history of ` +
      'this cluster. Remove it from the members, and let it join anew with an empty directory',
  }
}

function withServer(servers: readonly NodeId[], server: NodeId): readonly NodeId[] {
  return servers.includes(server) ? servers : [...servers, server]
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
    /** In vain: of many peers not all have had their turn, but the next time the turn goes on from here. */
    hasAskedEnough: ({ context }) => context.tries >= context.timing.patientTries,
    isUncalledFor: ({ context }, heard: HeardChosen) => !isTaken(context, heard),
    contradictsHistory: ({ context }, { from, batches }: { from: Instance; batches: readonly Batch[] }) =>
      contradicts(context, from, batches),
    isPage: ({ context }, { from, batches }: HeardChosen) => newsIn(context, from, batches).length > 0,
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
      const { informant, instance, implied } = heard
      const { changes, outputs } = learning(context, instance - 1, implied === null ? [] : [implied])
      enqueue.assign({
        ...changes,
        highestHeard: Math.max(context.highestHeard, instance),
        ...aimedAt(context, instance, informant),
      })
      for (const output of outputs) enqueue.emit(output)
    }),
    recordTarget: assign(
      ({ context }, { firstUnchosen, informant }: { firstUnchosen: Instance; informant: Informant }) =>
        aimedAt(context, firstUnchosen, informant),
    ),
    /** What nobody asked for is not taken, but a server that knows this one may be asked for it. */
    recordHint: assign(({ context }, heard: HeardChosen) =>
      heard.knowsUs || isCountedSender(context, heard)
        ? aimedAt(context, heard.firstUnchosen, informantOf(heard))
        : {},
    ),
    /**
     * One server may be wrong, or lie: it is flagged. When a quorum says the same, it is this server that holds a batch which was
     * not chosen.
     */
    recordContradiction: enqueueActions(({ context, enqueue }, heard: HeardChosen) => {
      const said = lastKnownIn(context, heard.from, heard.batches)
      if (said === undefined) return
      enqueue.emit({ type: 'flag', oddity: 'chosen', sender: heard.sender })
      if (!isCountedSender(context, heard)) return
      const before = context.contradiction
      const others = before !== null && sameBatch(before.batch, said) ? before.by : []
      const by = withServer(others, heard.sender)
      enqueue.assign({ contradiction: { batch: said, by } })
      if (isQuorum(countedMembers(context.members), by)) enqueue.emit(haltAt(context))
    }),
    /** This node's own proposer counted a quorum that accepted another batch than the one known here. */
    halt: enqueueActions(({ context, enqueue }) => {
      enqueue.emit(haltAt(context))
    }),
    /** An answer: the next page is asked of whoever knows more. */
    adoptPeer: assign(({ context }, { sender, firstUnchosen }: HeardChosen) =>
      firstUnchosen > context.firstUnchosen ? { peer: sender } : {},
    ),
    forgetAsked: assign({ asked: [] }),
    /** Nobody who can be reached knows what was shown: what is heard next may show it again, and an inquiry asks the informant too. */
    forgetTarget: assign(({ context }) => ({ target: context.firstUnchosen, tries: 0 })),
    sendLearn: enqueueActions(({ context, enqueue }) => {
      if (context.peer === context.self || context.firstUnchosen >= context.target) return
      enqueue.assign({ asked: withServer(context.asked, context.peer) })
      enqueue.emit({
        type: 'send',
        ...asked(context, context.peer),
        message: { type: 'learn', from: context.firstUnchosen },
      })
    }),
    askNextPeer: assign(({ context }) => ({ peer: nextPeer(context), tries: context.tries + 1 })),
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
    beginInquiry: enqueueActions(({ context, enqueue }) => {
      const { informant } = context
      const others = peersOf(context.members, context.self)
      const peers = informant === null ? others : withServer(others, informant.id)
      enqueue.assign({
        asked: peers,
        answered: [context.self],
        unsettled: context.highestHeard >= context.firstUnchosen,
      })
      for (const to of peers) {
        const message = { type: 'learn' as const, from: context.firstUnchosen }
        enqueue.emit({ type: 'send', ...asked(context, to), message })
      }
    }),
    recordAnswer: assign(({ context }, heard: HeardChosen) =>
      isCountedSender(context, heard)
        ? {
            answered: withServer(context.answered, heard.sender),
            unsettled: context.unsettled || heard.unsettled,
          }
        : {},
    ),
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
      informant: isLeaving(context, members) ? null : context.informant,
      answered: context.answered.filter((id) => id === context.self || countedMembers(members).includes(id)),
    })),
  },
}).createMachine({
  id: 'learner',
  context: ({ input }) => ({
    ...input,
    lastChosen: null,
    contradiction: null,
    target: input.firstUnchosen,
    peer: peersOf(input.members, input.self)[0] ?? input.self,
    informant: null,
    asked: [],
    tries: 0,
    answered: [],
    unsettled: false,
    unsettledAt: -1,
  }),
  initial: 'following',
  on: {
    learn: {
      actions: { type: 'readChosen', params: ({ event }) => event },
    },
    'chosen.read': { actions: { type: 'sendChosen', params: ({ event }) => event } },
    'batch.chosen': [
      {
        guard: { type: 'contradictsHistory', params: ({ event }) => pageOf(event) },
        actions: 'halt',
      },
      { actions: { type: 'learn', params: ({ event }) => pageOf(event) } },
    ],
    'accept.heard': { actions: { type: 'learnImplied', params: ({ event }) => event } },
    chosen: [
      {
        guard: { type: 'isUncalledFor', params: ({ event }) => event },
        actions: { type: 'recordHint', params: ({ event }) => event },
      },
      {
        guard: { type: 'contradictsHistory', params: ({ event }) => event },
        actions: { type: 'recordContradiction', params: ({ event }) => event },
      },
      {
        actions: [
          { type: 'learn', params: ({ event }) => event },
          { type: 'recordTarget', params: ({ event }) => targetIn(event) },
        ],
      },
    ],
    'members.changed': { actions: { type: 'recordMembers', params: ({ event }) => event } },
  },
  states: {
    following: {
      description:
        'Knows all that it has heard of. Ends when it hears of something chosen that it does not know.',
      meta: { paper: 'Paxos Made Simple, 2.3; the seed, 2-2 (lazy proposers)' },
      entry: 'forgetAsked',
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
        'Asks one server after another for what was chosen, a page at a time. Ends when it knows all it heard of, or nobody does.',
      meta: { paper: 'Paxos Made Simple, 2.3; the seed, 2-2 (catching up)' },
      entry: 'sendLearn',
      always: { guard: 'hasCaughtUp', target: 'following' },
      after: {
        askInterval: [
          { guard: 'hasAskedEnough', target: 'following', actions: 'forgetTarget' },
          { target: 'catchingUp', reenter: true, actions: 'askNextPeer' },
        ],
      },
      on: {
        chosen: [
          {
            guard: { type: 'isUncalledFor', params: ({ event }) => event },
            actions: { type: 'recordHint', params: ({ event }) => event },
          },
          {
            guard: { type: 'contradictsHistory', params: ({ event }) => event },
            actions: { type: 'recordContradiction', params: ({ event }) => event },
          },
          {
            guard: { type: 'isPage', params: ({ event }) => event },
            target: 'catchingUp',
            reenter: true,
            actions: [
              { type: 'learn', params: ({ event }) => event },
              { type: 'recordTarget', params: ({ event }) => targetIn(event) },
              { type: 'adoptPeer', params: ({ event }) => event },
            ],
          },
          { actions: { type: 'recordTarget', params: ({ event }) => targetIn(event) } },
        ],
        'behind.noticed': { actions: { type: 'recordTarget', params: ({ event }) => event } },
      },
    },
    inquiring: {
      description:
        'Asks everybody for news, for a delayed request or a proposer without answers. Ends with news, a quorum of answers, or neither.',
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
        chosen: [
          {
            guard: { type: 'isUncalledFor', params: ({ event }) => event },
            actions: { type: 'recordHint', params: ({ event }) => event },
          },
          {
            guard: { type: 'contradictsHistory', params: ({ event }) => event },
            actions: { type: 'recordContradiction', params: ({ event }) => event },
          },
          {
            actions: [
              { type: 'recordAnswer', params: ({ event }) => event },
              { type: 'learn', params: ({ event }) => event },
              { type: 'recordTarget', params: ({ event }) => targetIn(event) },
            ],
          },
        ],
        'behind.noticed': {
          target: 'catchingUp',
          actions: { type: 'recordTarget', params: ({ event }) => event },
        },
      },
    },
  },
})
