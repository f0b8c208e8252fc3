/** What a client knows, what it begins with, and what it says and hears. */
import type { Request } from './batch.ts'
import type { ClientTiming } from './client-timing.ts'
import type { Busy, Queued, RequestMessage, Response } from './messages.ts'
import type { Outcome } from './outcome.ts'

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
  /** Whom to ask. Invariant: below `servers` while there is a request. */
  readonly server: ServerIndex
  /** How often this server was asked again. */
  readonly tries: number
  /** How often in a row a server was `busy`, or all of them turned the request away. */
  readonly refusals: number
  /** How many servers in a row said that another should be asked. */
  readonly turnedAway: number
  readonly backoffMs: number
}

/** What a client begins with: nothing is asked for. */
export function clientContext(input: ClientInput): ClientContext {
  return {
    ...input,
    request: null,
    servers: 0,
    server: 0,
    tries: 0,
    refusals: 0,
    turnedAway: 0,
    backoffMs: 0,
  }
}
