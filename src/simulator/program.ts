/** The work of simulated clients: each lane executes its steps one after another. */
import type { Json } from '../../machines/batch.ts'
import type { Outcome, ReadOutcome } from '../../machines/outcome.ts'
import { isExpired } from '../client/session.ts'
import { type LockToken, lockCommand, type TakeResult, unlockCommand } from '../services/lock-commands.ts'
import type { HeldLock } from '../verify/leases.ts'
import type { RequestName } from '../verify/liveness.ts'
import { readCommand } from '../verify/register-service.ts'
import type { PendingRead, PendingRequest, SimulatedClient, SimulatedHold } from './client.ts'
import type { ClientStep } from './client-steps.ts'
import { type Process, run, sleep, until } from './process.ts'
import type { Situation } from './situations.ts'
import type { Timeline } from './timeline.ts'

export interface ProgramOptions {
  readonly client: SimulatedClient
  readonly lanes: readonly (readonly ClientStep[])[]
  readonly timeline: Timeline
  /** No step begins at this time or later. */
  readonly endsAtMs: number
  /** The name of the client. */
  readonly name: string
  /** Receives the outcome of each request or read that was sent. */
  readonly ended: (request: RequestName, outcome: Outcome | ReadOutcome) => void
  readonly happened: (what: Situation) => void
}

/** A lock that a lane of the program holds. */
interface Holding {
  readonly token: LockToken
  readonly hold: SimulatedHold
}

interface Ended {
  readonly outcome: Outcome | null
  readonly hold: SimulatedHold | null
}

export class Program {
  readonly #options: ProgramOptions
  /** By lane, the request that the lane waits for. */
  readonly #pending = new Map<string, PendingRequest>()
  /** By lane, the read that the lane waits for. */
  readonly #reading = new Map<string, PendingRead>()
  /** By lane, the lock that the lane holds. */
  readonly #holdings = new Map<string, Holding & { readonly name: string }>()
  #working = 0
  #hasVanished = false

  constructor(options: ProgramOptions) {
    this.#options = options
    options.lanes.forEach((steps, index) => {
      this.#working += 1
      run(this.#work(`${options.name}/${index}`, steps), () => {
        this.#working -= 1
      })
    })
  }

  get isDone(): boolean {
    return this.#working === 0 || this.#hasVanished
  }

  /** The locks that the program may believe to hold. */
  get held(): readonly HeldLock[] {
    const { name: client } = this.#options
    return [...this.#holdings.values()]
      .filter(({ hold }) => hold.isBelieved && !this.#hasVanished)
      .map(({ name, token }) => ({ client, name, token }))
  }

  /** The requests that are not answered yet. A lane that waits before its next step has none. */
  get unanswered(): readonly RequestName[] {
    if (this.#hasVanished) return []
    const requests = [...this.#pending.values()].map(({ id }) => id ?? { uid: this.#options.name, seq: 0 })
    return [...requests, ...[...this.#reading.values()].map(({ id }) => id)]
  }

  *#work(lane: string, steps: readonly ClientStep[]): Process {
    const { timeline, endsAtMs } = this.#options
    for (const step of steps) {
      yield* sleep(timeline, step.thinkMs)
      if (timeline.nowMs >= endsAtMs || this.#hasVanished) return
      yield* this.#do(lane, step)
    }
  }

  *#do(lane: string, step: ClientStep): Process {
    switch (step.kind) {
      case 'hold':
        yield* this.#hold(lane, step)
        return
      case 'leave':
        yield* this.#vanish(step)
        return
      case 'query':
        yield* this.#read(lane, step)
        return
      case 'read':
      case 'write':
      case 'compareAndSet':
      case 'add': {
        const { thinkMs: _, patienceMs, kind: action, ...rest } = step
        yield* this.#ask(lane, { action, ...rest }, patienceMs)
        return
      }
    }
    step satisfies never
  }

  *#read(lane: string, { key, patienceMs }: Extract<ClientStep, { kind: 'query' }>): Process {
    const { client, timeline, happened, ended } = this.#options
    let pending: PendingRead | null = null
    const outcome = yield* until<ReadOutcome | null>((resume) => {
      let cancelPatience: (() => void) | null = null
      const read = client.read(readCommand(key), (answer) => {
        cancelPatience?.()
        resume(answer)
      })
      pending = read
      this.#reading.set(lane, read)
      if (patienceMs === null) return
      cancelPatience = timeline.schedule(patienceMs, () => {
        if (this.#hasVanished) return
        happened('a read given up')
        read.giveUp()
        resume(null)
      })
    })
    this.#reading.delete(lane)
    if (outcome === null) return
    happened('a read answered')
    ended((pending as PendingRead | null)?.id ?? { uid: lane, seq: 0 }, outcome)
  }

  *#hold(lane: string, { name, holdMs, patienceMs }: Extract<ClientStep, { kind: 'hold' }>): Process {
    const holding = yield* this.#lock(lane, name, patienceMs)
    if (holding === null) return
    this.#holdings.set(lane, { name, ...holding })
    yield* sleep(this.#options.timeline, holdMs)
    if (this.#hasVanished) return
    this.#holdings.delete(lane)
    const { token, hold } = holding
    if (!hold.isBelieved) this.#options.happened('a lock whose holder lost its lease')
    yield* this.#free(lane, name, token)
    hold.release()
  }

  /** Asks again when the session of the request ended: the token is the proof, in any session. */
  *#free(lane: string, name: string, token: LockToken): Process {
    for (;;) {
      const { outcome } = yield* this.#ask(lane, unlockCommand(name, token), null)
      if (outcome === null || !isExpired(outcome)) return
    }
  }

  /** The lock that the lane holds, also when the request was given up but executed; `null` when it holds none. */
  *#lock(lane: string, name: string, patienceMs: number | null): Process<Holding | null> {
    const { outcome, hold } = yield* this.#ask(lane, lockCommand(name), patienceMs, { isHeld: true })
    if (outcome?.kind !== 'executed' || hold === null) return null
    const result = outcome.result as TakeResult
    if ('token' in result) return { token: result.token, hold }
    hold.release()
    return null
  }

  *#vanish({ name, patienceMs }: Extract<ClientStep, { kind: 'leave' }>): Process {
    const { client, timeline, happened } = this.#options
    const request = yield* until<PendingRequest | null>((resume) => {
      let isOver = false
      const end = (request: PendingRequest | null) => {
        if (!isOver) resume(request)
        isOver = true
      }
      const asked = client.ask(
        { kind: 'service', body: lockCommand(name) },
        (outcome) => {
          if (asked.id !== null) this.#options.ended(asked.id, outcome)
          end(asked)
        },
        { isHeld: true },
      )
      if (patienceMs !== null) timeline.schedule(patienceMs, () => end(null))
    })
    if (this.#hasVanished) return
    happened(
      request === null ? 'a client that vanished while it waited' : 'a client that vanished with a lock',
    )
    this.#hasVanished = true
    client.leave()
  }

  /** The outcome of the request, `null` when it was given up before it was sent; and what the client holds by it. */
  *#ask(lane: string, body: Json, patienceMs: number | null, { isHeld = false } = {}): Process<Ended> {
    const { client, timeline, happened } = this.#options
    let pending: PendingRequest | null = null
    const outcome = yield* until<Outcome | null>((resume) => {
      let cancelPatience: (() => void) | null = null
      const received = (answer: Outcome) => {
        cancelPatience?.()
        resume(answer)
      }
      const request = client.ask({ kind: 'service', body }, received, { isHeld })
      pending = request
      this.#pending.set(lane, request)
      if (patienceMs === null) return
      cancelPatience = timeline.schedule(patienceMs, () => {
        if (this.#hasVanished) return
        happened('a request given up')
        request.giveUp((answer) => {
          if (answer?.kind === 'cancelled') happened('a request taken back in time')
          if (answer?.kind === 'executed') happened('a request executed although given up')
          resume(answer)
        })
      })
    })
    this.#pending.delete(lane)
    const { id = null, hold = null } = (pending as PendingRequest | null) ?? {}
    if (id !== null && outcome !== null) this.#options.ended(id, outcome)
    return { outcome, hold }
  }
}
