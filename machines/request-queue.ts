/**
 * The request queue guarantees its clients that an accepted request is proposed until it is executed, and then answered. It
 * guarantees the cluster that it proposes nothing while all its requests are delayed. The seed, section 2-2.
 */
import { requestQueueContext } from './request-queue-context.ts'
import { requestQueueSetup } from './request-queue-setup.ts'
import { withEvent } from './with-event.ts'

export type { RequestQueueContext, RequestQueueInput } from './request-queue-context.ts'

export const requestQueueMachine = requestQueueSetup.createMachine({
  id: 'requestQueue',
  context: ({ input }) => requestQueueContext(input),
  initial: 'empty',
  on: {
    request: [
      { guard: withEvent('hasEnded'), actions: withEvent('sendRecorded') },
      {
        guard: withEvent('isDelayedHere'),
        actions: [withEvent('recordReplyTo'), withEvent('recordAskedAgain'), 'notifyNewsWanted'],
      },
      { guard: withEvent('isHeld'), actions: withEvent('recordReplyTo') },
      { guard: 'isStopping', actions: withEvent('sendStopping') },
      { guard: 'isNotCounted', actions: withEvent('sendNotMember') },
      { guard: withEvent('replicaIsFull'), actions: withEvent('sendBusy') },
      { guard: 'isFull', actions: withEvent('sendBusy') },
      { actions: withEvent('recordRequest') },
    ],
    'batch.executed': [{ guard: 'nothingIsHeld' }, { actions: withEvent('recordExecution') }],
    'batch.wanted': { actions: 'recordWanted' },
    'work.wanted': { actions: ['forgetWanted', 'notifyReady'] },
    'news.checked': { actions: 'sendQueuedToAskedAgain' },
    'node.stopping': { actions: 'recordStopping' },
    'members.changed': { actions: withEvent('recordMembers') },
  },
  states: {
    empty: {
      description: 'Holds no request. Ends when one arrives.',
      always: [
        { guard: 'isReadyAndWanted', target: 'proposing', actions: 'offerBatch' },
        { guard: 'somethingIsReady', target: 'ready', actions: 'notifyReady' },
      ],
    },
    ready: {
      description:
        'Holds requests to propose. Ends when the proposer is free, or when they have been executed elsewhere.',
      always: [
        { guard: 'nothingIsHeld', target: 'empty' },
        { guard: 'nothingIsReady', target: 'delayed' },
        { guard: 'isWanted', target: 'proposing', actions: 'offerBatch' },
      ],
    },
    proposing: {
      description:
        'The proposer has a batch of the held requests. Ends when all of it is executed or delayed, or returned.',
      meta: { paper: 'the seed, 2-2 (a serial queue)' },
      always: [
        { guard: 'nothingIsHeld', target: 'empty' },
        { guard: 'nothingIsOffered', target: 'ready' },
      ],
    },
    delayed: {
      description:
        'All held requests wait for something. Nothing is proposed until a new request arrives or one is woken.',
      meta: { paper: 'the seed, 2-2 (the delay execution bit)' },
      always: [
        { guard: 'nothingIsHeld', target: 'empty' },
        { guard: 'somethingIsReady', target: 'ready', actions: 'notifyReady' },
      ],
    },
  },
})
