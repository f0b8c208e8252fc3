/**
 * The reader guarantees to clients that it answers a read from a state that contains every request that was answered, by any server,
 * before the read was sent. It writes nothing: it asks the acceptors below which instance they have accepted batches, and waits until
 * this server has executed that far. Reads that arrive while a question is out share the next one.
 */
import { readerContext } from './reader-context.ts'
import { readerSetup } from './reader-setup.ts'
import { withEvent } from './with-event.ts'

export type { ReaderContext, ReaderInput } from './reader-context.ts'

export const readerMachine = readerSetup.createMachine({
  id: 'reader',
  context: ({ input }) => readerContext(input),
  initial: 'idle',
  on: {
    read: [
      { guard: withEvent('mayBeStale'), actions: withEvent('queryAtOnce') },
      { guard: 'isStopping', actions: withEvent('sendStopping') },
      { guard: 'isNotCounted', actions: withEvent('sendNotMember') },
      { actions: withEvent('recordReads') },
    ],
    'batch.executed': { actions: withEvent('recordExecution') },
    'state.replaced': { actions: withEvent('recordReplacement') },
    'node.stopping': { actions: 'recordStopping' },
    'members.changed': { target: '.idle', actions: withEvent('recordMembers') },
  },
  states: {
    idle: {
      description: 'Holds no read. Ends when one arrives.',
      always: { guard: 'somethingIsGathered', target: 'asking', actions: withEvent('adoptGathered') },
    },
    asking: {
      description:
        'A question is out: below which instance have acceptors accepted batches? Ends with a quorum of answers, or with new members.',
      entry: 'broadcastConfirm',
      always: [
        {
          guard: 'everythingNeededIsExecuted',
          target: 'idle',
          actions: [withEvent('recordRoundTrip'), 'queryAsked'],
        },
        {
          guard: 'quorumHasAnswered',
          target: 'catchingUp',
          actions: [withEvent('recordRoundTrip'), withEvent('notifyBehind')],
        },
      ],
      on: {
        confirmed: [
          { guard: withEvent('senderIsNotCounted') },
          { guard: withEvent('isForAnotherQuestion') },
          { actions: withEvent('recordConfirmation') },
        ],
      },
      after: {
        retransmitInterval: [
          {
            guard: 'noQuorumAnswers',
            target: 'asking',
            reenter: true,
            actions: ['recordTry', 'notifyNewsWanted'],
          },
          { target: 'asking', reenter: true, actions: 'recordTry' },
        ],
      },
    },
    catchingUp: {
      description:
        'A quorum has answered, and this server has not executed all that may be chosen. Ends when it has, when another answer shows that it need not, or with new members.',
      meta: { paper: 'Paxos Made Simple, 2.3' },
      always: {
        guard: 'everythingNeededIsExecuted',
        target: 'idle',
        actions: 'queryAsked',
      },
      on: {
        confirmed: [
          { guard: withEvent('senderIsNotCounted') },
          { guard: withEvent('isForAnotherQuestion') },
          { actions: [withEvent('recordConfirmation'), withEvent('notifyBehind')] },
        ],
      },
      after: {
        retransmitInterval: {
          target: 'catchingUp',
          reenter: true,
          actions: ['recordTry', 'notifyNewsWanted', 'broadcastConfirm'],
        },
      },
    },
  },
})
