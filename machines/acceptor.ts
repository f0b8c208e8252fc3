/**
 * The acceptor promises the others that it takes nothing below the highest ballot that it has promised, and that what it
 * has promised or accepted survives a crash. It says a promise or an accepted only after what it states is durable.
 * *Paxos Made Simple*, section 2.2.
 */
import { acceptorContext } from './acceptor-context.ts'
import { acceptorSetup } from './acceptor-setup.ts'
import { withEvent } from './with-event.ts'

export type { AcceptorContext, AcceptorInput } from './acceptor-context.ts'

export const acceptorMachine = acceptorSetup.createMachine({
  id: 'acceptor',
  context: ({ input }) => acceptorContext(input),
  initial: 'listening',
  on: {
    prepare: [
      // It may be the one that was removed, and all that knows it: the others could have nothing chosen without its answer.
      { guard: withEvent('isSettledAndMayNotVote'), actions: withEvent('sendDenial') },
      { guard: withEvent('instanceIsTooFar'), actions: withEvent('flagInstance') },
      // It may have lost, with what it had learned, that it was admitted: what it is asked for shows that it is behind.
      { guard: 'mayNotVote', actions: withEvent('notifySenderKnowsMore') },
      {
        guard: withEvent('senderIsNotCounted'),
        actions: [withEvent('notifySenderKnowsMore'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('roundIsTooFar'),
        actions: [withEvent('flagRound'), withEvent('advanceRound'), withEvent('sendDenial')],
      },
      { guard: withEvent('promisedMore'), actions: withEvent('sendDenial') },
      {
        actions: [
          withEvent('notifySurpassed'),
          withEvent('notifySenderKnowsMore'),
          withEvent('recordPromise'),
        ],
      },
    ],
    accept: [
      { guard: withEvent('isSettled'), actions: withEvent('sendDenial') },
      { guard: withEvent('instanceIsTooFar'), actions: withEvent('flagInstance') },
      { guard: 'mayNotVote', actions: withEvent('notifySenderKnowsMore') },
      {
        guard: withEvent('senderIsNotCounted'),
        actions: [withEvent('notifySenderKnowsMore'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('roundIsTooFar'),
        actions: [withEvent('flagRound'), withEvent('advanceRound'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('instanceIsBeyondWindow'),
        actions: [withEvent('notifySenderKnowsMore'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('promisedMore'),
        actions: [withEvent('notifyAcceptHeard'), withEvent('sendDenial')],
      },
      { guard: withEvent('isAccepted'), actions: withEvent('recordAcceptedAgain') },
      { guard: withEvent('isAnotherBatch'), actions: [withEvent('flagBatch'), withEvent('sendDenial')] },
      {
        actions: [withEvent('notifySurpassed'), withEvent('notifyAcceptHeard'), withEvent('recordAccepted')],
      },
    ],
    'firstUnchosen.advanced': { actions: withEvent('forgetSettled') },
    'members.changed': { actions: withEvent('recordMembers') },
  },
  states: {
    listening: {
      description:
        'Everything promised and accepted is durable, and said. Ends when something new has to be persisted.',
      meta: { paper: 'Paxos Made Simple, 2.2' },
      always: [
        { guard: 'somethingIsUnsaved', target: 'persisting' },
        { guard: 'somethingIsUnsent', actions: 'sendRepliesThatNeedNoSync' },
      ],
    },
    persisting: {
      description:
        'A sync is under way; the answers that it makes true wait for it, and what is heard meanwhile joins the next one.',
      meta: { paper: 'Paxos Made Simple, 2.5 (stable storage)' },
      entry: 'persistUnsaved',
      on: {
        persisted: [
          { guard: 'somethingIsUnsaved', actions: 'sendSyncedReplies', target: 'persisting', reenter: true },
          { actions: 'sendSyncedReplies', target: 'listening' },
        ],
      },
    },
  },
})
