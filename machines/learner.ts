/**
 * The learner answers other servers with the batches that it knows to be chosen. It guarantees that its own node persists and
 * executes every chosen batch, in order, each once. It is lazy: it learns from messages that arrive anyway, and asks only when it
 * misses a batch. *Paxos Made Simple*, section 2.3.
 */
import { learnerContext } from './learner-context.ts'
import { learnerSetup } from './learner-setup.ts'
import { withEvent } from './with-event.ts'

export type { LearnerContext, LearnerInput } from './learner-context.ts'

export const learnerMachine = learnerSetup.createMachine({
  id: 'learner',
  context: ({ input }) => learnerContext(input),
  initial: 'following',
  on: {
    learn: { actions: withEvent('readChosen') },
    'chosen.read': [
      { guard: withEvent('isCompacted'), actions: withEvent('sendCompacted') },
      { guard: withEvent('snapshotIsCheaper'), actions: withEvent('sendCompacted') },
      { actions: withEvent('sendChosen') },
    ],
    fetch: { actions: withEvent('readChunks') },
    'chunks.read': [
      { guard: withEvent('chunksAreGone'), actions: withEvent('sendCompacted') },
      { actions: withEvent('sendChunks') },
    ],
    'snapshot.wanted': [{ guard: 'hasNothingToTake' }, { actions: 'recordDrawing' }],
    'snapshot.drawn': [
      { guard: withEvent('isOfNoUse'), actions: 'forgetDrawing' },
      { actions: withEvent('persistSnapshot') },
    ],
    'snapshot.held': { actions: withEvent('recordHeld') },
    // Storage answers after the fetch was given up: the fetch may go on.
    'snapshot.resumed': [
      { guard: withEvent('isForAnotherSnapshot') },
      { actions: withEvent('recordResumed') },
    ],
    'chunk.kept': [{ guard: withEvent('isOfAnotherFetch') }, { actions: withEvent('recordKept') }],
    'batch.chosen': [
      { guard: withEvent('contradictsHistory'), actions: 'halt' },
      { actions: withEvent('adoptChosen') },
    ],
    'choice.implied': { actions: withEvent('adoptImplied') },
    // States that handle a page differently do so first; all other pages are handled here.
    chosen: [
      { guard: withEvent('isUnsolicited'), actions: withEvent('recordHint') },
      { guard: withEvent('contradictsHistory'), actions: withEvent('recordContradiction') },
      { actions: [withEvent('adoptChosen'), withEvent('recordTarget')] },
    ],
    'members.changed': { actions: withEvent('recordMembers') },
  },
  states: {
    following: {
      description:
        'Knows every batch that others have shown to be chosen. Ends when a message shows an unknown one.',
      meta: { paper: 'Paxos Made Simple, 2.3; the seed, 2-2 (lazy proposers)' },
      entry: 'forgetAsked',
      always: { guard: 'isBehind', target: 'behind' },
      on: {
        'behind.noticed': {
          target: 'catchingUp',
          actions: [withEvent('recordTarget'), withEvent('recordAskTime')],
        },
        'news.wanted': 'inquiring',
      },
    },
    behind: {
      description:
        'A chosen batch is unknown here. Messages in transit get a moment to arrive before a server is asked.',
      always: { guard: 'hasCaughtUp', target: 'following' },
      after: { grace: { target: 'catchingUp', actions: 'recordAskTimeAfterGrace' } },
      on: {
        'behind.noticed': {
          target: 'catchingUp',
          actions: [withEvent('recordTarget'), withEvent('recordAskTime')],
        },
      },
    },
    catchingUp: {
      description:
        'Asks one server after another for chosen batches: for the next page before it executes the last one. Ends when it has them all, or no server has them.',
      meta: { paper: 'Paxos Made Simple, 2.3; the seed, 2-2 (catching up)' },
      entry: 'sendLearn',
      always: { guard: 'hasCaughtUp', target: 'following' },
      after: {
        askInterval: [
          { guard: 'hasAskedEnough', target: 'following', actions: 'forgetTarget' },
          { target: 'catchingUp', reenter: true, actions: 'adoptNextPeer' },
        ],
      },
      on: {
        chosen: [
          {
            guard: withEvent('isNextPage'),
            target: 'catchingUp',
            reenter: true,
            actions: [
              withEvent('recordRoundTrip'),
              withEvent('sendLearnAhead'),
              withEvent('adoptChosen'),
              withEvent('recordTarget'),
              withEvent('adoptPeer'),
              withEvent('recordAskTime'),
            ],
          },
          {
            guard: withEvent('onlyInformantKnowsMore'),
            target: 'catchingUp',
            reenter: true,
            actions: ['adoptInformant', withEvent('recordAskTime')],
          },
        ],
        compacted: {
          guard: withEvent('isTakenUp'),
          target: 'installingSnapshot',
          actions: [withEvent('recordTarget'), withEvent('adoptOffer')],
        },
        'behind.noticed': { actions: withEvent('recordTarget') },
      },
    },
    installingSnapshot: {
      description:
        'The server that was asked holds the missing batches no longer, or its snapshot costs less: that is fetched and installed in their place.',
      meta: { paper: 'design of the project: snapshots' },
      initial: 'resuming',
      always: { guard: 'knowsTheSnapshot', target: 'catchingUp' },
      on: { 'behind.noticed': { actions: withEvent('recordTarget') } },
      states: {
        resuming: {
          description:
            'Storage looks for the part of the snapshot that it kept before a restart. Ends with its answer; at once, when the fetch goes on.',
          always: { guard: 'isResumed', target: 'fetching' },
        },
        fetching: {
          description:
            'Asks for the next chunks, and keeps them in order. Ends when the snapshot is complete, or when the server is silent: another one is asked.',
          entry: 'sendFetch',
          always: { guard: 'hasKeptAll', target: 'checking' },
          after: {
            askInterval: [
              { guard: 'hasAskedEnough', target: '#learner.following', actions: 'forgetTarget' },
              {
                guard: 'hasAskedThisPeerEnough',
                target: '#learner.catchingUp',
                actions: 'adoptNextPeer',
              },
              { target: 'fetching', reenter: true, actions: 'recordTry' },
            ],
          },
          on: {
            chunk: { guard: withEvent('isNextChunk'), actions: withEvent('keepChunk') },
            'chunk.kept': [
              { guard: withEvent('isOfAnotherFetch') },
              {
                guard: 'completesQuestion',
                target: 'fetching',
                reenter: true,
                actions: withEvent('recordKept'),
              },
              { actions: withEvent('recordKept') },
            ],
            // The server has deleted the snapshot: its present one is fetched.
            compacted: {
              guard: withEvent('isTakenUp'),
              target: 'resuming',
              actions: [withEvent('recordTarget'), withEvent('adoptOffer')],
            },
          },
        },
        checking: {
          description:
            'Storage makes the snapshot durable, and its digest and contents are checked. Ends with the verdict.',
          entry: 'checkSnapshot',
          on: {
            'snapshot.checked': [
              { guard: withEvent('isForAnotherSnapshot') },
              {
                guard: withEvent('isSound'),
                target: '#learner.catchingUp',
                actions: withEvent('adoptSnapshot'),
              },
              // Perhaps the disk damaged what was kept before a restart: that is no fault of the server that sent the rest.
              { guard: 'wasResumed', target: 'resuming', actions: 'beginAgain' },
              {
                target: '#learner.catchingUp',
                actions: ['flagSnapshot', 'forgetFetching', 'adoptNextPeer'],
              },
            ],
          },
        },
      },
    },
    inquiring: {
      description:
        'Asks all servers for news, for a delayed request or a proposer without answers. Ends with news, a quorum of answers, or a timeout.',
      meta: { paper: 'the seed, 2-2 (delayed requests)' },
      entry: 'broadcastLearn',
      always: [
        { guard: 'isBehind', target: 'catchingUp' },
        {
          guard: 'quorumHasAnswered',
          target: 'following',
          actions: ['notifyIfAbandoned', 'notifyNewsChecked'],
        },
      ],
      after: { inquiryPatience: 'following' },
      on: {
        chosen: {
          guard: withEvent('isAnswer'),
          actions: [withEvent('recordAnswer'), withEvent('adoptChosen'), withEvent('recordTarget')],
        },
        compacted: { guard: withEvent('isOffer'), actions: withEvent('recordTarget') },
        'behind.noticed': { target: 'catchingUp', actions: withEvent('recordTarget') },
      },
    },
  },
})
