import { randomBytes, randomInt } from 'node:crypto'
import type { Command, Json } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client-context.ts'
import type { LossReason } from '../../machines/lease-context.ts'
import type {
  Answer,
  Busy,
  Message,
  Queued,
  RequestMessage,
  Response,
  Welcome,
} from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { drawnNameLetters, namedAs } from '../core/names.ts'
import { commandFor } from '../services/part-command.ts'
import { commandBytes } from '../wire/codec.ts'
import { describeMessageFault, isMessage } from '../wire/schema.ts'
import type { Directory, Reached } from './directory.ts'
import {
  Aborted,
  type ClientClosed,
  InvalidArgument,
  QuotaExceeded,
  RequestFailed,
  RequestRefused,
  RequestTooLarge,
  SessionExpired,
  WrongService,
} from './errors.ts'
import type { ExecutedRequest } from './executed-request.ts'
import { Greeting } from './greeting.ts'
import { Hold } from './hold.ts'
import { LeaseClock } from './lease-clock.ts'
import type { From, Link } from './link.ts'
import type { ConnectTiming, Settings } from './options.ts'
import { type Ask, isExpired, Session, touchBytes, touchCommand } from './session.ts'
import { startActor, startLease } from './session-actor.ts'
import { SessionWatch } from './session-watch.ts'

/** Reverts the effect of a request that was executed although the program had aborted it. */
export type Undo = (executed: ExecutedRequest) => Promise<void>

/** What the requests and the reads of a client share. */
export interface Connection {
  readonly directory: Directory
  readonly link: Link
  readonly timing: ConnectTiming
  /** Draws a random name, which nobody else knows. */
  readonly drawName: () => string
}

/** Waits for the end of a request. */
interface Waiter {
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (reason: unknown) => void
}

/** An outstanding request. */
interface Asked {
  readonly session: Session<Waiter>
  readonly seq: number
  /** Rejects only when the client is closed. */
  readonly outcome: Promise<Outcome>
}

/** The result of an aborted request: `undone` when it has no effect, now or later. */
type Verdict = { readonly undone: true } | { readonly undone: false; readonly outcome: Outcome | null }

export interface ExecuteOptions {
  readonly signal?: AbortSignal | undefined
  /** Reverts the effect if the program aborts too late. */
  readonly undo?: Undo | null
  /** The end of the session reverts the effect, as that of a lock. */
  readonly endsWithSession?: boolean
  /** The effect is the same if the command is executed twice: it is sent again when its session ends before the answer. */
  readonly isIdempotent?: boolean
  /** The service for which the command is; by default that of the option `service` of `connect`. */
  readonly service?: string | null
  /** The ttl of the session that carries the command; by default that of the option `ttlMs` of `connect`. */
  readonly ttlMs?: number | undefined
}

/** What a program holds in a session that the client keeps alive for it. */
export interface Held {
  readonly executed: ExecutedRequest
  /**
   * Calls `lost` when the client must not believe any more that the program holds it: at once when it was lost already.
   */
  readonly watch: (lost: (reason: LossReason) => void) => void
  /** The program holds it no longer. */
  readonly release: () => void
}

const endCommand: Command = { kind: 'end' }
const endBytes = commandBytes(endCommand)

/** An idempotent command is sent in so many sessions at most: no usual fault ends one after the other. */
const mostTries = 10

/** Sends commands to the cluster: manages the sessions that carry them, and what follows when a request is aborted. */
export class Requests {
  readonly #directory: Directory
  readonly #settings: Settings
  readonly #link: Link
  readonly #greeting: Greeting
  readonly #leaseClock = new LeaseClock()
  /** No lease of a session in which something is held is over before this time. */
  #leasesEndAtMs = Number.POSITIVE_INFINITY
  /** Every session with an open request or in which something is held, and the sessions in use. */
  readonly #sessions = new Map<string, Session<Waiter>>()
  /** The sessions in which something was submitted or given up in this turn of the event loop. */
  readonly #changed = new Set<Session<Waiter>>()
  /** The sessions that take further requests, by ttl. */
  readonly #inUse = new Map<number, Session<Waiter>>()
  /** The server that a new session asks first: the one that last answered the session that asked it. */
  #preferred: ServerIndex = 0
  /** The last welcome; `null` before the first session or read. */
  #welcomed: Welcome | null = null
  #closedBecause: ClientClosed | null = null
  /** Called when a session is lost in which the program holds something. */
  readonly #watchers = new Map<Session<Waiter>, Set<(reason: LossReason) => void>>()

  constructor(directory: Directory, settings: Settings, link: Link) {
    this.#directory = directory
    this.#settings = settings
    this.#link = link
    this.#greeting = new Greeting(directory, settings, (server) => link.say(server, { type: 'hello' }))
  }

  /**
   * Has `command` executed once. Rejects with a PaxosError that gives the outcome, or with SessionExpired when its session ended
   * before the answer. When `signal` aborts in time, the request is never executed, and this rejects with the signal's reason;
   * likewise when `undo` has reverted the effect of the request. With `service`, the command is for that service: it is
   * wrapped where the cluster composes it with others, and this rejects with WrongService where it does not run.
   */
  async execute(command: Command, options: ExecuteOptions = {}): Promise<ExecutedRequest> {
    return (await this.#execute(command, options)).executed
  }

  /** As `execute`, for a command by which the program holds something: the client keeps the session alive until `release`. */
  async executeHeld(command: Command, options: ExecuteOptions = {}): Promise<Held> {
    const { executed, session, hold } = await this.#execute(command, options, 'held')
    if (this.#closedBecause !== null) throw this.#closedBecause
    let watcher: ((reason: LossReason) => void) | null = null
    return {
      executed,
      watch: (lost) => {
        // It may have been lost while the request waited.
        session.checkLease()
        if (session.lostBecause !== null) {
          lost(session.lostBecause)
          return
        }
        watcher = lost
        this.#watch(session, lost)
      },
      release: () => {
        if (watcher !== null) this.#watchers.get(session)?.delete(watcher)
        this.#release(hold)
      },
    }
  }

  /**
   * As `execute`, in a session of its own, which the client leaves when the command is executed: what is held in it is held until its
   * ttl has run.
   */
  async executeDetached(command: Command, options: ExecuteOptions): Promise<ExecutedRequest> {
    const { executed, session } = await this.#execute(command, options, 'detached')
    // A request that has waited has used up some of the ttl.
    await this.#orTimeout(this.#submit(session, touchCommand, touchBytes).outcome, 'cancelTimeoutMs')
    this.#sessions.delete(session.uid)
    session.stop()
    return executed
  }

  /** The servers that have answered since `sinceMs` of the monotonic clock, and the others. */
  reachedSince(sinceMs: number): Reached {
    return this.#directory.reachedSince(sinceMs)
  }

  async #execute(
    command: Command,
    options: ExecuteOptions,
    kind: 'plain' | 'held' | 'detached' = 'plain',
  ): Promise<{
    readonly executed: ExecutedRequest
    readonly session: Session<Waiter>
    readonly hold: Hold<Waiter> | null
  }> {
    const { signal, isIdempotent = false, service = this.#settings.service } = options
    const { ttlMs = this.#settings.ttlMs } = options
    if (this.#closedBecause !== null) throw this.#closedBecause
    signal?.throwIfAborted()
    checkShape(command)
    const bytes = commandBytes(command)
    this.#checkSize(bytes, this.#settings.maxCommandBytes)
    this.#link.hold()
    try {
      for (let tries = 1; ; tries += 1) {
        let session = kind === 'detached' ? null : this.#roomySession(ttlMs)
        while (session === null) {
          const opened = await this.#openSession(ttlMs, kind === 'detached', signal)
          session = kind === 'detached' ? opened : this.#roomySession(ttlMs)
        }
        const sent = service === null ? command : this.#addressed(command, service)
        const sentBytes = sent === command ? bytes : commandBytes(sent)
        this.#checkSize(sentBytes, session.maxCommandBytes)
        const asked = this.#submit(session, sent, sentBytes)
        const hold = kind === 'plain' ? null : new Hold(session)
        this.#noteLease(session)
        const outcome = await this.#orRelease(hold, this.#orGiveUp(asked, options))
        if (!isExpired(outcome)) return { executed: executedPart(outcome), session, hold }
        if (!isIdempotent || tries === mostTries) throw new SessionExpired()
        signal?.throwIfAborted()
      }
    } finally {
      this.#link.release()
    }
  }

  /** The server that a new session or a first read asks. */
  get preferredServer(): ServerIndex {
    return this.#preferred
  }

  /**
   * The command in `body` as the cluster's service reads it when it is for `service`. Greets a server first, if none was greeted. Rejects
   * with WrongService, RequestTooLarge, InvalidArgument, or the reason of `signal`.
   */
  async addressed(
    body: Json,
    service: string | null = this.#settings.service,
    signal: AbortSignal | undefined,
  ): Promise<Json> {
    const command: Command = { kind: 'service', body }
    checkShape(command)
    this.#checkSize(commandBytes(command), this.#settings.maxCommandBytes)
    if (this.#welcomed === null) {
      const { welcome, server } = await this.#greeting.welcome(this.#preferred, signal)
      this.#adopt(welcome, server)
    }
    const sent = service === null ? command : this.#addressed(command, service)
    this.#checkSize(commandBytes(sent), this.#welcomed?.commandBytes ?? this.#settings.maxCommandBytes)
    return sent.kind === 'service' ? sent.body : body
  }

  /** Receives a welcome from the server with that index. */
  welcome(welcome: Welcome, server: ServerIndex): void {
    this.#directory.answered(server)
    // While no cluster is adopted, `#greeting` decides whether this cluster is the right one.
    if (welcome.cluster === this.#link.cluster) this.#directory.learn(welcome, server)
    this.#greeting.receive(welcome, server)
  }

  /**
   * Receives answers. The session that they name authenticates them: only the cluster knows its uid. If their source is an
   * unknown address, they count as sent by the server that was asked last, unless their sender is known to be another server.
   */
  receive(message: Response | Queued | Busy, { sender, source }: From): void {
    const session = this.#sessions.get(message.uid)
    if (session === undefined) return
    const server = this.#directory.indexOf(sender, source, session.server) ?? session.server
    this.#directory.answered(server)
    this.#checkLeases(session)
    session.receive(message, server)
  }

  /** Sends what was submitted in this turn of the event loop. */
  flush(): void {
    for (const session of this.#changed) {
      this.#changed.delete(session)
      session.flush()
    }
  }

  /**
   * Has the sessions but `except` notice that their lease is over, as `Session.checkLease` describes. While no lease can be over, it
   * looks at none: a client may have thousands of sessions.
   */
  #checkLeases(except: Session<Waiter>): void {
    if (this.#leaseClock.readMs() < this.#leasesEndAtMs) return
    this.#leasesEndAtMs = Number.POSITIVE_INFINITY
    for (const session of [...this.#sessions.values()]) {
      if (session !== except) session.checkLease()
      this.#noteLease(session)
    }
  }

  #noteLease({ leaseEndsAtMs }: Session<Waiter>): void {
    this.#leasesEndAtMs = Math.min(this.#leasesEndAtMs, leaseEndsAtMs)
  }

  /**
   * Stops all requests: the outstanding ones reject with `reason` at once. Then ends the sessions in which something is held or waits,
   * and with `endsAll` those in which nothing is. Resolves when the cluster has ended them, or after `closeTimeoutMs`.
   */
  async close(reason: ClientClosed, endsAll: boolean): Promise<void> {
    if (this.#closedBecause !== null) return
    this.#closedBecause = reason
    const sessions = [...this.#sessions.values()]
    const isNeeded = (session: Session<Waiter>) => session.isHeld || !session.isIdle
    const ended = sessions.filter(
      (session) => session.isOpen && (isNeeded(session) || (endsAll && session.lostBecause === null)),
    )
    this.#inUse.clear()
    this.#watchers.clear()
    this.#greeting.fail(reason)
    for (const session of sessions) for (const { reject } of session.abandon()) reject(reason)
    await this.#end(ended)
    for (const session of sessions) session.stop()
    this.#sessions.clear()
  }

  /** Ends the sessions, if the cluster answers within `closeTimeoutMs`. */
  async #end(sessions: readonly Session<Waiter>[]): Promise<void> {
    if (sessions.length === 0) return
    const ends = sessions.map((session) => this.#submit(session, endCommand, endBytes).outcome)
    await this.#orTimeout(Promise.all(ends), 'closeTimeoutMs')
  }

  /** Waits for `work`, but no longer than that limit of the option `timing`. Rejects as `work` does. */
  async #orTimeout(work: Promise<unknown>, limit: 'cancelTimeoutMs' | 'closeTimeoutMs'): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#settings.timing[limit])
    })
    await Promise.race([work, timeout]).finally(() => clearTimeout(timer))
  }

  /**
   * Sends hello too when the id of the server is unknown, because its answers may come from another address; and after a failover,
   * because the members may have changed.
   */
  #send(session: Session<Waiter>, to: ServerIndex, message: RequestMessage): void {
    if (to !== session.server || this.#directory.idOf(to) === null) this.#link.say(to, { type: 'hello' })
    this.#link.say(to, message)
  }

  /** The message, with the id of the server to avoid, if that is known. */
  #messageOf({ avoid, message }: Ask): RequestMessage {
    const left = avoid === null ? null : this.#directory.idOf(avoid)
    return left === null ? message : { ...message, avoid: left }
  }

  #checkSize(bytes: number, limitBytes: number): void {
    if (bytes > limitBytes) throw new RequestTooLarge(bytes, limitBytes)
  }

  /**
   * Returns the session in use with that ttl, or `null` when a new one must take further requests: it is full, or may have lapsed.
   */
  #roomySession(ttlMs: number): Session<Waiter> | null {
    const session = this.#inUse.get(ttlMs) ?? null
    if (session?.isUsable !== false) return session
    this.#forget(session)
    return null
  }

  /** Opens a session, unless it need not be alone and another call opened one meanwhile. */
  async #openSession(
    ttlMs: number,
    isAlone: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Session<Waiter>> {
    const { welcome, server } = await this.#greeting.welcome(this.#preferred, signal)
    if (this.#closedBecause !== null) throw this.#closedBecause
    signal?.throwIfAborted()
    const inUse = isAlone ? null : this.#roomySession(ttlMs)
    if (inUse !== null) return inUse
    this.#adopt(welcome, server)
    const session = this.#newSession(this.drawName(), ttlMs, welcome.commandBytes)
    this.#sessions.set(session.uid, session)
    if (!isAlone) this.#inUse.set(ttlMs, session)
    return session
  }

  /** The server is one of the cluster. */
  #adopt(welcome: Welcome, server: ServerIndex): void {
    this.#link.adoptCluster(welcome.cluster)
    this.#welcomed = welcome
    this.#directory.learn(welcome, server)
  }

  /** A random name, which nobody else knows. */
  drawName(): string {
    const drawn = randomBytes((drawnNameLetters * 6) / 8).toString('base64url')
    const { name } = this.#settings
    return name === null ? drawn : namedAs(name, drawn)
  }

  #newSession(name: string, ttlMs: number, maxCommandBytes: number): Session<Waiter> {
    const { timing, observer } = this.#settings
    const watchOf = (uid: string) =>
      observer === null
        ? null
        : new SessionWatch(observer, uid, (server) => this.#directory.addresses[server] ?? '')
    let watch = watchOf(name)
    const made: Session<Waiter> = new Session<Waiter>({
      name,
      ttlMs,
      maxCommandBytes,
      server: this.#preferred,
      servers: () => this.#directory.size,
      nowMs: () => performance.now(),
      leaseNowMs: () => this.#leaseClock.readMs(),
      start: (input, carryOut) => {
        watch = watchOf(input.uid)
        return startActor({ ...input, timing, randomSeed: randomInt(2 ** 31) }, carryOut, watch)
      },
      startLease,
      flushSoon: () => {
        this.#changed.add(made)
        this.#link.flushSoon()
      },
      send: (session, ask) => {
        const message = this.#messageOf(ask)
        watch?.recordSent(ask.to, message)
        this.#send(session, ask.to, message)
      },
      opened: (session) => {
        this.#sessions.delete(name)
        this.#sessions.set(session.uid, session)
        this.#noteLease(session)
      },
      answered: (session, answers, server) => this.#answered(session, answers, server),
      lost: (session, reason) => this.#lose(session, reason),
    })
    return made
  }

  /** The command as the cluster's service reads it when it is for `service`. */
  #addressed(command: Command, service: string): Command {
    if (command.kind !== 'service') return command
    const running = this.#welcomed?.service ?? ''
    const body = commandFor(service, command.body, running)
    if (body === null) throw new WrongService(service, running)
    return body === command.body ? command : { kind: 'service', body }
  }

  #watch(session: Session<Waiter>, lost: (reason: LossReason) => void): void {
    const watchers = this.#watchers.get(session) ?? new Set()
    this.#watchers.set(session, watchers)
    watchers.add(lost)
  }

  /** The client must not believe in the session any more. */
  #lose(session: Session<Waiter>, reason: LossReason): void {
    for (const lost of [...(this.#watchers.get(session) ?? [])]) lost(reason)
    this.#forget(session)
  }

  #submit(session: Session<Waiter>, command: Command, bytes: number): Asked {
    let seq = 0
    const outcome = new Promise<Outcome>((resolve, reject) => {
      seq = session.submit(command, bytes, { resolve, reject })
    })
    return { session, seq, outcome }
  }

  #answered(session: Session<Waiter>, answers: readonly Answer[], server: ServerIndex): void {
    if (server === session.server) this.#preferred = server
    for (const { seq, outcome } of answers) {
      const waiter = session.close(seq)
      if (waiter === null) continue
      waiter.resolve(outcome)
    }
    this.#dropIfLeft(session)
  }

  /** Stops the actor of a session that is no longer used and has no open request. */
  #dropIfLeft(session: Session<Waiter>): void {
    if (this.#isInUse(session) || !session.isIdle || session.isHeld) return
    this.#sessions.delete(session.uid)
    this.#watchers.delete(session)
    session.stop()
  }

  #isInUse(session: Session<Waiter>): boolean {
    return this.#inUse.get(session.ttlMs) === session
  }

  /** Stops using `session`: later requests open a new one. */
  #forget(session: Session<Waiter>): void {
    if (this.#isInUse(session)) this.#inUse.delete(session.ttlMs)
    this.#dropIfLeft(session)
  }

  /** The outcome. Unless it is `executed`, the program holds nothing. */
  async #orRelease(hold: Hold<Waiter> | null, outcome: Promise<Outcome>): Promise<Outcome> {
    try {
      const ended = await outcome
      hold?.ended(ended)
      if (hold !== null) this.#dropIfLeft(hold.session)
      return ended
    } catch (error) {
      this.#release(hold)
      throw error
    }
  }

  #release(hold: Hold<Waiter> | null): void {
    if (hold === null) return
    hold.release()
    this.#dropIfLeft(hold.session)
  }

  /** Resolves to the outcome. If `signal` aborts first, cancels the request and rejects with the result of the cancel. */
  #orGiveUp(asked: Asked, options: ExecuteOptions): Promise<Outcome> {
    const { signal } = options
    if (signal === undefined) return asked.outcome
    return new Promise<Outcome>((resolve, reject) => {
      const onAbort = () => {
        // If the answer arrived in this turn, the outcome stands.
        if (!asked.session.giveUp(asked.seq)) return
        this.#rejectGivenUp(asked, signal.reason, options).catch(reject)
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
  async #rejectGivenUp(asked: Asked, reason: unknown, options: ExecuteOptions): Promise<never> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<Verdict>((resolve) => {
      timer = setTimeout(
        () => resolve({ undone: false, outcome: null }),
        this.#settings.timing.cancelTimeoutMs,
      )
    })
    const verdict = await Promise.race([this.#takeBack(asked, options), timeout])
    clearTimeout(timer)
    if (verdict.undone) throw reason
    throw new Aborted(verdict.outcome, reason)
  }

  /** Never rejects. The outcome stays unknown when the client is closed or the session has expired. */
  async #takeBack(asked: Asked, { undo = null, endsWithSession = false }: ExecuteOptions): Promise<Verdict> {
    this.#link.hold()
    try {
      const ended = await this.#cancel(asked)
      if (ended === null || ended.kind === 'cancelled') return { undone: true }
      if (isExpired(ended)) return endsWithSession ? { undone: true } : { undone: false, outcome: null }
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
    const cancel: Command = { kind: 'cancel', seq }
    const outcome = await this.#submit(session, cancel, commandBytes(cancel)).outcome
    session.cancelled(seq)
    this.#dropIfLeft(session)
    if (isExpired(outcome)) return outcome
    const { result } = executedPart(outcome)
    return (result as { readonly ended: Outcome | null }).ended
  }
}

/**
 * Throws InvalidArgument when servers would drop a datagram that contains `command`: neither the command nor the other
 * messages in that datagram would get an answer.
 */
function checkShape(command: Command): void {
  const message: Message = {
    type: 'request',
    uid: 'unnamed',
    ackedBelow: 0,
    requests: [{ seq: 0, command }],
  }
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
    case 'overQuota':
      throw new QuotaExceeded(outcome)
    case 'cancelled':
      throw new RequestRefused('cancelled')
    case 'refused':
      throw new RequestRefused(outcome.reason)
  }
  outcome satisfies never
}
