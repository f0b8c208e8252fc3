/**
 * The client promises its program that a request is asked until it is answered or given up, under one name (uid, seq)
 * whichever server is asked, so that it is executed once. Failing over is the client's: servers elect nobody.
 * The seed, section 2-2.
 *
 * One actor carries one request at a time and can be used again.
 */
import { assign, emit, setup } from 'xstate'
import type { Request } from './batch.ts'
import type { ClientTiming } from './client-timing.ts'
import type { Busy, Queued, RequestMessage, Response } from './messages.ts'
import type { Outcome } from './outcome.ts'
import { drawRandom } from './random.ts'
import { doubled } from './timing.ts'

/** A server as the client's program counts them: a place in its list of servers, not a node's id. */
export type ServerIndex = number

/** A message with the server that said it. */
export type HeardFromServer<M> = M & { readonly server: ServerIndex }

export type ClientEvent =
  /** Ask for this, `server` first, and then round and round the first `servers` of the list. */
  | {
      readonly type: 'request.submitted'
      readonly request: Request
      readonly server: ServerIndex
      readonly servers: number
    }
  | HeardFromServer<Response>
  | HeardFromServer<Queued>
  | HeardFromServer<Busy>
  /** The program needs the answer no more. */
  | { readonly type: 'give.up' }

export type ClientEmitted =
  | { readonly type: 'send'; readonly to: ServerIndex; readonly message: RequestMessage }
  /** The request ended; `server` is the one that said so. */
  | {
      readonly type: 'answer'
      readonly uid: string
      readonly seq: number
      readonly outcome: Outcome
      readonly server: ServerIndex
    }
  /** Nothing more is asked; the request may have been executed, or be executed yet. */
  | { readonly type: 'give.up'; readonly uid: string; readonly seq: number }

export interface ClientInput {
  readonly timing: ClientTiming
  readonly randomSeed: number
}

export interface ClientContext {
  readonly timing: ClientTiming
  readonly randomSeed: number

  // All of it volatile: a client that restarts is another client.
  /** What is asked for, `null` when nothing is. Invariant: the same message at every try and to every server. */
  readonly request: RequestMessage | null
  /** Invariant: at least 1 while there is a request. */
  readonly servers: number
  /** Whom to ask. Invariant: below `servers`. */
  readonly server: ServerIndex
  /** How often this server was asked again. */
  readonly tries: number
  /** How often in a row a server was `busy`, or all of them turned the request away. */
  readonly refusals: number
  /** How many servers in a row said that another should be asked. */
  readonly turnedAway: number
  readonly backoffMs: number
}

function nextServer({ server, servers }: ClientContext): ServerIndex {
  return (server + 1) % servers
}

/** What is asked for, in a state in which something is. No answer causes the throw: every state that asks is entered with a request. */
function asked({ request }: ClientContext): RequestMessage {
  if (request === null) throw new Error('nothing is asked for, and yet the chart asks')
  return request
}

export const clientMachine = setup({
  types: {
    context: {} as ClientContext,
    events: {} as ClientEvent,
    emitted: {} as ClientEmitted,
    input: {} as ClientInput,
  },
  delays: {
    askInterval: ({ context }) =>
      doubled(context.timing.askIntervalMs, context.timing.failoverTimeoutMs, context.tries),
    failoverTimeout: ({ context }) => context.timing.failoverTimeoutMs,
    reaskInterval: ({ context }) => context.timing.reaskIntervalMs,
    waitTimeout: ({ context }) => context.timing.waitTimeoutMs,
    backoff: ({ context }) => context.backoffMs,
  },
  guards: {
    nothingIsAsked: ({ context }) => context.request === null,
    isForAnotherRequest: ({ context }, { uid, seq }: { uid: string; seq: number }) =>
      context.request === null || context.request.seq !== seq || context.request.uid !== uid,
    /** A server that was left says late what it said before, or its datagram was duplicated. */
    isFromAnotherServer: ({ context }, { server }: { server: ServerIndex }) => server !== context.server,
    serverIsBusy: (_, { reason }: Busy) => reason === 'busy',
    everyServerTurnedAway: ({ context }) => context.turnedAway + 1 >= context.servers,
  },
  actions: {
    recordRequest: assign(
      (_, { request, server, servers }: Extract<ClientEvent, { type: 'request.submitted' }>) => ({
        request: { type: 'request' as const, ...request },
        servers,
        server,
        refusals: 0,
        turnedAway: 0,
      }),
    ),
    countTry: assign({ tries: ({ context }) => context.tries + 1 }),
    sendRequest: emit(({ context }) => ({
      type: 'send' as const,
      to: context.server,
      message: asked(context),
    })),
    /** It may be a server that was left and has come to itself: it is the one that will answer. */
    adoptHolder: assign((_, { server }: { server: ServerIndex }) => ({ server, refusals: 0, turnedAway: 0 })),
    adoptNextServer: assign(({ context }) => ({ server: nextServer(context), tries: 0 })),
    countTurnedAway: assign({ turnedAway: ({ context }) => context.turnedAway + 1 }),
    forgetTurnedAway: assign({ turnedAway: 0 }),
    drawBackoff: assign(({ context }) => {
      const { backoffMs, backoffLimitMs } = context.timing
      const { seed, value } = drawRandom(context.randomSeed)
      return {
        randomSeed: seed,
        tries: 0,
        refusals: context.refusals + 1,
        backoffMs: Math.ceil(doubled(backoffMs, backoffLimitMs, context.refusals) * (0.5 + value / 2)),
      }
    }),
    announceAnswer: emit((_, { uid, seq, outcome, server }: HeardFromServer<Response>) => ({
      type: 'answer' as const,
      uid,
      seq,
      outcome,
      server,
    })),
    announceGivenUp: emit(({ context }) => {
      const { uid, seq } = asked(context)
      return { type: 'give.up' as const, uid, seq }
    }),
    forgetRequest: assign({ request: null }),
  },
}).createMachine({
  id: 'client',
  context: ({ input }) => ({
    ...input,
    request: null,
    servers: 0,
    server: 0,
    tries: 0,
    refusals: 0,
    turnedAway: 0,
    backoffMs: 0,
  }),
  initial: 'idle',
  on: {
    response: [
      { guard: { type: 'isForAnotherRequest', params: ({ event }) => event } },
      { target: '.answered', actions: { type: 'announceAnswer', params: ({ event }) => event } },
    ],
    queued: [
      { guard: { type: 'isForAnotherRequest', params: ({ event }) => event } },
      { target: '.waiting', actions: { type: 'adoptHolder', params: ({ event }) => event } },
    ],
    busy: [
      { guard: { type: 'isForAnotherRequest', params: ({ event }) => event } },
      { guard: { type: 'isFromAnotherServer', params: ({ event }) => event } },
      { guard: { type: 'serverIsBusy', params: ({ event }) => event }, target: '.backingOff' },
      {
        guard: 'everyServerTurnedAway',
        target: '.backingOff',
        actions: ['adoptNextServer', 'forgetTurnedAway'],
      },
      { target: '.failingOver', actions: 'countTurnedAway' },
    ],
    'give.up': [{ guard: 'nothingIsAsked' }, { target: '.failed', actions: 'announceGivenUp' }],
  },
  states: {
    idle: {
      description: 'Never used. Ends when a request is submitted.',
      on: {
        'request.submitted': {
          target: 'asking',
          actions: { type: 'recordRequest', params: ({ event }) => event },
        },
      },
    },
    asking: {
      description:
        'One server is asked, and asked again. Ends when it answers, says that it holds the request, or is silent too long.',
      meta: { paper: 'the seed, 2-2' },
      after: { failoverTimeout: { target: 'failingOver' } },
      initial: 'asked',
      states: {
        asked: {
          description:
            'The request, or its repetition, is on its way. Ends with the ask interval: it may be lost.',
          entry: 'sendRequest',
          after: { askInterval: { target: 'asked', reenter: true, actions: 'countTry' } },
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
            'It said so lately. Ends with the interval after which it is asked whether that still holds.',
          after: { reaskInterval: { target: 'held', reenter: true, actions: 'sendRequest' } },
        },
      },
    },
    failingOver: {
      description:
        'The server is silent, or takes no requests: at once the next one is asked, round and round.',
      meta: { paper: 'the seed, 2-2' },
      always: { target: 'asking', actions: 'adoptNextServer' },
    },
    backingOff: {
      description:
        'The server is busy, or none takes requests: a random wait, longer each time. Ends with it.',
      entry: 'drawBackoff',
      on: {
        // What is said twice while one backs off already makes the wait no longer.
        busy: {},
      },
      after: { backoff: { target: 'asking' } },
    },
    answered: {
      description: 'The request has ended, and its outcome is told. Ends when the next request is submitted.',
      entry: 'forgetRequest',
      on: {
        'request.submitted': {
          target: 'asking',
          actions: { type: 'recordRequest', params: ({ event }) => event },
        },
      },
    },
    failed: {
      description: 'The request was given up without an outcome. Ends when the next request is submitted.',
      entry: 'forgetRequest',
      on: {
        'request.submitted': {
          target: 'asking',
          actions: { type: 'recordRequest', params: ({ event }) => event },
        },
      },
    },
  },
})
