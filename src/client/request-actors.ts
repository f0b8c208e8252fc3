import { type Actor, createActor } from 'xstate'
import type { Request } from '../../machines/batch.ts'
import { clientMachine, type HeardFromServer, type ServerIndex } from '../../machines/client.ts'
import type { ClientTiming } from '../../machines/client-timing.ts'
import type { Busy, Queued, RequestMessage, Response } from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import type { RequestWatch } from './request-watch.ts'

export interface Ask {
  readonly request: Request
  /** The server to ask first, of the first `servers` of the list. */
  readonly server: ServerIndex
  readonly servers: number
  /** The request ended; `server` said so. Not called for one that is given up. */
  readonly ended: (outcome: Outcome, server: ServerIndex) => void
}

/** Says a request to a server. */
export type SayRequest = (server: ServerIndex, message: RequestMessage) => void

/** One actor of the client's chart, carrying one request at a time. */
export class RequestActor {
  readonly #actor: Actor<typeof clientMachine>
  readonly #watch: RequestWatch | null
  #ask: Ask | null = null
  #server: ServerIndex = 0

  constructor(
    timing: ClientTiming,
    randomSeed: number,
    say: SayRequest,
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
      watch?.say(to, message)
      say(to, message)
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

  /** The server that was asked last. */
  get server(): ServerIndex {
    return this.#server
  }

  /** Only for an actor that carries nothing. */
  ask(ask: Ask): void {
    this.#ask = ask
    const { request, server, servers } = ask
    this.#watch?.begin(request.seq)
    this.#actor.send({ type: 'request.submitted', request, server, servers })
  }

  hear(message: HeardFromServer<Response> | HeardFromServer<Queued> | HeardFromServer<Busy>): void {
    this.#actor.send(message)
  }

  /** Asks no more. The actor carries nothing after it, and its timers are gone. */
  giveUp(): void {
    this.#actor.send({ type: 'give.up' })
  }
}

/** The actors of a client that carry its requests. Making an actor costs several times what a request costs, so they are used again. */
export class RequestActors {
  readonly #free: RequestActor[] = []
  readonly #make: () => RequestActor

  /** `drawSeed` gives each actor's chart the seed of its randomness, `watch` who watches it, if anybody does. */
  constructor(
    timing: ClientTiming,
    drawSeed: () => number,
    say: SayRequest,
    watch: () => RequestWatch | null = () => null,
  ) {
    this.#make = () => new RequestActor(timing, drawSeed(), say, (actor) => this.#free.push(actor), watch())
  }

  /** An actor that carries nothing; it comes back by itself when what it is asked has ended. */
  take(): RequestActor {
    return this.#free.pop() ?? this.#make()
  }
}
