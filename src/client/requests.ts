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
import { Greeting } from './greeting.ts'
import type { From, Link } from './link.ts'
import type { Settings } from './options.ts'
import { RequestActors } from './request-actors.ts'
import { RequestWatch } from './request-watch.ts'
import { Session } from './session.ts'

/** A request that the service executed, and where: (instance, index) only grows. */
export type ExecutedRequest = Omit<Extract<Outcome, { kind: 'executed' }>, 'kind'>

/** Takes back what a request did when it turns out to have been executed although it was given up. */
export type Undo = (executed: ExecutedRequest) => Promise<void>

/** A request under way. */
interface Asked {
  readonly session: Session
  readonly seq: number
  /** Nothing of it was sent before. */
  readonly begun: Instant
  /** Rejects only when the client is closed. */
  readonly outcome: Promise<Outcome>
  readonly reject: (reason: unknown) => void
}

/** What came of giving a request up. */
type Verdict = { readonly undone: true } | { readonly undone: false; readonly outcome: Outcome | null }

/** How often a request moves to a new session. A server far behind opens sessions that are too old to the others, but learns. */
const mostMoves = 10

/** Carries commands to the cluster: sessions, the actors that carry requests, and what is to be done when one is given up. */
export class Requests {
  readonly #directory: Directory
  readonly #settings: Settings
  readonly #link: Link
  readonly #greeting: Greeting
  readonly #actors: RequestActors
  /** Every session that has something open, and the one in use. */
  readonly #sessions = new Map<string, Session>()
  /** Rejects each request under way, should the client be closed. */
  readonly #rejects = new Set<(reason: unknown) => void>()
  #session: Session | null = null
  /** The server that is asked first. */
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
      (server, message) => this.#sayRequest(server, message),
      () => {
        const { observer } = settings
        return observer && new RequestWatch(observer, (server) => directory.addresses[server] ?? '')
      },
    )
  }

  /**
   * Has `command` executed, once. Rejects with a PaxosError that says what became of it. When `signal` aborts it in time it
   * is never executed, and this rejects with the signal's reason; so it does when `undo` took back what it had done. A request
   * whose session was forgotten before it could be executed is asked under a new session.
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
        // Given up in this very turn, it is not asked again: it was not executed.
        signal?.throwIfAborted()
      }
    } finally {
      this.#link.release()
    }
  }

  /** A server welcomed the client: the one that was asked under that index. */
  welcome(welcome: Welcome, server: ServerIndex): void {
    this.#directory.answered(server)
    // While no cluster is adopted, `#greeting` judges whether this one is the one to ask.
    if (welcome.cluster === this.#link.cluster) this.#directory.learn(welcome, server)
    this.#greeting.hear(welcome, server)
  }

  /**
   * An answer is known by the request that it names: nobody else knows the session's uid. It may come from another address
   * than was asked, and then it counts as said by the server that was asked last, unless its sender is known to be another.
   */
  hear(message: Response | Queued | Busy, { sender, source }: From): void {
    const actor = this.#sessions.get(message.uid)?.carrierOf(message.seq)
    if (actor === undefined || actor === null) return
    const server = this.#directory.indexOf(sender, source, actor.server) ?? actor.server
    this.#directory.answered(server)
    actor.hear({ ...message, server })
  }

  /** A server of which it is not known who it is is greeted too: its answers may come from another address. */
  #sayRequest(server: ServerIndex, message: RequestMessage): void {
    if (!this.#directory.isKnown(server)) this.#link.say(server, { type: 'hello' })
    this.#link.say(server, message)
  }

  /** Asks no more: everything under way rejects with `reason`. */
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

  /** The session in use, unless it is full: then it stays with the requests that it has. */
  #roomySession(): Session | null {
    if (this.#session?.isFull) this.#forget(this.#session)
    return this.#session
  }

  /** Opens a session, unless another has come to be open meanwhile. */
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
   * Only a request that failed over says who is to be asked first: if any answer did, one slow server would split the
   * requests for good, and two proposers would duel. The members may have changed too.
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

  /** Later requests open a new session. */
  #forget(session: Session): void {
    if (this.#session === session) this.#session = null
    if (session.isIdle) this.#sessions.delete(session.uid)
  }

  /** The outcome, unless `signal` aborts first: then it rejects, with what is known by then. */
  #orGiveUp(asked: Asked, signal: AbortSignal, undo: Undo | null): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      const onAbort = () => {
        // It may have been answered in this very turn: then it stands.
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
   * The cancel goes on until it is answered, so that nothing is held that nobody knows of; but the program is not kept
   * waiting for longer than `cancelTimeoutMs`.
   */
  async #rejectGivenUp(asked: Asked, reason: unknown, undo: Undo | null): Promise<never> {
    let patience: NodeJS.Timeout | undefined
    const impatience = new Promise<Verdict>((resolve) => {
      patience = setTimeout(
        () => resolve({ undone: false, outcome: null }),
        this.#settings.timing.cancelTimeoutMs,
      )
    })
    const verdict = await Promise.race([this.#takeBack(asked, undo), impatience])
    clearTimeout(patience)
    if (verdict.undone) throw reason
    throw new Aborted(verdict.outcome, reason)
  }

  /** Never rejects: what cannot be learned, for the client was closed or its session is forgotten, stays unknown. */
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

  /** How the request had ended before the cancel was executed; `null` when the cancel came in time. */
  async #cancel(asked: Asked): Promise<Outcome | null> {
    const { session, seq } = asked
    const outcome = await this.#submit(session, { kind: 'cancel', seq }).outcome
    this.#end(session, seq)
    if (canMove(asked, outcome)) return null
    const { result } = executedPart(outcome)
    return (result as { readonly ended: Outcome | null }).ended
  }
}

/** A moment on both clocks of the machine: the one stands while it sleeps, the other is set. */
interface Instant {
  readonly monotonicMs: number
  readonly wallMs: number
}

function instantNow(): Instant {
  return { monotonicMs: performance.now(), wallMs: Date.now() }
}

/** Milliseconds since `then`, by the clock that shows more. */
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
 * Throws InvalidArgument when servers would drop a datagram with `command` in it: it would never be answered, and neither
 * would whatever shares the datagram.
 */
function checkShape(command: Command): void {
  const message: Message = { type: 'request', uid: 'unnamed', seq: 0, ackedBelow: 0, command }
  if (isMessage(message)) return
  throw new InvalidArgument(`servers would not take the command: ${describeMessageFault(message)}`)
}

/** What of `outcome` is of use to whoever asked; throws the error that any other outcome is. */
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
