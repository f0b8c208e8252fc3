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
      { guard: withEvent('mayOnlyTell'), actions: withEvent('sendDenial') },
      { guard: withEvent('instanceIsTooFar'), actions: withEvent('flagInstance') },
      // It may have lost, with what it had learned, that it was admitted: what it is asked for shows that it is behind.
      { guard: 'mayNotVote', actions: withEvent('announceSenderKnowsMore') },
      {
        guard: withEvent('senderIsNoMember'),
        actions: [withEvent('announceSenderKnowsMore'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('roundIsTooFar'),
        actions: [withEvent('flagRound'), withEvent('advanceRound'), withEvent('sendDenial')],
      },
      { guard: withEvent('promisedMore'), actions: withEvent('sendDenial') },
      {
        actions: [
          withEvent('announceSurpassed'),
          withEvent('announceSenderKnowsMore'),
          withEvent('recordPromise'),
        ],
      },
    ],
    accept: [
      { guard: withEvent('isSettled'), actions: withEvent('sendDenial') },
      { guard: withEvent('instanceIsTooFar'), actions: withEvent('flagInstance') },
      { guard: 'mayNotVote', actions: withEvent('announceSenderKnowsMore') },
      {
        guard: withEvent('senderIsNoMember'),
        actions: [withEvent('announceSenderKnowsMore'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('roundIsTooFar'),
        actions: [withEvent('flagRound'), withEvent('advanceRound'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('knowsTooLittle'),
        actions: [withEvent('announceSenderKnowsMore'), withEvent('sendDenial')],
      },
      {
        guard: withEvent('promisedMore'),
        actions: [withEvent('announceAcceptHeard'), withEvent('sendDenial')],
      },
      { guard: withEvent('isAccepted'), actions: withEvent('recordAcceptedAgain') },
      { guard: withEvent('isAnotherBatch'), actions: [withEvent('flagBatch'), withEvent('sendDenial')] },
      {
        actions: [
          withEvent('announceSurpassed'),
          withEvent('announceAcceptHeard'),
          withEvent('recordAccepted'),
        ],
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
