/**
 * A cluster in which the test chooses what happens next, and in which every invariant is judged after each event. What is
 * not chosen does not happen, but that a server's syncs end well: hold them back with `holdSyncs`.
 */
import { expect } from 'vitest'
import { type Command, type Instance, type NodeId, requestsOf } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Message, NodeMessage } from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { delayName, stateName } from '../../src/core/chart-names.ts'
import type { Fact } from '../../src/core/facts.ts'
import { applyEvent, foundCluster } from '../../src/schedule/apply.ts'
import {
  type ClusterSettings,
  type ClusterState,
  clusterSettings,
  foundedCluster,
  requestOf,
  serverOf,
} from '../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { Judge } from '../../src/schedule/judge.ts'
import { nextInOrder } from '../../src/schedule/settle.ts'
import { lockService } from '../../src/services/lock.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import type { Service } from '../../src/services/service.ts'

export function lock(name: string): Command {
  return { kind: 'service', body: lockCommand(name) }
}

export function unlock(name: string): Command {
  return { kind: 'service', body: unlockCommand(name) }
}

type Said = Extract<Fact, { type: 'said' }>

export class Schedule {
  readonly #settings: ClusterSettings
  readonly #judge: Judge
  #state: ClusterState
  #facts: readonly Fact[]
  #holdsSyncs = false

  /** A cluster of so many servers, all of them started; `changes` to what it is made of. */
  constructor(
    servers: number,
    service: Service = lockService as Service,
    changes: Partial<ClusterSettings> = {},
  ) {
    this.#settings = { ...clusterSettings(servers, service), digestEvery: 1, ...changes }
    this.#judge = Judge.begin(this.#settings, service.name)
    const begun = foundCluster(this.#settings)
    this.#judge.judge(foundedCluster(this.#settings), begun)
    this.#state = begun.state
    this.#facts = begun.facts
  }

  get state(): ClusterState {
    return this.#state
  }

  /** Everything that was seen so far. */
  get facts(): readonly Fact[] {
    return this.#facts
  }

  /** Lets these happen, one after the other. Throws a `Violation` when an invariant is broken. */
  happen(...events: readonly ClusterEvent[]): void {
    for (const event of events) {
      const before = this.#state
      const step = applyEvent(before, event, this.#settings)
      this.#state = step.state
      this.#facts = [...this.#facts, ...step.facts]
      this.#judge.judge(before, step)
      if (!this.#holdsSyncs) this.#syncAll()
    }
  }

  /** From now on syncs end when they are told to, with the event `sync`. */
  holdSyncs(): void {
    this.#holdsSyncs = true
  }

  #syncAll(): void {
    const syncing = this.#state.servers.find(
      ({ node }) => node.running !== null && node.disk.syncing.length > 0,
    )
    if (syncing !== undefined) this.happen({ type: 'sync', server: syncing.id })
  }

  /** A client asks a server for a lock of its own name, or for something else. With `avoid` it has just left that server. */
  ask(client: string, server: NodeId, command: Command = lock(client), avoid?: NodeId): void {
    this.happen({ type: 'request', client, server, command, ...(avoid !== undefined && { avoid }) })
    const flight = this.#state.flying.at(-1)
    if (flight !== undefined) this.happen({ type: 'deliver', flight: flight.id })
  }

  /** Clients ask, each the server named, and nobody waits for another. */
  askAtOnce(asked: Readonly<Record<string, NodeId>>): void {
    for (const [client, server] of Object.entries(asked)) this.ask(client, server)
  }

  /** Clients ask server 0, each when the one before it has been answered and all are at rest. */
  askInTurn(...clients: readonly string[]): void {
    for (const client of clients) {
      this.ask(client, 0)
      this.settle()
    }
  }

  /** Every message of this type that flies from one to the other arrives; the rest flies on. Gives how many arrived. */
  deliver(type: NodeMessage['type'], from: NodeId, to: NodeId): number {
    const flights = this.#between(type, from, to)
    this.happen(...flights.map(({ id }) => ({ type: 'deliver', flight: id }) as const))
    return flights.length
  }

  /** The messages of this type from one to the other are lost, or all of that type. */
  lose(type: Message['type'], from?: NodeId, to?: NodeId): void {
    const flights = this.#between(type, from, to)
    this.happen(...flights.map(({ id }) => ({ type: 'drop', flight: id }) as const))
  }

  #between(type: Message['type'], from?: NodeId, to?: NodeId) {
    return this.#state.flying.filter(
      (flight) =>
        flight.message.type === type &&
        (from === undefined || flight.from === from) &&
        (to === undefined || flight.to === to),
    )
  }

  /** What one says to each of the others arrives, and what they answer; it must be said. */
  exchange(
    from: NodeId,
    others: readonly NodeId[],
    said: NodeMessage['type'],
    answer: NodeMessage['type'],
  ): void {
    for (const other of others) {
      expect(this.deliver(said, from, other)).toBeGreaterThan(0)
      expect(this.deliver(answer, other, from)).toBeGreaterThan(0)
    }
  }

  /** A delay of a server's role passes. */
  pass(server: NodeId, role: RoleName, delay: string): void {
    const timers = serverOf(this.#state, server).node.running?.timers ?? []
    const timer = timers.find((other) => other.role === role && delayName(other.id) === delay)
    if (timer === undefined) throw new Error(`the delay ${delay} of the ${role} does not run at ${server}`)
    this.happen({ type: 'timer', server, role, id: timer.id })
  }

  /**
   * Everything arrives and every delay passes, until all are at rest or `isDone`. Throws when that takes too long: a server
   * that is cut off asks for ever.
   */
  settle(isDone: () => boolean = () => false): void {
    for (let taken = 0; taken < 2_000; taken += 1) {
      const event = isDone() ? null : nextInOrder(this.#state, { withTimers: true })
      if (event === null) return
      this.happen(event)
    }
    throw new Error('it does not come to rest')
  }

  /** The server is gone; what was not synced is lost. */
  crash(server: NodeId): void {
    this.happen({ type: 'crash', server, survived: 0 })
  }

  restart(server: NodeId): void {
    this.happen({ type: 'restart', server })
  }

  /** The state in which a role is, such as `accepting.helping`. */
  stateOf(server: NodeId, role: RoleName): string {
    return stateName(serverOf(this.#state, server).node.running?.roles[role].value ?? 'down')
  }

  contextOf<C>(server: NodeId, role: RoleName): C {
    return serverOf(this.#state, server).node.running?.roles[role].context as C
  }

  /** How a client's request ended, `null` while it is open. */
  outcome(client: string, seq = 1): Outcome | 'given up' | null {
    return requestOf(this.#state, client, seq).outcome
  }

  /** What was executed at an instance, by server: the clients of the batch. */
  executedAt(instance: Instance): Record<NodeId, string> {
    const executions = this.#facts.flatMap((fact) =>
      fact.type === 'executed' && fact.instance === instance ? [fact] : [],
    )
    return Object.fromEntries(
      executions.map(({ node, batch }) => [
        node,
        requestsOf(batch)
          .map(({ uid }) => uid.split('@')[0])
          .join(' '),
      ]),
    )
  }

  /** What servers said to one another, themselves included, in order. */
  said<T extends NodeMessage['type']>(
    type: T,
  ): readonly (Omit<Said, 'message'> & { readonly message: Extract<NodeMessage, { type: T }> })[] {
    return this.#facts.flatMap((fact) =>
      fact.type === 'said' && fact.message.type === type ? [fact as never] : [],
    )
  }
}
