/** The delays, guards and actions of the client's chart. */
import { assign, enqueueActions, setup } from 'xstate'
import type {
  ClientContext,
  ClientEmitted,
  ClientEvent,
  ClientInput,
  HeardFromServer,
  ServerIndex,
} from './client-context.ts'
import { messagesFor } from './client-messages.ts'
import {
  drawAskInterval,
  dueOf,
  failoverTimeoutMs,
  nowAtEnd,
  paceAfterAnswer,
  reaskAtMs,
  reaskIntervalMs,
} from './client-pace.ts'
import { halvedWindow } from './client-window.ts'
import type { AnyAnswer, Busy, Queued, Response } from './messages.ts'
import { drawRandom } from './random.ts'
import {
  answersTo,
  hasNoRequests,
  isUnconfirmed,
  mayAskMore,
  namesAny,
  withAsked,
  withDueAsked,
  withHeld,
  withNothingAsked,
  withoutSeqs,
  withRefused,
  withSubmitted,
} from './session-requests.ts'
import { doubled } from './timing.ts'

function seqsOf(answers: readonly AnyAnswer[]): number[] {
  return answers.map(({ seq }) => seq)
}

export const clientSetup = setup({
  types: {
    context: {} as ClientContext,
    events: {} as ClientEvent,
    emitted: {} as ClientEmitted,
    input: {} as ClientInput,
  },
  delays: {
    askInterval: ({ context }) => context.intervalMs,
    reaskInterval: ({ context }) => context.intervalMs,
    backoff: ({ context }) => context.backoffMs,
  },
  guards: {
    answersNothing: ({ context }, { answers }: Response) => !namesAny(context.requests, seqsOf(answers)),
    namesNothing: ({ context }, { seqs }: { seqs: readonly number[] }) => !namesAny(context.requests, seqs),
    /** A late or duplicated message of a server that the client has left. */
    isFromAnotherServer: ({ context }, { server }: { server: ServerIndex }) => server !== context.server,
    nothingIsOpen: ({ context }) => hasNoRequests(context.requests),
    everythingIsHeld: ({ context: { requests } }) =>
      requests.asked.count === 0 && requests.backlog.length === 0,
    windowHasRoom: ({ context }) => mayAskMore(context.requests, context.window),
    serverIsSilent: ({ context }) =>
      !context.wasAnswered && context.silentMs + context.intervalMs >= failoverTimeoutMs(context),
    holderIsSilent: ({ context }) => isUnconfirmed(context.requests, dueOf(context)),
    holderIsSilentAtEnd: ({ context }) => isUnconfirmed(context.requests, dueOf(context, nowAtEnd(context))),
    serverIsBusy: (_, { reason }: Busy) => reason === 'busy',
    everyServerTurnedAway: ({ context }) => context.turnedAway + 1 >= context.servers,
  },
  actions: {
    recordSubmitted: assign(({ context }, event: Extract<ClientEvent, { type: 'request.submitted' }>) => ({
      requests: withSubmitted(context.requests, event.requests),
      servers: event.servers,
      nowMs: Math.max(context.nowMs, event.atMs),
    })),
    /** Asks for requests of the backlog, as many as fit into the window. */
    sendBacklog: enqueueActions(({ context, enqueue }) => {
      const { requests, changed } = withAsked(context.requests, context.window, context)
      if (changed.length === 0) return
      for (const output of messagesFor(context, requests, changed)) enqueue.emit(output)
      enqueue.assign({ requests })
    }),
    /** Asks again for what has no answer since an earlier round, and for what the server has not confirmed to hold for long. */
    sendDue: enqueueActions(({ context, enqueue }) => {
      const { requests, changed } = withDueAsked(context.requests, context.window, dueOf(context))
      if (changed.length === 0) return
      for (const output of messagesFor(context, requests, changed)) enqueue.emit(output)
      enqueue.assign({ requests })
    }),
    adoptAskInterval: assign(({ context }) => ({
      ...drawAskInterval(context),
      beganMs: context.nowMs,
      round: context.round + 1,
      wasAnswered: false,
    })),
    adoptReaskInterval: assign(({ context }) => ({
      intervalMs: reaskIntervalMs(context),
      beganMs: context.nowMs,
    })),
    /** A silent interval shows that something was lost, perhaps because there was too much of it. */
    recordRound: assign(({ context }) => {
      const nowMs = nowAtEnd(context)
      if (context.wasAnswered) return { nowMs }
      return {
        nowMs,
        tries: context.tries + 1,
        silentMs: context.silentMs + context.intervalMs,
        window: halvedWindow(context.window),
      }
    }),
    recordTime: assign(({ context }) => ({ nowMs: nowAtEnd(context) })),
    forgetSilence: assign({ silentMs: 0, tries: 0 }),
    recordFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    notifyAnswers: enqueueActions(({ context, enqueue }, { answers, server }: HeardFromServer<Response>) => {
      enqueue.emit({ type: 'answers', server, answers: answersTo(context.requests, answers) })
    }),
    recordAnswers: assign(({ context }, event: HeardFromServer<Response>) => {
      const { requests, changed } = withoutSeqs(context.requests, seqsOf(event.answers))
      return { requests, ...paceAfterAnswer(context, event, changed) }
    }),
    recordHeld: assign(({ context }, event: HeardFromServer<Queued>) => {
      const { requests, changed } = withHeld(context.requests, event.seqs, reaskAtMs(context, event))
      return { requests, ...paceAfterAnswer(context, event, changed) }
    }),
    recordRefused: assign(({ context }, { seqs, atMs }: HeardFromServer<Busy>) => ({
      requests: withRefused(context.requests, seqs),
      nowMs: Math.max(context.nowMs, atMs),
    })),
    recordGivenUp: assign(({ context }, { seqs }: { seqs: readonly number[] }) => ({
      requests: withoutSeqs(context.requests, seqs).requests,
    })),
    /** The next server is asked for everything, also for what the present one holds. */
    adoptNextServer: assign(({ context }) => {
      const server = (context.server + 1) % context.servers
      return {
        server,
        avoid: server === context.server ? null : context.server,
        requests: withNothingAsked(context.requests),
        silentMs: 0,
        tries: 0,
      }
    }),
    recordTurnedAway: assign({ turnedAway: ({ context }) => context.turnedAway + 1 }),
    forgetTurnedAway: assign({ turnedAway: 0 }),
    adoptRandomBackoff: assign(({ context }) => {
      const { backoffMs, backoffLimitMs } = context.timing
      const { seed, value } = drawRandom(context.randomSeed)
      return {
        randomSeed: seed,
        silentMs: 0,
        tries: 0,
        refusals: context.refusals + 1,
        window: halvedWindow(context.window),
        backoffMs: Math.ceil(doubled(backoffMs, backoffLimitMs, context.refusals) * (0.5 + value / 2)),
      }
    }),
  },
})
