import { randomInt } from 'node:crypto'
import type { Instance, Json } from '../../machines/batch.ts'
import type { Busy, Queued, Response } from '../../machines/messages.ts'
import type { ReadOutcome } from '../../machines/outcome.ts'
import { type ClientClosed, ReadFailed } from './errors.ts'
import type { From } from './link.ts'
import { ReadAsker } from './read-asker.ts'
import type { Connection, Requests } from './requests.ts'
import { startActor } from './session-actor.ts'

/** What the service read, and from which state. */
export interface Reading<Result = Json> {
  readonly result: Result
  /** The state contained everything that was executed below this instance. */
  readonly instance: Instance
}

export interface ReadOptions {
  /** Aborts the read. */
  readonly signal?: AbortSignal | undefined
  /**
   * With `true`, the first server that answers does so from its own state at once, which may miss what others have executed. By default
   * the state contains every request that was answered before the read.
   */
  readonly stale?: boolean | undefined
}

interface Waiter {
  readonly resolve: (outcome: ReadOutcome) => void
  readonly reject: (reason: unknown) => void
}

/** The reads of a client. They need no session and write nothing. */
export class Reads {
  readonly #requests: Requests
  readonly #connection: Connection
  /** Those that may be stale, and the others. */
  readonly #askers = new Map<boolean, ReadAsker<Waiter>>()
  #closedBecause: ClientClosed | null = null

  constructor(requests: Requests, connection: Connection) {
    this.#requests = requests
    this.#connection = connection
  }

  /**
   * Has the service read what the command in `body` asks for; `service` names the service for which the command is, by default that of the
   * option `service` of `connect`. Rejects with ReadFailed, WrongService, RequestTooLarge, InvalidArgument or ClientClosed, and with the
   * reason of `signal`.
   */
  async read(
    body: Json,
    { signal, stale = false, service }: ReadOptions & { readonly service?: string } = {},
  ): Promise<Reading> {
    if (this.#closedBecause !== null) throw this.#closedBecause
    signal?.throwIfAborted()
    const { link } = this.#connection
    link.hold()
    try {
      const sent = await this.#requests.addressed(body, service, signal)
      if (this.#closedBecause !== null) throw this.#closedBecause
      const outcome = await this.#ask(this.#asker(stale), sent, signal)
      if (outcome.kind === 'unreadable') throw new ReadFailed(outcome)
      return { result: outcome.result, instance: outcome.instance }
    } finally {
      link.release()
    }
  }

  /** Receives answers, if they are for one of its reads. */
  receive(message: Response | Queued | Busy, { sender, source }: From): void {
    const { directory } = this.#connection
    for (const asker of this.#askers.values()) {
      if (asker.uid !== message.uid) continue
      const server = directory.indexOf(sender, source, asker.server) ?? asker.server
      directory.answered(server)
      asker.receive(message, server)
    }
  }

  /** Sends what was submitted in this turn of the event loop. */
  flush(): void {
    for (const asker of this.#askers.values()) asker.flush()
  }

  /** Rejects all open reads with `reason`. */
  close(reason: ClientClosed): void {
    this.#closedBecause ??= reason
    for (const asker of this.#askers.values()) for (const { reject } of asker.stop()) reject(reason)
    this.#askers.clear()
  }

  #asker(stale: boolean): ReadAsker<Waiter> {
    const known = this.#askers.get(stale)
    if (known !== undefined) return known
    const { link, directory, timing, drawName } = this.#connection
    const asker: ReadAsker<Waiter> = new ReadAsker<Waiter>({
      name: drawName(),
      stale,
      server: this.#requests.preferredServer,
      servers: () => directory.size,
      nowMs: () => performance.now(),
      start: (input, carryOut) =>
        startActor({ ...input, timing, randomSeed: randomInt(2 ** 31) }, carryOut, null),
      flushSoon: () => link.flushSoon(),
      send: (to, message) => {
        // As with requests: the answers of a server whose id is unknown may come from another address.
        if (to !== asker.server || directory.idOf(to) === null) link.say(to, { type: 'hello' })
        link.say(to, message)
      },
      answered: (waiter, outcome) => waiter.resolve(outcome),
    })
    this.#askers.set(stale, asker)
    return asker
  }

  #ask(asker: ReadAsker<Waiter>, body: Json, signal: AbortSignal | undefined): Promise<ReadOutcome> {
    return new Promise<ReadOutcome>((resolve, reject) => {
      const onAbort = () => {
        if (asker.giveUp(seq)) reject(signal?.reason)
      }
      const end = () => signal?.removeEventListener('abort', onAbort)
      const seq = asker.submit(body, {
        resolve: (outcome) => {
          end()
          resolve(outcome)
        },
        reject: (reason) => {
          end()
          reject(reason)
        },
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
}
