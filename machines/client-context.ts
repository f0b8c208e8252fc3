/** The context of a client, its initial value, and its events and outputs. */
import type { ClientTiming } from './client-timing.ts'
import { initialWindow } from './client-window.ts'
import type { AnyAnswer, Busy, Queued, RequestMessage, Response } from './messages.ts'
import type { RoundTrip } from './round-trip.ts'
import { noRequests, type SessionRequests, type SubmittedRequest } from './session-requests.ts'

/** A server by its index in the client's list of servers, which is not a node's id. */
export type ServerIndex = number

/** A message for this session, the server that sent it, and the time of its receipt. */
export type HeardFromServer<M> = M & { readonly server: ServerIndex; readonly atMs: number }

/**
 * The driver gives a client messages for its own session only. Each `atMs` is the time of the event by a monotonic clock of the
 * driver, in milliseconds.
 */
export type ClientEvent =
  /** Ask for these requests. Their seqs follow those before. The client may ask the first `servers` servers of the list. */
  | {
      readonly type: 'request.submitted'
      readonly requests: readonly SubmittedRequest[]
      readonly servers: number
      readonly atMs: number
    }
  | HeardFromServer<Response>
  | HeardFromServer<Queued>
  | HeardFromServer<Busy>
  /** The program no longer needs these answers. */
  | { readonly type: 'give.up'; readonly seqs: readonly number[] }

export type ClientEmitted =
  | {
      readonly type: 'send'
      readonly to: ServerIndex
      /** The server that the client has just left; the message should name its node. */
      readonly avoid: ServerIndex | null
      readonly message: RequestMessage
    }
  /** These requests ended, each reported once; `server` reported it. */
  | { readonly type: 'answers'; readonly server: ServerIndex; readonly answers: readonly AnyAnswer[] }

export interface ClientInput {
  readonly timing: ClientTiming
  readonly randomSeed: number
  /** The uid of the session. */
  readonly uid: string
  /** The server to ask first. */
  readonly server: ServerIndex
  /** The seq of the first request that will be submitted. */
  readonly firstSeq: number
  /** The server that the program has just left for `server`; none by default. */
  readonly avoid?: ServerIndex
}

export interface ClientContext extends Omit<ClientInput, 'firstSeq' | 'avoid'> {
  // All fields are volatile: a client that restarts opens another session.
  /** Invariant: in each state, the requests are as that state says. */
  readonly requests: SessionRequests
  /** The most requests to ask at a time, those that a server holds not counted. Invariant: within its limits. */
  readonly window: number
  readonly servers: number
  /** The server to ask. Invariant: below `servers` while there are requests. */
  readonly server: ServerIndex
  /** The server that was left for `server`, until `server` answers. Invariant: another one than `server`. */
  readonly avoid: ServerIndex | null

  /** The number of intervals that have begun. Invariant: no request was asked in a later one. */
  readonly round: number
  /** The present time, as far as it is known: that of the last event, or of the end of the last interval. Invariant: never decreases. */
  readonly nowMs: number
  /** The present interval: until the next repetition of what has no answer, or the next question for what a server holds. */
  readonly intervalMs: number
  /** When that interval began. */
  readonly beganMs: number
  /** True when the server has answered since then. */
  readonly wasAnswered: boolean
  /** The sum of the intervals without an answer. */
  readonly silentMs: number
  /** The number of those intervals. */
  readonly tries: number
  /** The number of consecutive servers that were silent. */
  readonly failures: number

  readonly roundTrip: RoundTrip | null

  /** The number of consecutive servers that referred the client to another server. */
  readonly turnedAway: number
  /** The number of consecutive waits because a server was `busy` or all servers refused the requests. */
  readonly refusals: number
  readonly backoffMs: number
}

/** The initial context: there is no request. */
export function clientContext({ firstSeq, avoid, ...input }: ClientInput): ClientContext {
  return {
    ...input,
    requests: { ...noRequests, nextSeq: firstSeq },
    window: initialWindow,
    servers: 0,
    avoid: avoid ?? null,
    round: 0,
    nowMs: 0,
    intervalMs: 0,
    beganMs: 0,
    wasAnswered: false,
    silentMs: 0,
    tries: 0,
    failures: 0,
    roundTrip: null,
    turnedAway: 0,
    refusals: 0,
    backoffMs: 0,
  }
}
