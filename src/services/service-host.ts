/** The service of a replica, with its state and its timers. It checks the whole of what the service returns before it keeps any part of it. */
import type { Json } from '../../machines/batch.ts'
import { partBytes } from '../../machines/limits.ts'
import type { Full } from '../../machines/outcome.ts'
import { silencePromises } from '../core/promises.ts'
import { answerIn, type Change, changeIn, readingIn, refusePromises, rowsOf, stateGiven } from './answer.ts'
import type { Excess } from './outcomes.ts'
import { faultsOf } from './part-faults.ts'
import { reasonOfFailure, ServiceFault } from './reason.ts'
import type { Moment, RequestName, Service, ServiceView, Time, TimerChange } from './service.ts'
import { stateGrowth } from './state-growth.ts'
import { type Timer, Timers } from './timers.ts'
import { checkVersion, type Versions, versionsOf } from './versions.ts'
import { viewOf } from './view.ts'

export interface ServiceHostOptions {
  readonly service: Service
  /** The most timers that may be set. */
  readonly mostTimers: number
  /** Called with the error when a bug in the service makes it fail. */
  readonly mistaken: (thrown: unknown) => void
}

/** How the service answered a command. */
export type ServiceEnding =
  | {
      readonly kind: 'executed'
      readonly result: Json
      readonly freed: readonly string[]
      readonly revoked: readonly string[]
    }
  | { readonly kind: 'delayed'; readonly key: string | null; readonly revoked: readonly string[] }
  /** There is no room for another request that waits. */
  | Full
  | OverQuota
  | { readonly kind: 'failed'; readonly reason: string }

/** What the service read, or why it did not. */
export type ServiceReading =
  | { readonly kind: 'read'; readonly result: Json }
  | { readonly kind: 'failed'; readonly reason: string }

/**
 * Decides whether the effects of an execution fit into the state: the service, its timers included, grows by `growthBytes`, and the request
 * waits or not. Returns why not; `null` when they fit.
 */
export type Admission = (growthBytes: number, waits: boolean) => Full | OverQuota | null

interface OverQuota {
  readonly kind: 'overQuota'
  readonly excess: Excess
}

/** What became of a change that the service was asked for. */
interface Attempt {
  /** The reason when the service failed, and nothing changed; otherwise `null`. */
  readonly failed: string | null
  /** The freed keys. */
  readonly freed: readonly string[]
  /** The uids of the sessions to revoke. */
  readonly revoked: readonly string[]
}

export class ServiceHost {
  readonly #service: Service
  readonly #mostTimers: number
  readonly #mistaken: (thrown: unknown) => void
  readonly #timers = new Timers()
  #state: unknown
  #stateBytes: number

  /** The service in its initial state. Throws when it gives none. */
  constructor({ service, mostTimers, mistaken }: ServiceHostOptions) {
    this.#service = service
    this.#mostTimers = mostTimers
    this.#mistaken = mistaken
    this.#state = stateGiven(service.initial(), 'initial')
    this.#stateBytes = stateGrowth(service, undefined, this.#state)
  }

  get name(): string {
    return this.#service.name
  }

  /** The versions of behaviour that the service has. */
  get versions(): Versions {
    return versionsOf(this.#service)
  }

  /** Throws a `StartError` when the service does not have this version. */
  checkVersion(version: number): void {
    checkVersion(this.#service, version)
  }

  /** The size of the state. */
  get stateBytes(): number {
    return this.#stateBytes
  }

  get timerCount(): number {
    return this.#timers.size
  }

  /** Walks the timers that are set now, in the order in which they fire, also while others are set. */
  get timers(): Iterable<Timer> {
    return this.#timers.inOrder
  }

  /** The first `most` timers in the order in which they fire. */
  firstTimers(most: number): readonly Timer[] {
    return this.#timers.first(most)
  }

  /** The earliest deadline of a timer; `null` when none is set. */
  get deadlineMs(): number | null {
    return this.#timers.earliestMs
  }

  /** Has the service execute the command in `body`. If it fails, nothing changes. */
  execute(body: Json, moment: Moment, admission: Admission): ServiceEnding {
    try {
      const command = this.#service.parse(frozen(body))
      if (command !== body) refusePromises(command, 'parse')
      const answer = answerIn(this.#service.execute(this.#state, command, moment), this.#state)
      const timers = this.#moreTimers(answer.timers)
      const growth = stateGrowth(this.#service, this.#state, answer.state)
      const refusal = admission(growth + timers * partBytes.timer, answer.kind === 'delayed')
      if (refusal !== null) return refusal
      this.#adopt(answer, growth, moment.clockMs)
      return answer.kind === 'delayed'
        ? { kind: 'delayed', key: answer.key, revoked: answer.revoked }
        : { kind: 'executed', result: answer.result, freed: answer.freed, revoked: answer.revoked }
    } catch (error) {
      return { kind: 'failed', reason: reasonOfFailure(error, this.#mistaken) }
    }
  }

  /** Has the service read what the command in `body` asks for. Changes nothing. */
  read(body: Json, time: Time): ServiceReading {
    try {
      const service = this.#service
      if (service.read === undefined)
        throw new Error(`the service ${service.name} has no reads: send a request`)
      const command = service.parse(frozen(body))
      if (command !== body) refusePromises(command, 'parse')
      return { kind: 'read', result: readingIn(service.read(this.#state, command, time), this.#state) }
    } catch (error) {
      return { kind: 'failed', reason: reasonOfFailure(error, this.#mistaken) }
    }
  }

  /** Fires the timer with the earliest deadline, if it is due; otherwise returns `null`. A timer that it sets is not due yet. */
  fireDue(time: Time): (Attempt & { readonly name: string }) | null {
    const timer = this.#timers.takeDue(time.clockMs)
    if (timer === null) return null
    const { name } = timer
    const attempt = this.#change('timerFired', time, (service) =>
      service.timerFired?.(this.#state, name, time),
    )
    return { name, ...attempt }
  }

  /** Has the service change its state for `at.version`, which is in force from now on. Without the method `upgraded` the state stays. */
  upgrade(from: number, at: Time): Attempt {
    if (!this.#hears('upgraded')) return { failed: null, freed: [], revoked: [] }
    return this.#change('upgraded', at, (service) => service.upgraded?.(this.#state, from, at))
  }

  /** Tells the service that a delayed request has ended without its execution. Returns `null` when nothing changed. */
  requestEnded(request: RequestName, time: Time): Attempt | null {
    return this.#hear('requestEnded', time, (service) => service.requestEnded?.(this.#state, request, time))
  }

  /** Tells the service that a session has ended. Returns `null` when nothing changed. */
  sessionEnded(uid: string, time: Time): Attempt | null {
    return this.#hear('sessionEnded', time, (service) => service.sessionEnded?.(this.#state, uid, time))
  }

  /** Whether the service keeps something for the session. */
  holds(uid: string): boolean {
    if (!this.#hears('sessionEnded')) return false
    if (!this.#hears('holds')) return true
    try {
      const holds: unknown = this.#service.holds?.(this.#state, uid)
      silencePromises(holds)
      return holds !== false
    } catch (error) {
      silencePromises(error)
      return true
    }
  }

  /** Whether `result`, the result of the command in `body`, is still true. */
  stillHolds(body: Json, result: Json): boolean {
    const service = this.#service
    if (service.stillHolds === undefined) return true
    try {
      const holds: unknown = service.stillHolds(this.#state, service.parse(frozen(body)), result)
      silencePromises(holds)
      return holds === true
    } catch (error) {
      silencePromises(error)
      return false
    }
  }

  /** Returns a view of the state, or the reason why the service cannot show it. Never throws. */
  view(): ServiceView {
    return viewOf(this.#service, this.#state)
  }

  /** Draws the rows of the service's snapshot of the state of now, also while later states come. */
  snapshot(): Iterable<Json> {
    return rowsOf(this.#service, this.#state)
  }

  /** Replaces the state by that of a snapshot. Its size is that of the state that was captured, however it was measured there. */
  restore(rows: Iterable<Json>, stateBytes: number): void {
    this.#state = stateGiven(this.#service.restore(rows), 'restore')
    this.#stateBytes = stateBytes
  }

  /** What was executed after the state is lost. Throws when the service fails to go on from it. */
  afterLoss(): void {
    if (this.#service.afterLoss === undefined) return
    const state = stateGiven(this.#service.afterLoss(this.#state), 'afterLoss')
    this.#stateBytes += stateGrowth(this.#service, this.#state, state)
    this.#state = state
  }

  /** Sets a timer of a snapshot. They come in the order in which they fire. */
  restoreTimer({ name, deadlineMs }: Timer): void {
    this.#timers.set(name, deadlineMs)
  }

  /** Whether the service has the optional method `method`. A method that cannot be read counts: the call of it fails. */
  #hears(method: 'requestEnded' | 'sessionEnded' | 'timerFired' | 'holds' | 'upgraded'): boolean {
    try {
      return this.#service[method] !== undefined
    } catch {
      return true
    }
  }

  #hear(by: 'requestEnded' | 'sessionEnded', time: Time, run: (service: Service) => unknown): Attempt | null {
    if (!this.#hears(by)) return null
    const attempt = this.#change(by, time, run)
    return attempt.failed === null ? attempt : null
  }

  #change(
    by: 'timerFired' | 'requestEnded' | 'sessionEnded' | 'upgraded',
    { clockMs }: Time,
    run: (service: Service) => unknown,
  ): Attempt {
    try {
      const returned = run(this.#service)
      const change = changeIn(returned, this.#state, by)
      for (const fault of faultsOf(returned)) reasonOfFailure(fault, this.#mistaken)
      this.#moreTimers(change.timers)
      this.#adopt(change, stateGrowth(this.#service, this.#state, change.state), clockMs)
      return { failed: null, freed: change.freed, revoked: change.revoked }
    } catch (error) {
      return { failed: reasonOfFailure(error, this.#mistaken), freed: [], revoked: [] }
    }
  }

  #adopt({ state, timers }: Change, growthBytes: number, clockMs: number): void {
    this.#state = state
    this.#stateBytes += growthBytes
    for (const { name, afterMs } of timers) {
      if (afterMs === null) this.#timers.cancel(name)
      else this.#timers.set(name, clockMs + afterMs)
    }
  }

  /** The number of timers that `changes` adds. Throws a `ServiceFault` when the service may not make them. */
  #moreTimers(changes: readonly TimerChange[]): number {
    if (changes.length === 0) return 0
    if (!this.#hears('timerFired')) {
      throw new ServiceFault('the service sets a timer and has no method timerFired: add it')
    }
    const after = new Map(changes.map(({ name, afterMs }) => [name, afterMs !== null]))
    let size = this.#timers.size
    for (const [name, isSet] of after) size += Number(isSet) - Number(this.#timers.has(name))
    if (size > this.#timers.size && size > this.#mostTimers) {
      throw new ServiceFault(`a service may set ${this.#mostTimers} timers: it would set more`)
    }
    return size - this.#timers.size
  }
}

/** Freezes `json`: a service that changes it would change the batch that this server sends to others. */
function frozen(json: Json): Json {
  if (typeof json === 'object' && json !== null && !Object.isFrozen(json)) {
    Object.freeze(json)
    for (const key in json) frozen((json as { readonly [key: string]: Json })[key] as Json)
  }
  return json
}
