/** The context of a client, its initial value, and its events and outputs. */
import type { Request } from './batch.ts'
import type { ClientTiming } from './client-timing.ts'
import type { Busy, Queued, RequestMessage, Response } from './messages.ts'
import type { Outcome } from './outcome.ts'

/** A server by its index in the client's list of servers, which is not a node's id. */
export type ServerIndex = number

/** A message with the server that sent it. */
export type HeardFromServer<M> = M & { readonly server: ServerIndex }

export type ClientEvent =
  /** Ask for this request: first `server`, and then the first `servers` of the list in turn. */
  | {
      readonly type: 'request.submitted'
      readonly request: Request
      readonly server: ServerIndex
      readonly servers: number
    }
  | HeardFromServer<Response>
  | HeardFromServer<Queued>
  | HeardFromServer<Busy>
  /** The program no longer needs the answer. */
  | { readonly type: 'give.up' }

export type ClientEmitted =
  | { readonly type: 'send'; readonly to: ServerIndex; readonly message: RequestMessage }
  /** The request ended; `server` reported it. */
  | {
      readonly type: 'answer'
      readonly uid: string
      readonly seq: number
      readonly outcome: Outcome
      readonly server: ServerIndex
    }
  /** The client stops asking. The request may have been executed, or may still be executed. */
  | { readonly type: 'give.up'; readonly uid: string; readonly seq: number }

export interface ClientInput {
  readonly timing: ClientTiming
  readonly randomSeed: number
}

export interface ClientContext {
  readonly timing: ClientTiming
  readonly randomSeed: number

  // All fields are volatile: a client that restarts is a new client.
  /** The current request; `null` for none. Invariant: the same message at every try and to every server. */
  readonly request: RequestMessage | null
  /** Invariant: at least 1 while there is a request. */
  readonly servers: number
  /** The server to ask. Invariant: below `servers` while there is a request. */
  readonly server: ServerIndex
  /** The number of repetitions to this server. */
  readonly tries: number
  /** The number of consecutive waits because a server was `busy` or all servers refused the request. */
  readonly refusals: number
  /** The number of consecutive servers that referred the client to another server. */
  readonly turnedAway: number
  readonly backoffMs: number
}

/** The initial context: there is no request. */
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
