/** The work of simulated clients: each lane executes its steps one after another. */
import type { Json } from '../../machines/batch.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { type LockToken, lockCommand, type TakeResult, unlockCommand } from '../services/lock-commands.ts'
import type { RequestName } from '../verify/liveness.ts'
import type { PendingRequest, SimulatedClient } from './client.ts'
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
  /** Receives the outcome of each request that was sent. */
  readonly ended: (request: RequestName, outcome: Outcome) => void
  /** Receives each lock whose holder may not know that it holds the lock. */
  readonly orphaned: (lock: string) => void
  readonly happened: (what: Situation) => void
}

export class Program {
  readonly #options: ProgramOptions
  /** By lane, the request that the lane waits for. */
  readonly #pending = new Map<string, PendingRequest>()
  #working = 0

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
    return this.#working === 0
  }

  /** The requests that are not answered yet. A lane that waits before its next step has none. */
  get unanswered(): readonly RequestName[] {
    return [...this.#pending.values()].map(({ id }) => id ?? { uid: this.#options.name, seq: 0 })
  }

  *#work(lane: string, steps: readonly ClientStep[]): Process {
    const { timeline, endsAtMs } = this.#options
    for (const step of steps) {
      yield* sleep(timeline, step.thinkMs)
      if (timeline.nowMs >= endsAtMs) return
      yield* this.#do(lane, step)
    }
  }

  *#do(lane: string, step: ClientStep): Process {
    switch (step.kind) {
      case 'hold':
        yield* this.#hold(lane, step)
        return
      case 'leave':
        yield* this.#lock(lane, step.name, step.patienceMs)
        this.#options.happened('a lock that its holder never frees')
        this.#options.orphaned(step.name)
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

  *#hold(lane: string, { name, holdMs, patienceMs }: Extract<ClientStep, { kind: 'hold' }>): Process {
    const token = yield* this.#lock(lane, name, patienceMs)
    if (token === null) return
    yield* sleep(this.#options.timeline, holdMs)
    const outcome = yield* this.#ask(lane, unlockCommand(name, token), null)
    if (outcome?.kind !== 'executed') this.#options.orphaned(name)
  }

  /** The token of the lock, also when the request was given up but executed; `null` when the lock is not held. */
  *#lock(lane: string, name: string, patienceMs: number | null): Process<LockToken | null> {
    const outcome = yield* this.#ask(lane, lockCommand(name), patienceMs)
    if (outcome?.kind === 'executed') {
      const result = outcome.result as TakeResult
      return 'token' in result ? result.token : null
    }
    // A forgotten session does not reveal whether the request was executed.
    if (outcome?.kind === 'refused') this.#options.orphaned(name)
    return null
  }

  /** The outcome of the request; `null` when it was given up before it was sent. */
  *#ask(lane: string, body: Json, patienceMs: number | null): Process<Outcome | null> {
    const { client, timeline, happened } = this.#options
    let pending: PendingRequest | null = null
    const outcome = yield* until<Outcome | null>((resume) => {
      let cancelPatience: (() => void) | null = null
      const request = client.ask({ kind: 'service', body }, (answer) => {
        cancelPatience?.()
        resume(answer)
      })
      pending = request
      this.#pending.set(lane, request)
      if (patienceMs === null) return
      cancelPatience = timeline.schedule(patienceMs, () => {
        happened('a request given up')
        request.giveUp((answer) => {
          if (answer?.kind === 'cancelled') happened('a request taken back in time')
          if (answer?.kind === 'executed') happened('a request executed although given up')
          resume(answer)
        })
      })
    })
    this.#pending.delete(lane)
    const id = (pending as PendingRequest | null)?.id
    if (id && outcome !== null) this.#options.ended(id, outcome)
    return outcome
  }
}
