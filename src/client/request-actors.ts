import { type Actor, createActor } from 'xstate'
import type { Request } from '../../machines/batch.ts'
import { clientMachine, type HeardFromServer, type ServerIndex } from '../../machines/client.ts'
import type { ClientTiming } from '../../machines/client-timing.ts'
import type { Busy, Queued, RequestMessage, Response } from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import type { RequestWatch } from './request-watch.ts'

export interface Ask {
  readonly request: Request
  /** The first server to ask. The actor uses the first `servers` servers of the list. */
  readonly server: ServerIndex
  readonly servers: number
  /** Called when `server` has reported how the request ended. Not called for a request that was given up. */
  readonly ended: (outcome: Outcome, server: ServerIndex) => void
}

/** Sends a request to a server. */
export type SendRequest = (server: ServerIndex, message: RequestMessage) => void

/** One actor of the client's chart, carrying one request at a time. */
export class RequestActor {
  readonly #actor: Actor<typeof clientMachine>
  readonly #watch: RequestWatch | null
  #ask: Ask | null = null
  #server: ServerIndex = 0

  constructor(
    timing: ClientTiming,
    randomSeed: number,
    send: SendRequest,
    free: (actor: RequestActor) => void,
    watch: RequestWatch | null,
  ) {
    this.#watch = watch
    this.#actor = createActor(clientMachine, {
      input: { timing, randomSeed },
      ...(watch !== null && { inspect: watch.inspect }),
    })
    this.#actor.on('send', ({ to, message }) => {
      this.#server = to
      watch?.recordSent(to, message)
      send(to, message)
    })
    this.#actor.on('answer', ({ outcome, server }) => {
      const ask = this.#ask
      this.#ask = null
      free(this)
      ask?.ended(outcome, server)
    })
    this.#actor.on('give.up', () => {
      this.#ask = null
      free(this)
    })
    this.#actor.start()
  }

  /** The server to which the actor sent last. */
  get server(): ServerIndex {
    return this.#server
  }

  /** Begins a request. The actor must be free. */
  ask(ask: Ask): void {
    this.#ask = ask
    const { request, server, servers } = ask
    this.#watch?.begin(request.seq)
    this.#actor.send({ type: 'request.submitted', request, server, servers })
  }

  receive(message: HeardFromServer<Response> | HeardFromServer<Queued> | HeardFromServer<Busy>): void {
    this.#actor.send(message)
  }

  /** Stops the request. Afterwards the actor is free and has no timers. */
  giveUp(): void {
    this.#actor.send({ type: 'give.up' })
  }
}

/** The actors that carry the requests of a client. An actor costs several times as much as a request, so they are reused. */
export class RequestActors {
  readonly #free: RequestActor[] = []
  readonly #make: () => RequestActor

  /** `drawSeed` returns a random seed for each actor's chart; `watch` returns its observer, or `null`. */
  constructor(
    timing: ClientTiming,
    drawSeed: () => number,
    send: SendRequest,
    watch: () => RequestWatch | null = () => null,
  ) {
    this.#make = () => new RequestActor(timing, drawSeed(), send, (actor) => this.#free.push(actor), watch())
  }

  /** Returns a free actor. It returns to the pool by itself when its request has ended. */
  take(): RequestActor {
    return this.#free.pop() ?? this.#make()
  }
}
