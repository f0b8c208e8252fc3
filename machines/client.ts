/**
 * The client carries one session. It guarantees that it asks for a request of the session until it is answered or given up, and
 * that it reports each answer once. A request has one name (uid, seq) at every server, so that it is executed once. Only the
 * client fails over: servers elect no leader. The seed, section 2-2.
 *
 * Time passes in rounds: at the end of each interval, the client asks again for what it asked in an earlier round.
 */
import { clientContext } from './client-context.ts'
import { clientSetup } from './client-setup.ts'
import { withEvent } from './with-event.ts'

export type {
  ClientContext,
  ClientEmitted,
  ClientEvent,
  ClientInput,
  HeardFromServer,
  ServerIndex,
} from './client-context.ts'

export const clientMachine = clientSetup.createMachine({
  id: 'client',
  context: ({ input }) => clientContext(input),
  initial: 'idle',
  on: {
    'request.submitted': { actions: withEvent('recordSubmitted') },
    response: [
      { guard: withEvent('answersNothing') },
      // In this order: an answer is reported only while its request is open.
      { actions: [withEvent('notifyAnswers'), withEvent('recordAnswers')] },
    ],
    queued: [
      { guard: withEvent('isFromAnotherServer') },
      { guard: withEvent('namesNothing') },
      { actions: withEvent('recordHeld') },
    ],
    busy: [
      { guard: withEvent('isFromAnotherServer') },
      { guard: withEvent('namesNothing') },
      { guard: withEvent('serverIsBusy'), target: '.backingOff', actions: withEvent('recordRefused') },
      {
        guard: 'everyServerTurnedAway',
        target: '.backingOff',
        actions: ['adoptNextServer', 'forgetTurnedAway'],
      },
      { target: '.failingOver', actions: 'recordTurnedAway' },
    ],
    'give.up': [{ guard: withEvent('namesNothing') }, { actions: withEvent('recordGivenUp') }],
  },
  states: {
    idle: {
      description: 'No request is open. Ends when requests are submitted.',
      entry: 'forgetSilence',
      on: {
        'request.submitted': { target: 'asking', actions: [withEvent('recordSubmitted'), 'sendBacklog'] },
      },
    },
    asking: {
      description:
        'One server is asked; what it has not answered in a round is asked again. Ends with the last answer, when the server holds all that is left, or when it is silent too long.',
      meta: { paper: 'the seed, 2-2' },
      entry: 'adoptAskInterval',
      always: [
        { guard: 'nothingIsOpen', target: 'idle' },
        { guard: 'windowHasRoom', actions: 'sendBacklog' },
        { guard: 'everythingIsHeld', target: 'waiting' },
      ],
      on: {
        'request.submitted': { actions: [withEvent('recordSubmitted'), 'sendBacklog'] },
      },
      after: {
        askInterval: [
          { guard: 'serverIsSilent', target: 'failingOver', actions: ['recordTime', 'recordFailure'] },
          { guard: 'holderIsSilentAtEnd', target: 'failingOver', actions: ['recordTime', 'recordFailure'] },
          { target: 'asking', reenter: true, actions: ['recordRound', 'sendDue'] },
        ],
      },
    },
    waiting: {
      description:
        'The server holds every open request: they are delayed. Ends with the last answer, with a new request, or when the server confirms nothing for too long.',
      meta: { paper: 'the seed, 2-2 (delayed execution)' },
      // Also without the interval: new requests may begin it again and again.
      entry: ['forgetSilence', 'sendDue', 'adoptReaskInterval'],
      always: [
        { guard: 'nothingIsOpen', target: 'idle' },
        { guard: 'holderIsSilent', target: 'failingOver', actions: 'recordFailure' },
      ],
      on: {
        'request.submitted': { target: 'asking', actions: [withEvent('recordSubmitted'), 'sendBacklog'] },
      },
      after: {
        reaskInterval: { target: 'waiting', reenter: true, actions: 'recordTime' },
      },
    },
    failingOver: {
      description:
        'The server is silent, or accepts no requests: the next server in the list is asked for everything at once.',
      meta: { paper: 'the seed, 2-2' },
      always: { target: 'asking', actions: ['adoptNextServer', 'sendBacklog'] },
    },
    backingOff: {
      description:
        'The server is busy, or no server accepts requests: a random wait, longer each time. Ends with the wait, or with the last answer.',
      entry: 'adoptRandomBackoff',
      always: { guard: 'nothingIsOpen', target: 'idle' },
      on: {
        // A repeated `busy` does not extend the wait.
        busy: [
          { guard: withEvent('isFromAnotherServer') },
          { guard: withEvent('namesNothing') },
          { actions: withEvent('recordRefused') },
        ],
      },
      after: { backoff: { target: 'asking', actions: 'sendBacklog' } },
    },
  },
})
