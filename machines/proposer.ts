/**
 * The proposer promises the others that it proposes one batch a ballot and instance, that the batch is the one that may
 * already be chosen wherever there is one, and that it starts no instance before the one below is chosen and executed.
 * *Paxos Made Simple*, sections 2.2 and 3.
 */
import { assign, enqueueActions, setup } from 'xstate'
import { type Ballot, ballotAbove, compareBallots, sameBallot } from './ballot.ts'
import type { Batch, Instance, NodeId } from './batch.ts'
import type { BatchExecuted, Heard, ProposerEvent } from './inbox.ts'
import { informantOf, noticeBehind } from './informant.ts'
import { roundStep } from './limits.ts'
import { countedMembers, isCounted, type Member } from './members.ts'
import type { Accepted, Denial, PromiseMessage } from './messages.ts'
import type { Output } from './outputs.ts'
import {
  batchToHelp,
  bestInformed,
  type GivenPromise,
  highestAccepted,
  holdersAboveHole,
  withoutVoid,
  withPromise,
} from './promises.ts'
import { isQuorum } from './quorum.ts'
import { drawRandom } from './random.ts'
import { doubled, type Timing } from './timing.ts'

export interface ProposerInput {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly randomSeed: number
  /** What this node's acceptor has promised: no ballot at or below it is used, so none is used twice. */
  readonly promised: Ballot | null
  /** Everything below is chosen and executed here. */
  readonly firstUnexecuted: Instance
}

export interface ProposerContext {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly randomSeed: number

  // All of it volatile: what must survive is with the acceptors.
  /** The ballot in use, or last used. */
  readonly ballot: Ballot
  /** The highest round seen. Invariant: at least that of `ballot`. */
  readonly highestRound: number
  /** Everything below is chosen and executed here. */
  readonly firstUnexecuted: Instance
  /** The instance that `ballot` was prepared from. */
  readonly preparedFrom: Instance
  /** Invariant: one a server, all for `ballot`, and only of servers that are counted, each under its own incarnation. */
  readonly promises: readonly GivenPromise[]
  /** What is proposed at `firstUnexecuted`. */
  readonly batch: Batch | null
  /** Who accepted it at `ballot`. Invariant: distinct, and only servers that are counted. */
  readonly accepts: readonly NodeId[]
  /** A quorum has accepted `batch` at `ballot`: it is what was chosen, and may be told as such. */
  readonly isChosen: boolean
  /** How often it was said without enough answers. */
  readonly tries: number
  /** Denials since a batch was last chosen here. */
  readonly denials: number
  readonly backoffMs: number
  /** The wait has been begun again for a rival that came forward in it. */
  readonly hasYielded: boolean
}

export type ProposerEmitted = Output

/** Who accepted, with `sender` among them: whoever says it twice is counted once. */
function withAccept({ accepts }: ProposerContext, sender: NodeId): readonly NodeId[] {
  return accepts.includes(sender) ? accepts : [...accepts, sender]
}

function quorumWith(context: ProposerContext, answered: readonly NodeId[]): boolean {
  return isQuorum(countedMembers(context.members), answered)
}

/**
 * A quorum has promised, this node's own acceptor among it. Its promise is durable before it is said, so a proposer that
 * restarts prepares above every ballot at which it ever sent an accept.
 */
function isPrepared(context: ProposerContext, promises: readonly GivenPromise[]): boolean {
  const givers = promises.map((promise) => promise.node)
  return givers.includes(context.self) && quorumWith(context, givers)
}

type Answer = Heard<PromiseMessage> | Heard<Accepted> | Heard<Denial>

export const proposerMachine = setup({
  types: {
    context: {} as ProposerContext,
    events: {} as ProposerEvent,
    emitted: {} as ProposerEmitted,
    input: {} as ProposerInput,
  },
  delays: {
    retransmitInterval: ({ context }) =>
      doubled(context.timing.retransmitMs, context.timing.retransmitLimitMs, context.tries),
    backoff: ({ context }) => context.backoffMs,
  },
  guards: {
    mayNotPropose: ({ context }) => !isCounted(context.members, context.self, context.incarnation),
    /**
     * After a restart the same ballot may be prepared again, from a lower instance where what was learned was not synced:
     * a late promise to the first prepare says nothing of the instances between.
     */
    isForAnotherPrepare: ({ context }, { ballot, from }: Heard<PromiseMessage>) =>
      !sameBallot(ballot, context.ballot) || from !== context.preparedFrom,
    /** No member, or a member with another directory than the one that was admitted: it may have lost what it promised. */
    senderIsNotCounted: ({ context }, { sender, incarnation }: Answer) =>
      !isCounted(context.members, sender, incarnation),
    roundIsTooFar: ({ context }, { promised }: Heard<Denial>) =>
      (promised?.round ?? 0) > context.highestRound + roundStep,
    isForAnotherBallot: ({ context }, { ballot }: { ballot: Ballot }) => !sameBallot(ballot, context.ballot),
    completesPromises: ({ context }, heard: Heard<PromiseMessage>) =>
      isPrepared(context, withPromise(context.promises, heard)),
    isForAnotherInstance: ({ context }, { instance }: { instance: Instance }) =>
      instance !== context.firstUnexecuted,
    completesAccepts: ({ context }, { sender }: Heard<Accepted>) =>
      quorumWith(context, withAccept(context, sender)),
    promisedMore: ({ context }, { promised }: Heard<Denial>) => compareBallots(promised, context.ballot) > 0,
    knowsMore: ({ context }, { firstUnchosen }: Heard<Denial>) => firstUnchosen > context.firstUnexecuted,
    somebodyKnowsMore: ({ context }) =>
      bestInformed(context.promises).firstUnchosen > context.firstUnexecuted,
    somethingMayBeChosen: ({ context }) => batchToHelp(context.promises, context.firstUnexecuted) !== null,
    somethingIsVoid: ({ context }) => holdersAboveHole(context.promises, context.firstUnexecuted).length > 0,
    hasWaitedEnough: ({ context }) => context.tries >= context.timing.patientTries,
    nobodyAnswers: ({ context }) => context.tries >= context.timing.newsTries,
    changesMembers: (_, { members }: BatchExecuted) => members !== null,
    ownBatchIsChosen: ({ context }) => context.isChosen,
    /** The promises show something accepted above this instance too. */
    ownBatchIsChosenBelowAnother: ({ context }) =>
      context.isChosen && highestAccepted(context.promises) > context.firstUnexecuted,
    isSurpassed: ({ context }, { ballot }: { ballot: Ballot }) => compareBallots(ballot, context.ballot) > 0,
    mayYield: ({ context }) => !context.hasYielded,
  },
  actions: {
    beginBallot: assign(({ context }) => ({
      ballot: ballotAbove(context.highestRound, context.self),
      highestRound: context.highestRound + 1,
      preparedFrom: context.firstUnexecuted,
      promises: [],
      batch: null,
      accepts: [],
      isChosen: false,
      tries: 0,
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
    announceBehind: enqueueActions(({ context, enqueue }) => {
      const { node: id, incarnation, firstUnchosen } = bestInformed(context.promises)
      enqueue.emit(noticeBehind(firstUnchosen, { id, incarnation }))
    }),
    announceDenierKnowsMore: enqueueActions(({ enqueue }, denial: Heard<Denial>) => {
      enqueue.emit(noticeBehind(denial.firstUnchosen, informantOf(denial)))
    }),
    /** It may have taken the place of a member while this server was away. */
    announceStrangerKnowsMore: enqueueActions(({ context, enqueue }, answer: Answer) => {
      if (!answer.knowsUs || answer.type === 'accepted') return
      if (answer.firstUnchosen <= context.firstUnexecuted) return
      enqueue.emit(noticeBehind(answer.firstUnchosen, informantOf(answer)))
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
    /**
     * The batch of the highest ballot, not the one that most accepted: only that one can have been chosen below this ballot.
     */
    adoptBatchToHelp: assign(({ context }) => ({
      batch: batchToHelp(context.promises, context.firstUnexecuted),
      accepts: [],
      isChosen: false,
      tries: 0,
    })),
    adoptOwnBatch: assign((_, { batch }: { batch: Batch }) => ({
      batch,
      accepts: [],
      isChosen: false,
      tries: 0,
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
      accepts: withAccept(context, sender),
    })),
    /** A quorum has accepted it, so it is chosen; whoever denied this ballot before did not keep it from that. */
    recordChosen: assign(({ context }, { sender }: Heard<Accepted>) => ({
      accepts: withAccept(context, sender),
      isChosen: true,
      denials: 0,
    })),
    announceChosen: enqueueActions(({ context, enqueue }) => {
      if (context.batch === null) return
      enqueue.emit({
        type: 'tell',
        role: 'learner',
        event: { type: 'batch.chosen', instance: context.firstUnexecuted, batch: context.batch },
      })
    }),
    /** Learners are lazy: only servers that hold a request which may now run are told. */
    sendChosenToConcerned: enqueueActions(({ context, enqueue }, { instance, concerned }: BatchExecuted) => {
      const { batch, isChosen } = context
      if (batch === null || !isChosen || instance !== context.firstUnexecuted) return
      for (const to of concerned.filter((id) => id !== context.self)) {
        enqueue.emit({
          type: 'send',
          to,
          message: {
            type: 'chosen',
            from: instance,
            batches: [batch],
            firstUnchosen: instance + 1,
            unsettled: false,
          },
        })
      }
    }),
    advance: assign(({ context }, { instance, members }: BatchExecuted) => ({
      firstUnexecuted: instance + 1,
      members: members ?? context.members,
      // What was promised was promised among the members of before.
      promises: members === null ? context.promises : [],
      batch: null,
      accepts: [],
      isChosen: false,
      tries: 0,
    })),
    /** No quorum answers: the members may have changed while this server was away, and somebody may know. */
    askForNews: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'learner', event: { type: 'news.wanted' } })
    }),
    beginTries: assign({ tries: 0 }),
    countTry: assign(({ context }) => ({ tries: context.tries + 1 })),
    /**
     * Jump above what the denial names, not by one: a stale proposer is denied once. A round that is too far above is followed one
     * step at a time.
     */
    recordRival: assign(({ context: { highestRound } }, { ballot }: { ballot: Ballot | null }) => ({
      highestRound: Math.max(highestRound, Math.min(ballot?.round ?? 0, highestRound + roundStep)),
    })),
    drawBackoff: assign(({ context }) => {
      const { backoffMs, backoffLimitMs } = context.timing
      const { seed, value } = drawRandom(context.randomSeed)
      return {
        randomSeed: seed,
        denials: context.denials + 1,
        backoffMs: Math.ceil(doubled(backoffMs, backoffLimitMs, context.denials) * (0.5 + value)),
      }
    }),
    beginYielding: assign({ hasYielded: true }),
    endYielding: assign({ hasYielded: false }),
    askForBatch: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'requestQueue', event: { type: 'batch.wanted' } })
    }),
    askForWork: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'requestQueue', event: { type: 'work.wanted' } })
    }),
  },
}).createMachine({
  id: 'proposer',
  context: ({ input: { promised, ...input } }) => ({
    ...input,
    ballot: { round: promised?.round ?? 0, node: input.self },
    highestRound: promised?.round ?? 0,
    preparedFrom: input.firstUnexecuted,
    promises: [],
    batch: null,
    accepts: [],
    isChosen: false,
    tries: 0,
    denials: 0,
    backoffMs: input.timing.backoffMs,
    hasYielded: false,
  }),
  initial: 'idle',
  on: {
    'ballot.surpassed': { actions: { type: 'recordRival', params: ({ event }) => event } },
    'batch.executed': { actions: { type: 'advance', params: ({ event }) => event } },
  },
  states: {
    idle: {
      description:
        'Nothing to propose, or no part in the cluster. Ends when the request queue has something.',
      on: {
        'requests.ready': [{ guard: 'mayNotPropose' }, { target: 'preparing', actions: 'beginBallot' }],
        'batch.offered': [{ guard: 'mayNotPropose' }, { target: 'preparing', actions: 'beginBallot' }],
        'settle.wanted': [{ guard: 'mayNotPropose' }, { target: 'preparing', actions: 'beginBallot' }],
      },
    },
    preparing: {
      description:
        'Asks for promises from the first unexecuted instance on. Ends with a quorum of them, or a denial.',
      meta: { paper: 'Paxos Made Simple, 2.2, phase 1; 3' },
      entry: 'broadcastPrepare',
      after: {
        retransmitInterval: [
          {
            guard: 'nobodyAnswers',
            target: 'preparing',
            reenter: true,
            actions: ['countTry', 'askForNews'],
          },
          { target: 'preparing', reenter: true, actions: 'countTry' },
        ],
      },
      on: {
        promise: [
          {
            guard: { type: 'senderIsNotCounted', params: ({ event }) => event },
            actions: { type: 'announceStrangerKnowsMore', params: ({ event }) => event },
          },
          { guard: { type: 'isForAnotherPrepare', params: ({ event }) => event } },
          {
            guard: { type: 'completesPromises', params: ({ event }) => event },
            target: 'adopting',
            actions: { type: 'recordPromise', params: ({ event }) => event },
          },
          { actions: { type: 'recordPromise', params: ({ event }) => event } },
        ],
        denial: [
          {
            guard: { type: 'senderIsNotCounted', params: ({ event }) => event },
            actions: { type: 'announceStrangerKnowsMore', params: ({ event }) => event },
          },
          { guard: { type: 'isForAnotherBallot', params: ({ event }) => event } },
          {
            guard: { type: 'roundIsTooFar', params: ({ event }) => event },
            target: 'backingOff',
            actions: [
              { type: 'flagRound', params: ({ event }) => event },
              { type: 'recordRival', params: ({ event }) => ({ ballot: event.promised }) },
            ],
          },
          {
            guard: { type: 'promisedMore', params: ({ event }) => event },
            target: 'backingOff',
            actions: { type: 'recordRival', params: ({ event }) => ({ ballot: event.promised }) },
          },
          {
            guard: { type: 'knowsMore', params: ({ event }) => event },
            actions: { type: 'announceDenierKnowsMore', params: ({ event }) => event },
          },
        ],
        'batch.executed': [
          {
            guard: { type: 'changesMembers', params: ({ event }) => event },
            target: 'resuming',
            actions: { type: 'advance', params: ({ event }) => event },
          },
          { actions: { type: 'advance', params: ({ event }) => event } },
        ],
      },
    },
    adopting: {
      description: 'A quorum has promised: what it shows decides, at once, what comes next.',
      meta: { paper: 'Paxos Made Simple, 2.2, phase 2a; 3' },
      always: [
        { guard: 'somebodyKnowsMore', target: 'catchingUp', actions: 'beginTries' },
        { guard: 'somethingMayBeChosen', target: 'accepting.helping', actions: 'adoptBatchToHelp' },
        { guard: 'somethingIsVoid', target: 'leading', actions: 'forgetVoid' },
        { target: 'leading' },
      ],
    },
    catchingUp: {
      description:
        'Somebody in the quorum knows of later choices, which are learned and executed first. Without news it prepares again.',
      meta: { paper: 'Paxos Made Simple, 3; the seed, 2-2' },
      entry: 'announceBehind',
      after: {
        retransmitInterval: [
          // Whoever knew more may be gone for good. Another quorum shows what was accepted, and that is helped.
          { guard: 'hasWaitedEnough', target: 'preparing', actions: 'beginBallot' },
          { target: 'catchingUp', reenter: true, actions: 'countTry' },
        ],
      },
      on: {
        'batch.executed': [
          {
            guard: { type: 'changesMembers', params: ({ event }) => event },
            target: 'resuming',
            actions: { type: 'advance', params: ({ event }) => event },
          },
          { target: 'adopting', actions: { type: 'advance', params: ({ event }) => event } },
        ],
      },
    },
    accepting: {
      description:
        'A batch is proposed at the first unexecuted instance. Ends when a quorum has accepted it, or a denial.',
      meta: { paper: 'Paxos Made Simple, 2.2, phase 2' },
      initial: 'proposing',
      states: {
        helping: {
          description:
            'The batch was accepted at a lower ballot and may be chosen: it is carried on before one of our own.',
          entry: 'broadcastAccept',
          after: {
            retransmitInterval: [
              {
                guard: 'nobodyAnswers',
                target: 'helping',
                reenter: true,
                actions: ['countTry', 'askForNews'],
              },
              { target: 'helping', reenter: true, actions: 'countTry' },
            ],
          },
        },
        proposing: {
          description: 'The batch is of our own queue: nothing else can have been chosen here.',
          entry: 'broadcastAccept',
          after: {
            retransmitInterval: [
              {
                guard: 'nobodyAnswers',
                target: 'proposing',
                reenter: true,
                actions: ['countTry', 'askForNews'],
              },
              { target: 'proposing', reenter: true, actions: 'countTry' },
            ],
          },
        },
      },
      on: {
        accepted: [
          { guard: { type: 'senderIsNotCounted', params: ({ event }) => event } },
          { guard: { type: 'isForAnotherBallot', params: ({ event }) => event } },
          { guard: { type: 'isForAnotherInstance', params: ({ event }) => event } },
          {
            guard: { type: 'completesAccepts', params: ({ event }) => event },
            actions: [{ type: 'recordChosen', params: ({ event }) => event }, 'announceChosen'],
          },
          { actions: { type: 'recordAccepted', params: ({ event }) => event } },
        ],
        denial: [
          {
            guard: { type: 'senderIsNotCounted', params: ({ event }) => event },
            actions: { type: 'announceStrangerKnowsMore', params: ({ event }) => event },
          },
          { guard: { type: 'isForAnotherBallot', params: ({ event }) => event } },
          {
            guard: { type: 'roundIsTooFar', params: ({ event }) => event },
            target: 'backingOff',
            actions: [
              { type: 'flagRound', params: ({ event }) => event },
              { type: 'recordRival', params: ({ event }) => ({ ballot: event.promised }) },
            ],
          },
          {
            guard: { type: 'promisedMore', params: ({ event }) => event },
            target: 'backingOff',
            actions: { type: 'recordRival', params: ({ event }) => ({ ballot: event.promised }) },
          },
          {
            guard: { type: 'knowsMore', params: ({ event }) => event },
            actions: { type: 'announceDenierKnowsMore', params: ({ event }) => event },
          },
        ],
        'batch.executed': [
          {
            guard: { type: 'changesMembers', params: ({ event }) => event },
            target: 'resuming',
            actions: [
              { type: 'sendChosenToConcerned', params: ({ event }) => event },
              { type: 'advance', params: ({ event }) => event },
            ],
          },
          {
            guard: 'ownBatchIsChosenBelowAnother',
            target: 'adopting',
            actions: [
              { type: 'sendChosenToConcerned', params: ({ event }) => event },
              { type: 'advance', params: ({ event }) => event },
            ],
          },
          {
            guard: 'ownBatchIsChosen',
            target: 'leading',
            actions: [
              { type: 'sendChosenToConcerned', params: ({ event }) => event },
              { type: 'advance', params: ({ event }) => event },
            ],
          },
          // Chosen by a rival, and maybe another batch: whoever accepted ours at this ballot would take the next accept at
          // it to imply that ours was chosen. So the ballot is given up.
          { target: 'resuming', actions: { type: 'advance', params: ({ event }) => event } },
        ],
      },
    },
    leading: {
      description:
        'The ballot stands and nothing is open: the next batch goes straight to accept. Ends with that batch.',
      meta: { paper: 'Paxos Made Simple, 3' },
      entry: 'askForBatch',
      on: {
        'batch.offered': {
          target: 'accepting.proposing',
          actions: { type: 'adoptOwnBatch', params: ({ event }) => event },
        },
        'ballot.surpassed': {
          guard: { type: 'isSurpassed', params: ({ event }) => event },
          target: 'idle',
          actions: [{ type: 'recordRival', params: ({ event }) => event }, 'askForWork'],
        },
        'batch.executed': [
          {
            guard: { type: 'changesMembers', params: ({ event }) => event },
            target: 'resuming',
            actions: { type: 'advance', params: ({ event }) => event },
          },
          { actions: { type: 'advance', params: ({ event }) => event } },
        ],
      },
    },
    backingOff: {
      description:
        'Denied by a rival, which is let finish: a random wait, longer at each denial. Ends with it.',
      meta: { paper: 'Paxos Made Simple, 2.4 (progress)' },
      entry: 'drawBackoff',
      exit: 'endYielding',
      on: {
        'ballot.surpassed': [
          {
            guard: 'mayYield',
            target: 'backingOff',
            reenter: true,
            actions: [{ type: 'recordRival', params: ({ event }) => event }, 'beginYielding'],
          },
          { actions: { type: 'recordRival', params: ({ event }) => event } },
        ],
      },
      after: { backoff: { target: 'resuming' } },
    },
    resuming: {
      description:
        'What was held is given up; the request queue is asked, at once, whether there is still work.',
      entry: 'askForWork',
      always: 'idle',
    },
  },
})
