/**
 * The client guarantees that it asks for a request until it is answered or given up. It uses one name (uid, seq) at every server,
 * so that the request is executed once. Only the client fails over: servers elect no leader. The seed, section 2-2.
 *
 * One actor handles one request at a time and can be reused.
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
    response: [
      { guard: withEvent('isForAnotherRequest') },
      { target: '.answered', actions: withEvent('notifyAnswer') },
    ],
    queued: [
      { guard: withEvent('isForAnotherRequest') },
      { target: '.waiting', actions: withEvent('adoptHolder') },
    ],
    busy: [
      { guard: withEvent('isForAnotherRequest') },
      { guard: withEvent('isFromAnotherServer') },
      { guard: withEvent('serverIsBusy'), target: '.backingOff' },
      {
        guard: 'everyServerTurnedAway',
        target: '.backingOff',
        actions: ['adoptNextServer', 'forgetTurnedAway'],
      },
      { target: '.failingOver', actions: 'recordTurnedAway' },
    ],
    'give.up': [{ guard: 'nothingIsAsked' }, { target: '.failed', actions: 'notifyGivenUp' }],
  },
  states: {
    idle: {
      description: 'Never used. Ends when a request is submitted.',
      on: { 'request.submitted': { target: 'asking', actions: withEvent('recordRequest') } },
    },
    asking: {
      description:
        'One server is asked repeatedly. Ends when it answers, reports that it holds the request, or is silent too long.',
      meta: { paper: 'the seed, 2-2' },
      after: { failoverTimeout: { target: 'failingOver' } },
      initial: 'asked',
      states: {
        asked: {
          description:
            'The request, or its repetition, was sent. Ends with the ask interval, because it may be lost.',
          entry: 'sendRequest',
          after: { askInterval: { target: 'asked', reenter: true, actions: 'recordTry' } },
        },
      },
    },
    waiting: {
      description:
        'A server holds the request, which is delayed. Ends with the answer, or when that server has been silent too long.',
      meta: { paper: 'the seed, 2-2 (delayed execution)' },
      after: { waitTimeout: { target: 'failingOver' } },
      initial: 'held',
      states: {
        held: {
          description:
            'The server confirmed this recently. Ends with the interval after which it is asked again.',
          after: { reaskInterval: { target: 'held', reenter: true, actions: 'sendRequest' } },
        },
      },
    },
    failingOver: {
      description:
        'The server is silent, or accepts no requests: the next server in the list is asked at once.',
      meta: { paper: 'the seed, 2-2' },
      always: { target: 'asking', actions: 'adoptNextServer' },
    },
    backingOff: {
      description:
        'The server is busy, or no server accepts requests: a random wait, longer each time. Ends with the wait.',
      entry: 'adoptRandomBackoff',
      on: {
        // A repeated `busy` does not extend the wait.
        busy: {},
      },
      after: { backoff: { target: 'asking' } },
    },
    answered: {
      description:
        'The request has ended, and its outcome was reported. Ends when the next request is submitted.',
      entry: 'forgetRequest',
      on: { 'request.submitted': { target: 'asking', actions: withEvent('recordRequest') } },
    },
    failed: {
      description: 'The request was given up without an outcome. Ends when the next request is submitted.',
      entry: 'forgetRequest',
      on: { 'request.submitted': { target: 'asking', actions: withEvent('recordRequest') } },
    },
  },
})
