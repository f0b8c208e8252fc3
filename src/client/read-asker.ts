import type { Json } from '../../machines/batch.ts'
import type { ClientEmitted, ClientInput, ServerIndex } from '../../machines/client-context.ts'
import { asRead } from '../../machines/client-messages.ts'
import type { Busy, Queued, ReadMessage, Response } from '../../machines/messages.ts'
import { isOfRead, type ReadOutcome } from '../../machines/outcome.ts'
import { commandBytes } from '../core/command-bytes.ts'
import type { SessionActor } from './session.ts'
import { Submissions } from './submissions.ts'

export interface ReadAskerOptions<Waiter extends object> {
  /** The random name under which it asks. Nobody else may know it. */
  readonly name: string
  /** Whether servers may answer from any state. */
  readonly stale: boolean
  /** The server to ask first. */
  readonly server: ServerIndex
  /** The number of servers that the client knows. */
  readonly servers: () => number
  /** A monotonic clock, in milliseconds. */
  readonly nowMs: () => number
  /** Starts an actor of the client's chart. It calls `carryOut` with its outputs. */
  readonly start: (
    input: Pick<ClientInput, 'uid' | 'server' | 'firstSeq'>,
    carryOut: (output: ClientEmitted) => void,
  ) => SessionActor
  /** Calls `flush` soon, after the present event. */
  readonly flushSoon: () => void
  readonly send: (to: ServerIndex, message: ReadMessage) => void
  /** Receives the outcome of a read, once. */
  readonly answered: (waiter: Waiter, outcome: ReadOutcome) => void
}

const firstSeq = 1

/**
 * Asks for the reads of a client, in no session: nothing is recorded for them, so a read is simply asked for again. The client's chart
 * carries them as it carries requests: it repeats, fails over and backs off. The library and the simulator run it.
 */
export class ReadAsker<Waiter extends object> {
  readonly #options: ReadAskerOptions<Waiter>
  readonly #open = new Map<number, Waiter>()
  readonly #actor: SessionActor
  #nextSeq = firstSeq
  #server: ServerIndex
  readonly #submissions = new Submissions()

  constructor(options: ReadAskerOptions<Waiter>) {
    const { name, server, start } = options
    this.#options = options
    this.#server = server
    this.#actor = start({ uid: name, server, firstSeq }, (output) => this.#carryOut(output))
  }

  /** The uid under which it asks. */
  get uid(): string {
    return this.#options.name
  }

  /** The server that was asked last. */
  get server(): ServerIndex {
    return this.#server
  }

  /** Asks for what the command in `body` reads. Returns the seq of the read. */
  submit(body: Json, waiter: Waiter): number {
    const seq = this.#nextSeq
    this.#nextSeq += 1
    const command = { kind: 'service', body } as const
    this.#open.set(seq, waiter)
    this.#submissions.submit({ seq, command, commandBytes: commandBytes(command) })
    this.#options.flushSoon()
    return seq
  }

  /** Stops asking for `seq`. Returns `false` when it has ended already. */
  giveUp(seq: number): boolean {
    if (!this.#open.delete(seq)) return false
    this.#submissions.giveUp(seq)
    this.#options.flushSoon()
    return true
  }

  /** Passes on what was submitted and given up. */
  flush(): void {
    this.#submissions.passTo(this.#actor, this.#options)
  }

  /** Receives a message for its uid. */
  receive(message: Response | Queued | Busy, server: ServerIndex): void {
    this.flush()
    this.#actor.send({ ...message, server, atMs: this.#options.nowMs() })
  }

  /** Stops asking. Returns the waiters of all open reads. */
  stop(): readonly Waiter[] {
    this.#submissions.drop()
    this.#actor.stop()
    const waiters = [...this.#open.values()]
    this.#open.clear()
    return waiters
  }

  #carryOut(output: ClientEmitted): void {
    switch (output.type) {
      case 'send':
        this.#options.send(output.to, asRead(output.message, this.#options.stale))
        this.#server = output.to
        return
      case 'answers':
        for (const { seq, outcome } of output.answers) {
          const waiter = this.#open.get(seq)
          if (waiter === undefined || !isOfRead(outcome)) continue
          this.#open.delete(seq)
          this.#options.answered(waiter, outcome)
        }
        return
    }
    output satisfies never
  }
}
