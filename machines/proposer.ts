/**
 * The proposer guarantees that it proposes one batch for each ballot and instance, that this is the batch that may already be
 * chosen if there is one, and that it starts no instance before the previous one is chosen and executed. *Paxos Made Simple*,
 * sections 2.2 and 3.
 */
import { proposerContext } from './proposer-context.ts'
import { proposerSetup } from './proposer-setup.ts'
import { withEvent } from './with-event.ts'

export type { ProposerContext, ProposerInput } from './proposer-context.ts'

export const proposerMachine = proposerSetup.createMachine({
  id: 'proposer',
  context: ({ input }) => proposerContext(input),
  initial: 'idle',
  on: {
    'rival.promised': { actions: withEvent('recordRival') },
    'batch.executed': { actions: withEvent('advance') },
    'state.replaced': { actions: withEvent('advanceToSnapshot') },
  },
  states: {
    idle: {
      description:
        'Nothing to propose, or not counted. Ends when the request queue has a batch, or the learner wants something settled.',
      on: {
        'requests.ready': [{ guard: 'mayNotPropose' }, { target: 'preparing', actions: 'adoptNextBallot' }],
        // The batch was offered to a ballot that has been given up. The queue offers it again to the next one.
        'batch.offered': [{ guard: 'mayNotPropose' }, { target: 'preparing', actions: 'adoptNextBallot' }],
        'settle.wanted': [{ guard: 'mayNotPropose' }, { target: 'preparing', actions: 'adoptNextBallot' }],
      },
    },
    preparing: {
      description:
        'Asks for promises from the first unexecuted instance on. Ends with a quorum of them, a denial by a higher ballot, or new members.',
      meta: { paper: 'Paxos Made Simple, 2.2, phase 1; 3' },
      entry: 'broadcastPrepare',
      after: {
        retransmitInterval: [
          {
            guard: 'noQuorumAnswers',
            target: 'preparing',
            reenter: true,
            actions: ['recordTry', 'notifyNewsWanted'],
          },
          { target: 'preparing', reenter: true, actions: 'recordTry' },
        ],
      },
      on: {
        'server.exposed': { target: 'resuming' },
        promise: [
          { guard: withEvent('senderIsNotCounted'), actions: withEvent('notifyUncountedKnowsMore') },
          { guard: withEvent('isForAnotherPrepare') },
          { guard: withEvent('completesPromises'), target: 'adopting', actions: withEvent('recordPromise') },
          { actions: withEvent('recordPromise') },
        ],
        denial: [
          { guard: withEvent('senderIsNotCounted'), actions: withEvent('notifyUncountedKnowsMore') },
          { guard: withEvent('isForAnotherBallot') },
          {
            guard: withEvent('roundIsTooFar'),
            target: 'backingOff',
            actions: [withEvent('flagRound'), withEvent('recordRivalOfDenial')],
          },
          {
            guard: withEvent('promisedMore'),
            target: 'backingOff',
            actions: [withEvent('recordRivalOfDenial'), withEvent('notifyLeader')],
          },
          { guard: withEvent('knowsMore'), actions: withEvent('notifyDenierKnowsMore') },
        ],
        'batch.executed': [
          { guard: withEvent('changesMembers'), target: 'resuming', actions: withEvent('advance') },
          { actions: withEvent('advance') },
        ],
        'state.replaced': { target: 'resuming', actions: withEvent('advanceToSnapshot') },
      },
    },
    adopting: {
      description: 'A quorum has promised: its promises decide, at once, the next state.',
      meta: { paper: 'Paxos Made Simple, 2.2, phase 2a; 3' },
      always: [
        { guard: 'somebodyKnowsMore', target: 'catchingUp', actions: 'forgetTries' },
        { guard: 'somethingMayBeChosen', target: 'accepting.helping', actions: 'adoptBatchToHelp' },
        { guard: 'somethingIsVoid', target: 'leading', actions: 'forgetVoid' },
        { target: 'leading' },
      ],
    },
    catchingUp: {
      description:
        'A server in the quorum knows later choices, which are learned and executed first. Without news, the proposer prepares again.',
      meta: { paper: 'Paxos Made Simple, 3; the seed, 2-2' },
      entry: 'notifyBehind',
      after: {
        retransmitInterval: [
          // The servers that knew more may be gone for good. Another quorum shows the accepted batches, and the proposer helps
          // those.
          { guard: 'hasWaitedEnough', target: 'preparing', actions: 'adoptNextBallot' },
          { target: 'catchingUp', reenter: true, actions: 'recordTry' },
        ],
      },
      on: {
        'server.exposed': { target: 'resuming' },
        'batch.executed': [
          { guard: withEvent('changesMembers'), target: 'resuming', actions: withEvent('advance') },
          { target: 'adopting', actions: withEvent('advance') },
        ],
        'state.replaced': { target: 'resuming', actions: withEvent('advanceToSnapshot') },
      },
    },
    accepting: {
      description:
        'A batch is proposed at the first unexecuted instance. Ends when a batch is executed there, or with a denial by a higher ballot.',
      meta: { paper: 'Paxos Made Simple, 2.2, phase 2' },
      initial: 'proposing',
      states: {
        helping: {
          description:
            'The batch was accepted at a lower ballot and may be chosen, so it is proposed before a batch of our own.',
          entry: 'broadcastAccept',
          after: {
            retransmitInterval: [
              {
                guard: 'noQuorumAnswers',
                target: 'helping',
                reenter: true,
                actions: ['recordTry', 'notifyNewsWanted'],
              },
              { target: 'helping', reenter: true, actions: 'recordTry' },
            ],
          },
        },
        proposing: {
          description: 'The batch is from our own queue: no other batch can have been chosen here.',
          entry: 'broadcastAccept',
          after: {
            retransmitInterval: [
              {
                guard: 'noQuorumAnswers',
                target: 'proposing',
                reenter: true,
                actions: ['recordTry', 'notifyNewsWanted'],
              },
              { target: 'proposing', reenter: true, actions: 'recordTry' },
            ],
          },
        },
      },
      on: {
        'server.exposed': { target: 'resuming' },
        accepted: [
          { guard: withEvent('senderIsNotCounted') },
          { guard: withEvent('isForAnotherBallot') },
          { guard: withEvent('isForAnotherInstance') },
          {
            guard: withEvent('completesAccepts'),
            actions: [withEvent('recordChosen'), 'notifyChosen'],
          },
          { actions: withEvent('recordAccepted') },
        ],
        denial: [
          { guard: withEvent('senderIsNotCounted'), actions: withEvent('notifyUncountedKnowsMore') },
          { guard: withEvent('isForAnotherBallot') },
          {
            guard: withEvent('roundIsTooFar'),
            target: 'backingOff',
            actions: [withEvent('flagRound'), withEvent('recordRivalOfDenial')],
          },
          {
            guard: withEvent('promisedMore'),
            target: 'backingOff',
            actions: [withEvent('recordRivalOfDenial'), withEvent('notifyLeader')],
          },
          { guard: withEvent('knowsMore'), actions: withEvent('notifyDenierKnowsMore') },
        ],
        'batch.executed': [
          {
            guard: withEvent('changesMembers'),
            target: 'resuming',
            actions: [withEvent('sendSettledToConcerned'), withEvent('advance')],
          },
          {
            guard: 'batchIsChosenBelowAnother',
            target: 'adopting',
            actions: [withEvent('sendSettledToConcerned'), withEvent('advance')],
          },
          {
            guard: 'batchIsChosenAtThisBallot',
            target: 'leading',
            actions: [withEvent('sendSettledToConcerned'), withEvent('advance')],
          },
          // A rival had a batch chosen here, possibly another one. An acceptor that accepted our batch at this ballot would take
          // the next accept at it as proof that our batch was chosen. So the ballot is given up.
          { target: 'resuming', actions: withEvent('advance') },
        ],
        'state.replaced': { target: 'resuming', actions: withEvent('advanceToSnapshot') },
      },
    },
    leading: {
      description:
        'The ballot is prepared and no instance is open: the next batch goes straight to accept. Ends with that batch.',
      meta: { paper: 'Paxos Made Simple, 3' },
      entry: 'notifyBatchWanted',
      on: {
        'server.exposed': { target: 'resuming' },
        'batch.offered': { target: 'accepting.proposing', actions: withEvent('adoptOwnBatch') },
        'rival.promised': {
          guard: withEvent('isSurpassed'),
          target: 'resuming',
          actions: withEvent('recordRival'),
        },
        'batch.executed': [
          { guard: withEvent('changesMembers'), target: 'resuming', actions: withEvent('advance') },
          { actions: withEvent('advance') },
        ],
        'state.replaced': { target: 'resuming', actions: withEvent('advanceToSnapshot') },
      },
    },
    backingOff: {
      description:
        'A rival has a higher ballot and may finish first: a random wait, longer at each denial. Ends with the wait.',
      meta: { paper: 'Paxos Made Simple, 2.4 (progress)' },
      entry: 'adoptRandomBackoff',
      exit: 'forgetYielding',
      on: {
        'rival.promised': [
          {
            guard: 'mayYield',
            target: 'backingOff',
            reenter: true,
            actions: [withEvent('recordRival'), 'recordYielding'],
          },
          { actions: withEvent('recordRival') },
        ],
      },
      after: { backoff: { target: 'resuming' } },
    },
    resuming: {
      description:
        'The ballot is given up: the proposer asks the request queue, at once, whether there is still work.',
      entry: 'notifyWorkWanted',
      always: 'idle',
    },
  },
})
