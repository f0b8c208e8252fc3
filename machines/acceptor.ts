/**
 * The acceptor guarantees that it accepts nothing below the highest ballot that it has promised, and that its promises and
 * accepted batches survive a crash. It sends a promise or an accepted only when the content is durable. *Paxos Made Simple*,
 * section 2.2.
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
      // This server may have been removed and be the only one that knows it: without its answer the others could choose nothing.
      { guard: withEvent('isSettledAndMayNotVote'), actions: withEvent('sendDenial') },
      { guard: withEvent('instanceIsTooFar'), actions: withEvent('flagInstance') },
      // This server may have lost the fact of its own admission. The request shows that it is behind.
      { guard: 'mayNotVote', actions: withEvent('notifyBehind') },
      {
        guard: withEvent('senderIsNotCounted'),
        actions: [withEvent('notifyBehind'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('roundIsTooFar'),
        actions: [
          withEvent('flagRound'),
          withEvent('notifyLeader'),
          withEvent('advanceRound'),
          withEvent('sendDenial'),
        ],
      },
      { guard: withEvent('promisedMore'), actions: withEvent('sendDenial') },
      {
        actions: [
          withEvent('notifySurpassed'),
          withEvent('notifyLeader'),
          withEvent('notifyBehind'),
          withEvent('recordPromise'),
        ],
      },
    ],
    accept: [
      { guard: withEvent('isSettled'), actions: withEvent('sendDenial') },
      { guard: withEvent('instanceIsTooFar'), actions: withEvent('flagInstance') },
      { guard: 'mayNotVote', actions: withEvent('notifyBehind') },
      {
        guard: withEvent('senderIsNotCounted'),
        actions: [withEvent('notifyBehind'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('roundIsTooFar'),
        actions: [
          withEvent('flagRound'),
          withEvent('notifyLeader'),
          withEvent('advanceRound'),
          withEvent('sendDenial'),
        ],
      },
      {
        guard: withEvent('instanceIsBeyondWindow'),
        actions: [withEvent('notifyBehind'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('promisedMore'),
        actions: [withEvent('notifyAcceptHeard'), withEvent('sendDenial')],
      },
      { guard: withEvent('isAccepted'), actions: withEvent('recordAcceptedAgain') },
      { guard: withEvent('isAnotherBatch'), actions: [withEvent('flagBatch'), withEvent('sendDenial')] },
      {
        actions: [
          withEvent('notifySurpassed'),
          withEvent('notifyLeader'),
          withEvent('notifyAcceptHeard'),
          withEvent('recordAccepted'),
        ],
      },
    ],
    settled: [
      { guard: withEvent('isSettled') },
      { guard: withEvent('instanceIsTooFar'), actions: withEvent('flagInstance') },
      { guard: withEvent('senderIsNotCounted'), actions: withEvent('notifyBehind') },
      { actions: [withEvent('notifySettled'), withEvent('notifyLeaderAnswered')] },
    ],
    // It votes for nothing, so it needs no sync, and no server is refused it.
    confirm: { actions: withEvent('sendConfirmed') },
    'firstUnchosen.advanced': { actions: withEvent('forgetSettled') },
    'members.changed': { actions: withEvent('recordMembers') },
  },
  states: {
    listening: {
      description:
        'Every promise and acceptance is durable, and its answer sent. Ends when something new has to be persisted.',
      meta: { paper: 'Paxos Made Simple, 2.2' },
      always: [
        { guard: 'somethingIsUnsaved', target: 'persisting' },
        { guard: 'somethingIsUnsent', actions: 'sendRepliesThatNeedNoSync' },
      ],
    },
    persisting: {
      description:
        'A sync is running. Answers that depend on it wait, and changes that arrive meanwhile join the next sync.',
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
