/**
 * One role machine under test: started from its input, given events, and asked for the whole list of what it wants.
 * Values that messages are made of have short makers here, so that a table of cases stays a table.
 */
import type { AnyStateMachine } from 'xstate'
import type { Ballot } from '../../machines/ballot.ts'
import type { AcceptedRecord, Batch, Command, NamedRequest, NodeId } from '../../machines/batch.ts'
import type { BatchExecuted, Informant, RoleEvent, RoleName } from '../../machines/inbox.ts'
import { foundingIncarnation, type Member } from '../../machines/members.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import type { Output, Persist, Send, Tell, Write } from '../../machines/outputs.ts'
import { delayName, stateName } from '../../src/core/chart-names.ts'
import type { Effect, Step } from '../../src/core/step.ts'
import { checkedStart, checkedStep } from '../../src/stepped/checked-step.ts'
import { batchOf } from './batches.ts'
import { execution } from './facts.ts'

/** What a role wants of the world: an output, or something about one of its named delays. */
export type Want =
  | Output
  | { readonly type: 'timer'; readonly delay: string; readonly ms: number }
  | { readonly type: 'cancel'; readonly delay: string }

/** A role that is driven by a test. `C` is its context. */
export class Role<C> {
  readonly #machine: AnyStateMachine
  #step: Step<Output>
  #timers: readonly { readonly id: string; readonly event: { readonly type: string } }[] = []
  /** What it wanted at its start. */
  readonly began: readonly Want[]

  constructor(machine: AnyStateMachine, input: unknown) {
    this.#machine = machine
    this.#step = checkedStart<Output>(machine, input)
    this.began = this.#follow()
  }

  get context(): C {
    return this.#step.snapshot.context as C
  }

  /** The state it is in: `accepting.helping`. */
  get state(): string {
    return stateName(this.#step.snapshot.value)
  }

  /** The delays that run, in the order in which they began. */
  get timers(): readonly string[] {
    return this.#timers.map(({ id }) => delayName(id))
  }

  /** Everything that it wanted on hearing `events`, in order. */
  hear(...events: readonly RoleEvent[]): readonly Want[] {
    return events.flatMap((event) => this.#take(event))
  }

  /** Lets the delay pass; throws when it does not run. */
  pass(delay: string): readonly Want[] {
    const timer = this.#timers.find(({ id }) => delayName(id) === delay)
    if (timer === undefined) throw new Error(`the delay ${delay} does not run in the state ${this.state}`)
    this.#timers = this.#timers.filter((other) => other !== timer)
    return this.#take(timer.event)
  }

  #take(event: { readonly type: string }): readonly Want[] {
    this.#step = checkedStep<Output>(this.#machine, this.#step.snapshot, event)
    return this.#follow()
  }

  #follow(): readonly Want[] {
    return this.#step.effects.map((effect) => this.#want(effect))
  }

  #want(effect: Effect<Output>): Want {
    switch (effect.kind) {
      case 'said':
        return effect.output
      case 'timer':
        this.#timers = [...this.#timers.filter(({ id }) => id !== effect.id), effect]
        return timer(delayName(effect.id), effect.delayMs)
      case 'cancel':
        this.#timers = this.#timers.filter(({ id }) => id !== effect.id)
        return cancel(delayName(effect.id))
    }
  }
}

/** Only what is said: timers left out, for the tests in which they are beside the point. */
export function said(wants: readonly Want[]): readonly Output[] {
  return wants.filter((want): want is Output => want.type !== 'timer' && want.type !== 'cancel')
}

export function ballot(round: number, node: NodeId): Ballot {
  return { round, node }
}

/** Servers 0 to `count - 1`, all of them counted. */
export function members(count: number): Member[] {
  return Array.from({ length: count }, (_, id) => member(id))
}

/** A member; `null` for one that is not counted yet. */
export function member(id: NodeId, incarnation: string | null = foundingIncarnation(id)): Member {
  return { id, address: `127.0.0.1:${29367 + id}`, incarnation }
}

/** A request whose command names it. */
export function request(uid: string, seq: number, body = `${uid} ${seq}`): NamedRequest {
  return { uid, seq, ackedBelow: 0, command: service(body) }
}

export function service(body: string): Command {
  return { kind: 'service', body }
}

/** A batch with one request, told from others by its name. */
export function batch(name: string, node: NodeId = 0): Batch {
  return batchOf(node, [request(name, 1)])
}

/** What an acceptor holds for one instance. */
export function record(instance: number, at: Ballot, name: string): AcceptedRecord {
  return { instance, ballot: at, batch: batch(name) }
}

/** What the replica says of a batch that changed nothing worth telling, with `changes` in it. */
export function executed(instance: number, changes: Partial<BatchExecuted> = {}): BatchExecuted {
  return {
    type: 'batch.executed',
    ...execution(instance),
    atMs: 0,
    ...changes,
  }
}

export function send(to: NodeId, message: NodeMessage): Send {
  return { type: 'send', to, message }
}

/** To the directory that asked. */
export function answer(
  to: NodeId,
  message: NodeMessage,
  incarnation: string = foundingIncarnation(to),
): Send {
  return { type: 'send', to, incarnation, message }
}

/** The envelope of a message as a role receives it: its sender has this server among its members, and it arrives at time 0. */
export function sentBy(sender: NodeId, incarnation: string = foundingIncarnation(sender)) {
  return { sender, incarnation, knowsUs: true, atMs: 0 } as const
}

/** A founder, as somebody to be asked. */
export function informant(id: NodeId, incarnation: string = foundingIncarnation(id)): Informant {
  return { id, incarnation }
}

export function tell(role: RoleName, event: RoleEvent): Tell {
  return { type: 'tell', role, event }
}

export function persist(write: Write): Persist {
  return { type: 'persist', write }
}

export function timer(delay: string, ms: number): Want {
  return { type: 'timer', delay, ms }
}

export function cancel(delay: string): Want {
  return { type: 'cancel', delay }
}
