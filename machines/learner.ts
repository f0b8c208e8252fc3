/**
 * The learner promises the others to tell what it knows to be chosen, and its own node to have every chosen batch
 * persisted and executed, in order, each once. It is lazy: it learns from what it hears anyway, and asks only when it
 * hears of something that it does not know. *Paxos Made Simple*, section 2.3.
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
    'chosen.read': { actions: withEvent('sendChosen') },
    'batch.chosen': [
      { guard: withEvent('contradictsHistory'), actions: 'halt' },
      { actions: withEvent('adoptChosen') },
    ],
    'accept.heard': { actions: withEvent('adoptImplied') },
    // A state that handles a page in another way does so first; the pages that it leaves come here.
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
        'Knows all that it has heard of. Ends when it hears of something chosen that it does not know.',
      meta: { paper: 'Paxos Made Simple, 2.3; the seed, 2-2 (lazy proposers)' },
      entry: 'forgetAsked',
      always: { guard: 'isBehind', target: 'behind' },
      on: {
        'behind.noticed': { target: 'catchingUp', actions: withEvent('recordTarget') },
        'news.wanted': 'inquiring',
      },
    },
    behind: {
      description:
        'Something chosen is unknown here. What is on its way gets a moment to arrive before anybody is asked.',
      always: { guard: 'hasCaughtUp', target: 'following' },
      after: { grace: 'catchingUp' },
      on: { 'behind.noticed': { target: 'catchingUp', actions: withEvent('recordTarget') } },
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
          { target: 'catchingUp', reenter: true, actions: 'adoptNextPeer' },
        ],
      },
      on: {
        chosen: {
          guard: withEvent('isNextPage'),
          target: 'catchingUp',
          reenter: true,
          actions: [withEvent('adoptChosen'), withEvent('recordTarget'), withEvent('adoptPeer')],
        },
        'behind.noticed': { actions: withEvent('recordTarget') },
      },
    },
    inquiring: {
      description:
        'Asks everybody for news, for a delayed request or a proposer without answers. Ends with news, a quorum of answers, or neither.',
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
        'behind.noticed': { target: 'catchingUp', actions: withEvent('recordTarget') },
      },
    },
  },
})
