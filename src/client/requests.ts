import { randomBytes, randomInt } from 'node:crypto'
import type { Command } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client.ts'
import type { Busy, Message, Queued, RequestMessage, Response, Welcome } from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { drawnNameLetters, namedAs } from '../core/names.ts'
import { wasNeverExecuted } from '../services/expiry.ts'
import { commandBytes } from '../wire/codec.ts'
import { describeMessageFault, isMessage } from '../wire/schema.ts'
import type { Directory } from './directory.ts'
import {
  Aborted,
  type ClientClosed,
  InvalidArgument,
  RequestFailed,
  RequestRefused,
  RequestTooLarge,
} from './errors.ts'
import type { ExecutedRequest } from './executed-request.ts'
import { Greeting } from './greeting.ts'
import type { From, Link } from './link.ts'
import type { Settings } from './options.ts'
import { RequestActors } from './request-actors.ts'
import { RequestWatch } from './request-watch.ts'
import { Session } from './session.ts'

/** Reverts the effect of a request that was executed although the program had aborted it. */
export type Undo = (executed: ExecutedRequest) => Promise<void>

/** An outstanding request. */
interface Asked {
  readonly session: Session
  readonly seq: number
  /** The client sent no part of the request before this moment. */
  readonly begun: Instant
  /** Rejects only when the client is closed. */
  readonly outcome: Promise<Outcome>
  readonly reject: (reason: unknown) => void
}

/** The result of an aborted request: `undone` when it has no effect, now or later. */
type Verdict = { readonly undone: true } | { readonly undone: false; readonly outcome: Outcome | null }

/**
 * How often a request may move to a new session. A server that lags far behind opens sessions that the others count as
 * expired.
 */
const mostMoves = 10

/**
 * Sends commands to the cluster: manages sessions, the actors that carry requests, and what follows when a request is
 * aborted.
 */
export class Requests {
  readonly #directory: Directory
  readonly #settings: Settings
  readonly #link: Link
  readonly #greeting: Greeting
  readonly #actors: RequestActors
  /** Every session with an open request, and the session in use. */
  readonly #sessions = new Map<string, Session>()
  /** The reject functions of the outstanding requests, for when the client is closed. */
  readonly #rejects = new Set<(reason: unknown) => void>()
  #session: Session | null = null
  /** The server to which new requests are sent first. */
  #preferred: ServerIndex = 0
  #closedBecause: ClientClosed | null = null

  constructor(directory: Directory, settings: Settings, link: Link) {
    this.#directory = directory
    this.#settings = settings
    this.#link = link
    this.#greeting = new Greeting(directory, settings, (server) => link.say(server, { type: 'hello' }))
    this.#actors = new RequestActors(
      settings.timing,
      () => randomInt(2 ** 31),
      (server, message) => this.#sendRequest(server, message),
      () => {
        const { observer } = settings
        return observer && new RequestWatch(observer, (server) => directory.addresses[server] ?? '')
      },
    )
  }

  /**
   * Has `command` executed once. Rejects with a PaxosError that gives the outcome. When `signal` aborts in time, the
   * request is never executed, and this rejects with the signal's reason; likewise when `undo` has reverted the effect of
   * the request. A request that was not executed before its session expired is sent again under a new session.
   */
  async execute(
    command: Command,
    signal: AbortSignal | undefined,
    undo: Undo | null = null,
  ): Promise<ExecutedRequest> {
    if (this.#closedBecause !== null) throw this.#closedBecause
    signal?.throwIfAborted()
    checkShape(command)
    const bytes = commandBytes(command)
    this.#checkSize(bytes, this.#settings.maxCommandBytes)
    this.#link.hold()
    try {
      for (let moves = 0; ; moves += 1) {
        let session = this.#roomySession()
        for (; session === null; session = this.#roomySession()) await this.#openSession(signal)
        this.#checkSize(bytes, session.maxCommandBytes)
        const asked = this.#submit(session, command)
        const outcome = signal === undefined ? await asked.outcome : await this.#orGiveUp(asked, signal, undo)
        if (moves === mostMoves || !canMove(asked, outcome)) return executedPart(outcome)
        // If the signal aborted in this turn, do not send the request again: it was not executed.
        signal?.throwIfAborted()
      }
    } finally {
      this.#link.release()
    }
  }

  /** Receives a welcome from the server with that index. */
  welcome(welcome: Welcome, server: ServerIndex): void {
    this.#directory.answered(server)
    // While no cluster is adopted, `#greeting` decides whether this cluster is the right one.
    if (welcome.cluster === this.#link.cluster) this.#directory.learn(welcome, server)
    this.#greeting.receive(welcome, server)
  }

  /**
   * Receives an answer. The request that it names authenticates it: only the cluster knows the uid of the session. If its
   * source is an unknown address, it counts as sent by the server that was asked last, unless its sender is known to be
   * another server.
   */
  receive(message: Response | Queued | Busy, { sender, source }: From): void {
    const actor = this.#sessions.get(message.uid)?.carrierOf(message.seq)
    if (actor === undefined || actor === null) return
    const server = this.#directory.indexOf(sender, source, actor.server) ?? actor.server
    this.#directory.answered(server)
    actor.receive({ ...message, server })
  }

  /** Sends hello too when the id of the server is unknown: its answers may come from another address. */
  #sendRequest(server: ServerIndex, message: RequestMessage): void {
    if (!this.#directory.isKnown(server)) this.#link.say(server, { type: 'hello' })
    this.#link.say(server, message)
  }

  /** Stops all requests: the outstanding ones reject with `reason`. */
  close(reason: ClientClosed): void {
    this.#closedBecause = reason
    for (const session of this.#sessions.values()) session.giveUpAll()
    this.#greeting.fail(reason)
    for (const reject of [...this.#rejects]) reject(reason)
    this.#rejects.clear()
  }

  #checkSize(bytes: number, limitBytes: number): void {
    if (bytes > limitBytes) throw new RequestTooLarge(bytes, limitBytes)
  }

  /** Returns the session in use, or `null` when it is full: then it takes no new requests. */
  #roomySession(): Session | null {
    if (this.#session?.isFull) this.#forget(this.#session)
    return this.#session
  }

  /** Opens a session, unless another call opened one meanwhile. */
  async #openSession(signal: AbortSignal | undefined): Promise<void> {
    const { welcome, server } = await this.#greeting.welcome(this.#preferred, signal)
    if (this.#closedBecause !== null) throw this.#closedBecause
    signal?.throwIfAborted()
    if (this.#roomySession() !== null) return
    this.#link.adoptCluster(welcome.cluster)
    this.#directory.learn(welcome, server)
    const drawn = randomBytes((drawnNameLetters * 6) / 8).toString('base64url')
    const { name } = this.#settings
    const uid = `${name === null ? drawn : namedAs(name, drawn)}@${welcome.instance}`
    const session = new Session(uid, welcome.commandBytes)
    this.#session = session
    this.#sessions.set(uid, session)
  }

  #submit(session: Session, command: Command): Asked {
    const actor = this.#actors.take()
    const begun = instantNow()
    const seq = session.begin(actor)
    const first = this.#preferred
    let reject: (reason: unknown) => void = () => undefined
    const outcome = new Promise<Outcome>((resolve, rejectOutcome) => {
      reject = rejectOutcome
      this.#rejects.add(reject)
      actor.ask({
        request: { uid: session.uid, seq, ackedBelow: session.ackedBelow, command },
        server: first,
        servers: this.#directory.size,
        ended: (outcome, server) => {
          this.#rejects.delete(reject)
          this.#end(session, seq)
          if (server !== first) this.#prefer(server)
          if (isExpired(outcome)) this.#forget(session)
          resolve(outcome)
        },
      })
    })
    return { session, seq, begun, outcome, reject }
  }

  /**
   * Changes the preferred server. Only a request that failed over may do this: if every answer did, one slow server would
   * split the requests between two servers for good, and two proposers would compete. Sends hello because the members may
   * have changed too.
   */
  #prefer(server: ServerIndex): void {
    if (server === this.#preferred) return
    this.#preferred = server
    this.#link.say(server, { type: 'hello' })
  }

  #end(session: Session, seq: number): void {
    session.end(seq)
    if (session !== this.#session && session.isIdle) this.#sessions.delete(session.uid)
  }

  /** Stops using `session`: later requests open a new one. */
  #forget(session: Session): void {
    if (this.#session === session) this.#session = null
    if (session.isIdle) this.#sessions.delete(session.uid)
  }

  /** Resolves to the outcome. If `signal` aborts first, cancels the request and rejects with the result of the cancel. */
  #orGiveUp(asked: Asked, signal: AbortSignal, undo: Undo | null): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      const onAbort = () => {
        // If the answer arrived in this turn, the outcome stands.
        if (!asked.session.giveUp(asked.seq)) return
        this.#rejects.delete(asked.reject)
        this.#rejectGivenUp(asked, signal.reason, undo).catch(reject)
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
      asked.outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    })
  }

  /**
   * The cancel continues until the cluster answers it, so that the program does not hold a lock without knowing. But the
   * program waits no longer than `cancelTimeoutMs`.
   */
  async #rejectGivenUp(asked: Asked, reason: unknown, undo: Undo | null): Promise<never> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<Verdict>((resolve) => {
      timer = setTimeout(
        () => resolve({ undone: false, outcome: null }),
        this.#settings.timing.cancelTimeoutMs,
      )
    })
    const verdict = await Promise.race([this.#takeBack(asked, undo), timeout])
    clearTimeout(timer)
    if (verdict.undone) throw reason
    throw new Aborted(verdict.outcome, reason)
  }

  /** Never rejects. The outcome stays unknown when the client is closed or the session has expired. */
  async #takeBack(asked: Asked, undo: Undo | null): Promise<Verdict> {
    this.#link.hold()
    try {
      const ended = await this.#cancel(asked)
      if (ended === null || ended.kind === 'cancelled') return { undone: true }
      if (ended.kind !== 'executed' || undo === null) return { undone: false, outcome: ended }
      return await undo(ended).then(
        () => ({ undone: true as const }),
        () => ({ undone: false as const, outcome: ended }),
      )
    } catch {
      return { undone: false, outcome: null }
    } finally {
      this.#link.release()
    }
  }

  /** Returns the outcome that the request had before the cancel was executed, or `null` when the cancel was in time. */
  async #cancel(asked: Asked): Promise<Outcome | null> {
    const { session, seq } = asked
    const outcome = await this.#submit(session, { kind: 'cancel', seq }).outcome
    this.#end(session, seq)
    if (canMove(asked, outcome)) return null
    const { result } = executedPart(outcome)
    return (result as { readonly ended: Outcome | null }).ended
  }
}

/** A moment on both clocks of the machine: the monotonic clock stops during sleep, and the wall clock can be set. */
interface Instant {
  readonly monotonicMs: number
  readonly wallMs: number
}

function instantNow(): Instant {
  return { monotonicMs: performance.now(), wallMs: Date.now() }
}

/** Milliseconds since `then`, by the clock that measured more. */
function elapsedSince(then: Instant): number {
  const { monotonicMs, wallMs } = instantNow()
  return Math.max(monotonicMs - then.monotonicMs, wallMs - then.wallMs)
}

function isExpired(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.reason === 'expired'
}

/** True when `outcome`, of the request or of its cancel, shows that the request was not executed and never will be. */
function canMove({ begun }: Asked, outcome: Outcome): boolean {
  return isExpired(outcome) && wasNeverExecuted(elapsedSince(begun))
}

/**
 * Throws InvalidArgument when servers would drop a datagram that contains `command`: neither the command nor the other
 * messages in that datagram would get an answer.
 */
function checkShape(command: Command): void {
  const message: Message = { type: 'request', uid: 'unnamed', seq: 0, ackedBelow: 0, command }
  if (isMessage(message)) return
  throw new InvalidArgument(`servers would reject the command: ${describeMessageFault(message)}`)
}

/** Returns the result and position of an executed request. Throws the matching error for any other outcome. */
function executedPart(outcome: Outcome): ExecutedRequest {
  switch (outcome.kind) {
    case 'executed':
      return { result: outcome.result, instance: outcome.instance, index: outcome.index }
    case 'failed':
      throw new RequestFailed(outcome)
    case 'cancelled':
      throw new RequestRefused('cancelled')
    case 'refused':
      throw new RequestRefused(outcome.reason)
  }
  outcome satisfies never
}
