/** Calls a service as a replica does, without one: for the methods that a replica calls at moments of its own. */
import { expect } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Changed, Delayed, Executed, Service } from '../../src/services/service.ts'
import { Timers } from '../../src/services/timers.ts'
import { threeMembers } from './driver.ts'

/** A request, and how it was answered last. */
export interface Asked {
  readonly uid: string
  readonly seq: number
  readonly command: Json
  /** The key for which it waits; `null` when it was executed. */
  readonly key: string | null
  /** The result; `null` while it waits. */
  readonly result: Json | null
}

export class ServingDirectly<State, Command> {
  readonly #service: Service<State, Command>
  state: State
  clockMs = 0
  readonly #timers = new Timers()
  #freed: string[] = []
  #instance = 0
  #seq = 0

  constructor(service: Service<State, Command>) {
    this.#service = service
    this.state = service.initial()
  }

  /** The result of a command of a session of its own; `null` when it waits. */
  do(command: Json): Json | null {
    return this.ask('somebody', command).result
  }

  /** As `do`, with what the service answered. */
  change(command: Json): Changed<State> {
    return this.#execute('somebody', this.#nextSeq(), command)
  }

  ask(uid: string, command: Json): Asked {
    return this.askAs(uid, this.#nextSeq(), command)
  }

  askAs(uid: string, seq: number, command: Json): Asked {
    return asked({ uid, seq, command }, this.#execute(uid, seq, command))
  }

  /** Executes a request that waits once more. Returns its result; `null` when it waits on. */
  again({ uid, seq, command }: Asked): Json | null {
    return this.askAs(uid, seq, command).result
  }

  /** Ends a request that waits. */
  end({ uid, seq }: Asked): Changed<State> {
    return this.#changed(this.#service.requestEnded?.(this.state, { uid, seq }, this.#time()))
  }

  endSession(uid: string): Changed<State> {
    return this.#changed(this.#service.sessionEnded?.(this.state, uid, this.#time()))
  }

  fire(timer: string): Changed<State> {
    return this.#changed(this.#service.timerFired?.(this.state, timer, this.#time()))
  }

  /** Lets time pass. Returns the timers that fired, in order. */
  pass(ms: number): readonly string[] {
    this.clockMs += ms
    const fired: string[] = []
    for (
      let next = this.#timers.takeDue(this.clockMs);
      next !== null;
      next = this.#timers.takeDue(this.clockMs)
    ) {
      fired.push(next.name)
      this.fire(next.name)
    }
    return fired
  }

  /** The names of the timers that are set, sorted. */
  timerNames(): readonly string[] {
    return this.#timers.all.map(({ name }) => name).sort()
  }

  /** The keys that were freed since the last call. */
  takeFreed(): readonly string[] {
    return this.#freed.splice(0)
  }

  holds(uid: string): boolean {
    return this.#service.holds?.(this.state, uid) === true
  }

  /** Goes on from a snapshot, which must have the same rows again. */
  restore(): void {
    const rows = [...this.#service.snapshot(this.state)]
    this.state = this.#service.restore(rows)
    expect([...this.#service.snapshot(this.state)]).toEqual(rows)
  }

  /** A replica whose service has this state. */
  replica(): Replica {
    const service = { ...this.#service, initial: () => this.state } as unknown as Service
    return new Replica({ service, members: threeMembers })
  }

  #nextSeq(): number {
    this.#seq += 1
    return this.#seq
  }

  #time() {
    this.#instance += 1
    return { instance: this.#instance, version: 1, clockMs: this.clockMs }
  }

  #execute(uid: string, seq: number, command: Json): Executed<State, Json> | Delayed<State> {
    const at = { ...this.#time(), index: 0, uid, seq, ttlMs: 30_000 }
    const answer = this.#service.execute(this.state, this.#service.parse(command), at)
    return this.#changed(answer) as typeof answer
  }

  #changed(change: Changed<State> | undefined): Changed<State> {
    if (change === undefined) throw new Error('the service has no such method')
    this.state = change.state
    this.#freed.push(...(change.freed ?? []))
    for (const { name, afterMs } of change.timers ?? []) {
      if (afterMs === null) this.#timers.cancel(name)
      else this.#timers.set(name, this.clockMs + afterMs)
    }
    return change
  }
}

export function servingDirectly<State, Command>(
  service: Service<State, Command>,
): ServingDirectly<State, Command> {
  return new ServingDirectly(service)
}

function asked(
  request: Pick<Asked, 'uid' | 'seq' | 'command'>,
  answer: Executed<unknown, Json> | Delayed<unknown>,
): Asked {
  return answer.kind === 'executed'
    ? { ...request, key: null, result: answer.result }
    : { ...request, key: answer.key ?? null, result: null }
}
