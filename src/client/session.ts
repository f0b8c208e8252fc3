import type { Command, Json } from '../../machines/batch.ts'
import type { ClientEmitted, ClientEvent, ClientInput, ServerIndex } from '../../machines/client-context.ts'
import type { LeaseEmitted, LeaseEvent, LeaseInput, LossReason } from '../../machines/lease.ts'
import { endsAtMs } from '../../machines/lease-setup.ts'
import type { Answer, AnyAnswer, Busy, Queued, Response } from '../../machines/messages.ts'
import { isOfRead, type Outcome } from '../../machines/outcome.ts'
import { commandBytes } from '../core/command-bytes.ts'
import { SessionSeqs } from './session-seqs.ts'
import { Submissions } from './submissions.ts'

/** The actor of one of the client's charts. */
export interface ClientActor<Event> {
  send(event: Event): void
  stop(): void
}

export type SessionActor = ClientActor<ClientEvent>
export type LeaseActor = ClientActor<LeaseEvent>

/** A message that asks a server for requests. */
export type Ask = Extract<ClientEmitted, { type: 'send' }>

export interface SessionOptions<Waiter extends object> {
  /** The random name under which the session is opened. Nobody else may know it. */
  readonly name: string
  /** How long the session lives without a sign of life, in milliseconds. */
  readonly ttlMs: number
  /** The largest command that the servers accept, in bytes of JSON. */
  readonly maxCommandBytes: number
  /** The server to ask first. */
  readonly server: ServerIndex
  /** The number of servers that the client knows. */
  readonly servers: () => number
  /** A monotonic clock. */
  readonly nowMs: () => number
  /** A monotonic clock that counts the time that the machine sleeps, too. */
  readonly leaseNowMs: () => number
  /** Starts an actor that asks for the requests of a uid. It calls `carryOut` with its outputs. */
  readonly start: (
    input: Pick<ClientInput, 'uid' | 'server' | 'firstSeq'>,
    carryOut: (output: ClientEmitted) => void,
  ) => SessionActor
  /** Starts the actor that keeps the session alive. It calls `carryOut` with its outputs. */
  readonly startLease: (input: LeaseInput, carryOut: (output: LeaseEmitted) => void) => LeaseActor
  /** Calls `flush` soon, after the present event. */
  readonly flushSoon: () => void
  readonly send: (session: Session<Waiter>, ask: Ask) => void
  /** The cluster opened the session: messages to it name `session.uid` from now on. */
  readonly opened: (session: Session<Waiter>) => void
  /** Receives the answers to submitted requests, each once. */
  readonly answered: (session: Session<Waiter>, answers: readonly Answer[], server: ServerIndex) => void
  /** The client must not believe in the session any more. Called once. */
  readonly lost: (session: Session<Waiter>, reason: LossReason) => void
}

/** A touch that has no answer. */
interface Touch {
  readonly seq: number
  readonly sentAtMs: number
}

/** The sign of life of a session, and its size in bytes of JSON. */
export const touchCommand: Command = { kind: 'touch' }
export const touchBytes = commandBytes(touchCommand)

const firstSeq = 1

/**
 * A session of a client: its seqs with the waiter of each, the actor that asks for its requests, and the actor that keeps it alive. It
 * first has the cluster open it; what is submitted before waits. The actors receive what was submitted in one turn of the event loop in
 * one event. The library and the simulator run it.
 */
export class Session<Waiter extends object> {
  readonly maxCommandBytes: number
  readonly #options: SessionOptions<Waiter>
  readonly #seqs = new SessionSeqs<Waiter | Touch>()
  /** The last sign of life that the cluster has acknowledged was sent at this time or later, by the clock of the lease. */
  #provenAtMs: number
  #actor: SessionActor
  #lease: LeaseActor | null = null
  #uid: string
  #server: ServerIndex
  readonly #submissions = new Submissions()
  #touch: Touch | null = null
  #holds = 0
  #isNeeded = false
  #lostBecause: LossReason | null = null
  /** When the cluster last answered, by the clock of the lease. */
  #answeredAtMs: number

  constructor(options: SessionOptions<Waiter>) {
    const { name, server, ttlMs, nowMs, servers } = options
    this.maxCommandBytes = options.maxCommandBytes
    this.#options = options
    this.#uid = name
    this.#server = server
    this.#provenAtMs = options.leaseNowMs()
    this.#answeredAtMs = this.#provenAtMs
    this.#actor = this.#start()
    const command: Command = { kind: 'open', ttlMs }
    const request = { seq: firstSeq, command, commandBytes: commandBytes(command) }
    this.#actor.send({ type: 'request.submitted', requests: [request], servers: servers(), atMs: nowMs() })
  }

  /** The uid under which its requests are asked; its name until it is open. */
  get uid(): string {
    return this.#uid
  }

  /** The server that was asked last. */
  get server(): ServerIndex {
    return this.#server
  }

  /** True when it can take further requests: it has room, and will hardly have ended before they arrive. */
  get isUsable(): boolean {
    if (this.#lostBecause !== null || this.#seqs.isFull) return false
    if (this.#lease === null || this.#needed) return true
    return this.#options.leaseNowMs() - this.#answeredAtMs < this.#options.ttlMs / 2
  }

  /** True when the cluster has opened it. */
  get isOpen(): boolean {
    return this.#lease !== null
  }

  /** Why the client must not believe in the session any more; `null` while it may. */
  get lostBecause(): LossReason | null {
    return this.#lostBecause
  }

  /** True when no request of the program is open, nor a cancel of one. */
  get isIdle(): boolean {
    return this.#seqs.openCount === Number(this.#touch !== null)
  }

  get ttlMs(): number {
    return this.#options.ttlMs
  }

  /** True while the program holds something in it. */
  get isHeld(): boolean {
    return this.#holds > 0
  }

  /**
   * When its lease is over, unless a later sign of life is acknowledged before; infinite while the program does not believe in it, or
   * holds nothing in it.
   */
  get leaseEndsAtMs(): number {
    if (!this.isHeld || !this.isOpen || this.#lostBecause !== null) return Number.POSITIVE_INFINITY
    return endsAtMs({ provenAtMs: this.#provenAtMs, ttlMs: this.ttlMs })
  }

  /** Keeps the session alive until the matching `release`, while the program holds something in it. */
  hold(): void {
    this.#holds += 1
    this.#beginNeed()
  }

  /** Reverts one `hold`. */
  release(): void {
    this.#holds -= 1
  }

  /**
   * Reads the clock for the lease if the program holds something in the session. After the process was stopped or the machine slept, answers
   * arrive before the timers fire: the program must not receive an answer while it believes in a lease that is over.
   */
  checkLease(): void {
    if (this.isHeld) this.#readClock()
  }

  /** Asks for `command` under the next seq, which it returns. */
  submit(command: Command, bytes: number, waiter: Waiter): number {
    return this.#submit(command, bytes, waiter)
  }

  /**
   * Stops asking for `seq`. The caller submits its cancel at once, and calls `cancelled` at the end of that. Returns `false` when
   * the request has ended already.
   */
  giveUp(seq: number): boolean {
    if (!this.#seqs.giveUp(seq)) return false
    this.#submissions.giveUp(seq)
    this.#options.flushSoon()
    return true
  }

  /** The cancel of `seq` has ended. */
  cancelled(seq: number): void {
    this.#seqs.cancelled(seq)
  }

  /** Closes an answered seq. Returns its waiter; `null` when the request was given up. */
  close(seq: number): Waiter | null {
    return this.#seqs.answered(seq) as Waiter | null
  }

  /** Passes on what was submitted and given up, when the session is open. */
  flush(): void {
    if (this.#lease === null) return
    this.#submissions.passTo(this.#actor, this.#options)
  }

  /** Receives a message for this session. */
  receive(message: Response | Queued | Busy, server: ServerIndex): void {
    // The answer to a request that was given up before this message must not be reported.
    this.flush()
    this.#actor.send({ ...message, server, atMs: this.#options.nowMs() })
  }

  /** Stops asking. Returns the waiters of all open requests. */
  stop(): readonly Waiter[] {
    this.#submissions.drop()
    this.#actor.stop()
    this.#lease?.stop()
    return this.abandon()
  }

  /** Drops the answers to all open requests from now on. Returns the waiters of those that were not given up. */
  abandon(): readonly Waiter[] {
    const touch = this.#touch
    this.#touch = null
    return this.#seqs.closeAll().filter((waiter): waiter is Waiter => waiter !== touch)
  }

  #start(): SessionActor {
    const input = { uid: this.#uid, server: this.#server, firstSeq }
    return this.#options.start(input, (output) => this.#carryOut(output))
  }

  #submit(command: Command, bytes: number, waiter: Waiter | Touch): number {
    const seq = this.#seqs.open(waiter)
    this.#submissions.submit({ seq, command, commandBytes: bytes })
    this.#options.flushSoon()
    this.#beginNeed()
    return seq
  }

  /** True while the program holds something, or a request of it has no answer. */
  get #needed(): boolean {
    return this.#holds > 0 || !this.isIdle
  }

  #beginNeed(): void {
    if (this.#isNeeded || this.#lease === null) return
    this.#isNeeded = true
    this.#lease.send({ type: 'need.began', atMs: this.#options.leaseNowMs() })
  }

  #carryOut(output: ClientEmitted): void {
    switch (output.type) {
      case 'send':
        this.#options.send(this, output)
        this.#server = output.to
        return
      case 'answers':
        this.#answeredAtMs = this.#options.leaseNowMs()
        this.#receiveAnswers(output.answers.filter(isOfRequest), output.server)
        return
    }
    output satisfies never
  }

  #receiveAnswers(answers: readonly Answer[], server: ServerIndex): void {
    if (this.#lease === null) this.#open(answers[0]?.outcome)
    else this.#answer(answers, server)
  }

  /** The request to open the session has ended. */
  #open(outcome: Outcome | undefined): void {
    const { ttlMs, startLease, opened } = this.#options
    this.#actor.stop()
    const uid = openedUid(outcome)
    if (uid === null) {
      this.#failToOpen(outcome)
      return
    }
    this.#uid = uid
    this.#actor = this.#start()
    this.#lease = startLease({ ttlMs, provenAtMs: this.#provenAtMs }, (said) => this.#carryOutLease(said))
    opened(this)
    if (this.#needed) this.#beginNeed()
    this.flush()
  }

  /** The cluster does not open the session: it runs another version, or refuses the name. */
  #failToOpen(outcome: Outcome = { kind: 'refused', reason: 'expired' }): void {
    this.#lostBecause = 'ended'
    const answers = this.#submissions.drop().map(({ seq }) => ({ seq, outcome }))
    this.#options.lost(this, 'ended')
    this.#options.answered(this, answers, this.#server)
  }

  #answer(answers: readonly Answer[], server: ServerIndex): void {
    const touched = answers.find(({ seq }) => seq === this.#touch?.seq)
    if (touched !== undefined) this.#answerTouch(touched.outcome)
    const others = touched === undefined ? answers : answers.filter((answer) => answer !== touched)
    if (others.some(({ outcome }) => isExpired(outcome))) this.#lease?.send({ type: 'session.ended' })
    if (others.length === 0) return
    this.checkLease()
    this.#options.answered(this, others, server)
  }

  #answerTouch(outcome: Outcome): void {
    if (this.#touch === null) return
    const { seq, sentAtMs } = this.#touch
    this.#touch = null
    this.#seqs.answered(seq)
    if (outcome.kind !== 'executed') {
      this.#lease?.send({ type: 'session.ended' })
      return
    }
    const isRevoked = (outcome.result as { readonly revoked?: Json } | null)?.revoked === true
    const atMs = this.#options.leaseNowMs()
    this.#provenAtMs = Math.max(this.#provenAtMs, sentAtMs)
    this.#lease?.send({ type: 'touch.answered', sentAtMs, atMs, isRevoked })
  }

  #readClock(): void {
    const isNeeded = this.#needed
    this.#isNeeded = isNeeded
    this.#lease?.send({ type: 'clock.read', atMs: this.#options.leaseNowMs(), isNeeded })
  }

  #carryOutLease(said: LeaseEmitted): void {
    switch (said.type) {
      case 'clock':
        this.#readClock()
        return
      case 'touch':
        this.#sendTouch()
        return
      case 'lost':
        this.#lostBecause = said.reason
        this.#options.lost(this, said.reason)
        return
    }
    said satisfies never
  }

  #sendTouch(): void {
    const sentAtMs = this.#options.leaseNowMs()
    const touching: Touch = { seq: this.#seqs.next, sentAtMs }
    this.#touch = touching
    this.#submit(touchCommand, touchBytes, touching)
  }
}

/** The uid in the outcome of an `open`; `null` when it opened no session. */
function openedUid(outcome: Outcome | undefined): string | null {
  const uid = outcome?.kind === 'executed' ? (outcome.result as { readonly uid?: unknown } | null)?.uid : null
  return typeof uid === 'string' ? uid : null
}

/** No server answers a request with what it read. */
function isOfRequest(answer: AnyAnswer): answer is Answer {
  return !isOfRead(answer.outcome)
}

/** True when the outcome says that the session of the request has ended. */
export function isExpired(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.reason === 'expired'
}
