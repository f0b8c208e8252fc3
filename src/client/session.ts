import type { Command } from '../../machines/batch.ts'
import type { ClientEmitted, ClientEvent, ClientInput, ServerIndex } from '../../machines/client.ts'
import type { Answer, Busy, Queued, Response } from '../../machines/messages.ts'
import type { SubmittedRequest } from '../../machines/session-requests.ts'
import { SessionSeqs } from './session-seqs.ts'

/** The actor of the client's chart that carries a session. */
export interface SessionActor {
  send(event: ClientEvent): void
  stop(): void
}

/** A message that asks a server for requests. */
export type Ask = Extract<ClientEmitted, { type: 'send' }>

export interface SessionOptions<Waiter extends object> {
  readonly uid: string
  /** The largest command that the servers accept, in bytes of JSON. */
  readonly maxCommandBytes: number
  /** The server to ask first. */
  readonly server: ServerIndex
  /** The number of servers that the client knows. */
  readonly servers: () => number
  /** A monotonic clock. */
  readonly nowMs: () => number
  /** Starts the actor, which calls `carryOut` with its outputs. */
  readonly start: (
    input: Pick<ClientInput, 'uid' | 'server' | 'firstSeq'>,
    carryOut: (output: ClientEmitted) => void,
  ) => SessionActor
  /** Calls `flush` soon, after the present event. */
  readonly flushSoon: () => void
  readonly send: (session: Session<Waiter>, ask: Ask) => void
  /** Receives the answers, each once. */
  readonly answered: (session: Session<Waiter>, answers: readonly Answer[], server: ServerIndex) => void
}

/**
 * A session of a client: a uid, its seqs with the waiter of each, and the actor that carries it. The actor receives what was
 * submitted in one turn of the event loop in one event. The library and the simulator run it.
 */
export class Session<Waiter extends object> {
  readonly uid: string
  readonly maxCommandBytes: number
  readonly #options: SessionOptions<Waiter>
  readonly #seqs = new SessionSeqs<Waiter>()
  readonly #actor: SessionActor
  #server: ServerIndex
  #submitted: SubmittedRequest[] = []
  #givenUp: number[] = []

  constructor(options: SessionOptions<Waiter>) {
    const { uid, server } = options
    this.uid = uid
    this.maxCommandBytes = options.maxCommandBytes
    this.#options = options
    this.#server = server
    this.#actor = options.start({ uid, server, firstSeq: 1 }, (output) => this.#carryOut(output))
  }

  /** The server that was asked last. */
  get server(): ServerIndex {
    return this.#server
  }

  /** True when a new session must take further requests. */
  get isFull(): boolean {
    return this.#seqs.isFull
  }

  /** True when no seq is open. */
  get isIdle(): boolean {
    return this.#seqs.isIdle
  }

  /** Asks for `command` under the next seq, which it returns. */
  submit(command: Command, commandBytes: number, waiter: Waiter): number {
    const seq = this.#seqs.open(waiter)
    this.#submitted.push({ seq, command, commandBytes })
    this.#options.flushSoon()
    return seq
  }

  /**
   * Stops asking for `seq`. The caller submits its cancel at once, and calls `cancelled` at the end of that. Returns `false` when
   * the request has ended already.
   */
  giveUp(seq: number): boolean {
    if (!this.#seqs.giveUp(seq)) return false
    this.#givenUp.push(seq)
    this.#options.flushSoon()
    return true
  }

  /** The cancel of `seq` has ended. */
  cancelled(seq: number): void {
    this.#seqs.cancelled(seq)
  }

  /** Closes an answered seq. Returns its waiter; `null` when the request was given up. */
  close(seq: number): Waiter | null {
    return this.#seqs.answered(seq)
  }

  /**
   * Passes on what was submitted and given up. In this order: the chart must know the cancel of a request before it forgets the
   * request, because the cancel keeps the outcome from being acknowledged.
   */
  flush(): void {
    const [requests, seqs] = [this.#submitted, this.#givenUp]
    if (requests.length > 0) {
      this.#submitted = []
      const { servers, nowMs } = this.#options
      this.#actor.send({ type: 'request.submitted', requests, servers: servers(), atMs: nowMs() })
    }
    if (seqs.length > 0) {
      this.#givenUp = []
      this.#actor.send({ type: 'give.up', seqs })
    }
  }

  /** Receives a message for this session. */
  receive(message: Response | Queued | Busy, server: ServerIndex): void {
    // The answer to a request that was given up before this message must not be reported.
    this.flush()
    this.#actor.send({ ...message, server, atMs: this.#options.nowMs() })
  }

  /** Stops asking. Returns the waiters of all open requests. */
  stop(): readonly Waiter[] {
    this.#submitted = []
    this.#givenUp = []
    this.#actor.stop()
    return this.#seqs.closeAll()
  }

  #carryOut(output: ClientEmitted): void {
    switch (output.type) {
      case 'send':
        this.#options.send(this, output)
        this.#server = output.to
        return
      case 'answers':
        this.#options.answered(this, output.answers, output.server)
        return
    }
    output satisfies never
  }
}
