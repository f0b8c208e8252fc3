/**
 * The request queue guarantees its clients that an accepted request is proposed until it is executed, here or by the leader, and
 * then answered. It guarantees the cluster that it proposes nothing while all its requests are delayed. The seed, section 2-2.
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
      {
        guard: withEvent('nothingIsNew'),
        actions: [withEvent('sendRecalled'), withEvent('recordAskedAgain'), withEvent('recordReplyTo')],
      },
      { guard: 'isStopping', actions: [withEvent('sendRecalled'), withEvent('sendStopping')] },
      { guard: 'isNotCounted', actions: [withEvent('sendRecalled'), withEvent('sendNotMember')] },
      { guard: 'isLowOnSpace', actions: [withEvent('sendRecalled'), withEvent('sendNoSpace')] },
      { guard: withEvent('replicaIsFull'), actions: withEvent('sendBusy') },
      {
        actions: [
          withEvent('sendRecalled'),
          withEvent('recordAskedAgain'),
          withEvent('recordReplyTo'),
          withEvent('recordRequests'),
        ],
      },
    ],
    handOver: [
      { guard: 'isNotCounted' },
      { guard: withEvent('senderIsNotCounted'), actions: withEvent('sendSettled') },
      { guard: 'isStopping', actions: withEvent('sendSettled') },
      { guard: 'isLowOnSpace', actions: withEvent('sendSettled') },
      { actions: [withEvent('sendSettled'), withEvent('recordHandedOver')] },
    ],
    'batch.executed': [{ guard: 'nothingIsPending' }, { actions: withEvent('recordExecution') }],
    'state.replaced': { actions: withEvent('recallHeld') },
    'requests.recalled': { actions: withEvent('recordRecalled') },
    'batch.wanted': [
      { guard: 'onlyTimeIsWanted', actions: 'offerBatch' },
      { actions: ['notifyNewsWanted', 'recordWanted'] },
    ],
    'work.wanted': { actions: ['notifyNewsWanted', 'forgetWanted', 'notifyReady'] },
    'time.wanted': [
      { guard: 'isStopping' },
      { guard: 'isNotCounted' },
      // The batch that is proposed adds the time too.
      { guard: 'somethingIsOffered' },
      { guard: 'isWanted', actions: ['recordTimeWanted', 'offerBatch'] },
      { actions: ['recordTimeWanted', 'notifyReady'] },
    ],
    'leader.changed': { guard: withEvent('isAnotherLeader'), actions: withEvent('recordLeader') },
    'leader.answered': { actions: withEvent('recordAnswered') },
    'news.checked': { actions: 'sendQueuedToAskedAgain' },
    'node.stopping': { actions: 'recordStopping' },
    'space.changed': { actions: withEvent('recordSpace') },
    'members.changed': { actions: withEvent('recordMembers') },
  },
  states: {
    empty: {
      description: 'Holds no request. Ends when one arrives.',
      always: [
        { guard: 'anotherServerLeads', target: 'handedOver', actions: withEvent('sendHandOver') },
        { guard: 'isReadyAndWanted', target: 'proposing', actions: 'offerBatch' },
        { guard: 'somethingIsReady', target: 'ready', actions: 'notifyReady' },
      ],
    },
    ready: {
      description:
        'Holds requests to propose. Ends when the proposer is free, or when they have been executed elsewhere.',
      always: [
        { guard: 'nothingIsHeld', target: 'empty' },
        { guard: 'anotherServerLeads', target: 'handedOver', actions: withEvent('sendHandOver') },
        { guard: 'somethingIsHandedOver', target: 'handedOver' },
        { guard: 'nothingIsReady', target: 'delayed' },
        { guard: 'isWanted', target: 'proposing', actions: 'offerBatch' },
      ],
    },
    handedOver: {
      description:
        'The leader proposes all requests that are to be executed. Ends when they have ended or are delayed, or when the leader is silent too long.',
      meta: { paper: 'the seed, 2-2 (requests go to the leader)' },
      entry: 'advanceRound',
      after: {
        handOverInterval: [
          { guard: 'leaderIsSilent', target: 'ready', actions: ['forgetLeader', 'notifyReady'] },
          { target: 'handedOver', reenter: true, actions: 'sendHandOverAgain' },
        ],
      },
      always: [
        { guard: 'nothingIsHeld', target: 'empty' },
        { guard: 'anotherServerLeads', actions: withEvent('sendHandOver') },
        { guard: 'somethingIsReady', target: 'ready', actions: 'notifyReady' },
        { guard: 'nothingIsHandedOver', target: 'delayed' },
      ],
    },
    proposing: {
      description:
        'The proposer has a batch of the held requests. Ends when all of it is executed or delayed, or returned.',
      meta: { paper: 'the seed, 2-2 (a serial queue)' },
      always: [
        { guard: 'nothingIsHeld', target: 'empty' },
        { guard: 'anotherServerLeads', actions: withEvent('sendHandOver') },
        { guard: 'nothingIsOffered', target: 'ready' },
      ],
    },
    delayed: {
      description:
        'All held requests wait for something. Nothing is proposed until a new request arrives or one is woken.',
      meta: { paper: 'the seed, 2-2 (the delay execution bit)' },
      always: [
        { guard: 'nothingIsHeld', target: 'empty' },
        { guard: 'anotherServerLeads', target: 'handedOver', actions: withEvent('sendHandOver') },
        { guard: 'somethingIsReady', target: 'ready', actions: 'notifyReady' },
      ],
    },
  },
})
