/** The delays, guards and actions of the client's chart. */
import { assign, emit, setup } from 'xstate'
import type {
  ClientContext,
  ClientEmitted,
  ClientEvent,
  ClientInput,
  HeardFromServer,
  ServerIndex,
} from './client-context.ts'
import type { Busy, RequestMessage, Response } from './messages.ts'
import { drawRandom } from './random.ts'
import { doubled } from './timing.ts'

function nextServer({ server, servers }: ClientContext): ServerIndex {
  return (server + 1) % servers
}

/** The current request, in a state that has one. No answer can cause the error: every state that asks is entered with a request. */
function asked({ request }: ClientContext): RequestMessage {
  if (request === null) throw new Error('nothing is asked for, and yet the chart asks')
  return request
}

export const clientSetup = setup({
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
    /** A late or duplicated answer of a server that the client has left. */
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
    recordTry: assign({ tries: ({ context }) => context.tries + 1 }),
    sendRequest: emit(({ context }) => ({
      type: 'send' as const,
      to: context.server,
      message: asked(context),
    })),
    /** The server that holds the request will answer it, even if the client had left that server. */
    adoptHolder: assign((_, { server }: { server: ServerIndex }) => ({ server, refusals: 0, turnedAway: 0 })),
    adoptNextServer: assign(({ context }) => ({ server: nextServer(context), tries: 0 })),
    recordTurnedAway: assign({ turnedAway: ({ context }) => context.turnedAway + 1 }),
    forgetTurnedAway: assign({ turnedAway: 0 }),
    adoptRandomBackoff: assign(({ context }) => {
      const { backoffMs, backoffLimitMs } = context.timing
      const { seed, value } = drawRandom(context.randomSeed)
      return {
        randomSeed: seed,
        tries: 0,
        refusals: context.refusals + 1,
        backoffMs: Math.ceil(doubled(backoffMs, backoffLimitMs, context.refusals) * (0.5 + value / 2)),
      }
    }),
    notifyAnswer: emit((_, { uid, seq, outcome, server }: HeardFromServer<Response>) => ({
      type: 'answer' as const,
      uid,
      seq,
      outcome,
      server,
    })),
    notifyGivenUp: emit(({ context }) => {
      const { uid, seq } = asked(context)
      return { type: 'give.up' as const, uid, seq }
    }),
    forgetRequest: assign({ request: null }),
  },
})
