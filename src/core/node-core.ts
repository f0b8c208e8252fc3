import type { Address, Batch, Instance, NodeId } from '../../machines/batch.ts'
import { type Heard, hearerOf, type Names, type RoleEvent } from '../../machines/inbox.ts'
import type { Limits } from '../../machines/limits.ts'
import { isCounted } from '../../machines/members.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import type { NodeInput } from '../../machines/node.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { Output, Send, Write } from '../../machines/outputs.ts'
import type { Timing } from '../../machines/timing.ts'
import type { Driver, PageRequest } from './driver.ts'
import type { DurableState } from './durable.ts'
import { type Elapsed, type ElapsedRules, elapsedRules } from './elapsed.ts'
import type { Fact } from './facts.ts'
import type { NodeEvent } from './node-event.ts'
import { type NodeRules, nodeRules } from './node-rules.ts'
import type { HeardFrom } from './reach.ts'
import type { ReplicatedState } from './replicated-state.ts'
import { roleInputs } from './roles.ts'
import { Router } from './router.ts'

/** An event of a running node that is the same in every engine. How a node starts and ends, and how timers fire, is its driver's. */
export type CoreEvent = Extract<NodeEvent, { type: 'hear' | 'request' | 'synced' | 'tell' }>

/** That the replica executed a batch. */
export type ExecutedFact = Extract<Fact, { type: 'executed' }>

export interface CoreSettings {
  readonly self: NodeId
  readonly incarnation: string
  /** A digest of the replicated state is reported after each so many instances; 0 for never, since it costs its size. */
  readonly digestEvery?: number
  readonly nodeRules?: NodeRules
  /** How the time that a batch brings is measured. */
  readonly elapsedRules?: ElapsedRules
}

/** The event that a page was read which the learner had asked for. */
export function pageRead(page: PageRequest, batches: readonly Batch[]): CoreEvent {
  return { type: 'tell', role: 'learner', event: { type: 'chosen.read', ...page, batches } }
}

/**
 * What every node does, whichever driver moves its roles: it brings events to them, carries out what they ask for, executes what was
 * chosen, and reports the facts of all that.
 */
export class NodeCore {
  readonly #self: NodeId
  readonly #incarnation: string
  readonly #digestEvery: number
  readonly #rules: NodeRules
  readonly #elapsedRules: ElapsedRules
  readonly #replica: ReplicatedState
  readonly #driver: Driver
  readonly #router: Router
  #elapsed: Elapsed

  /** A node goes on with the `elapsed` of another; without, it begins. */
  constructor(settings: CoreSettings, replica: ReplicatedState, driver: Driver, elapsed?: Elapsed) {
    this.#self = settings.self
    this.#incarnation = settings.incarnation
    this.#digestEvery = settings.digestEvery ?? 0
    this.#rules = settings.nodeRules ?? nodeRules
    this.#elapsedRules = settings.elapsedRules ?? elapsedRules
    this.#replica = replica
    this.#driver = driver
    this.#router = new Router((role, event) => driver.deliver(role, event))
    this.#elapsed = elapsed ?? this.#elapsedRules.begin(driver.nowMs())
  }

  /** Executes again the next of the batches that are stored as chosen, before the node starts. Returns the facts, which `started` reports. */
  recover(batches: readonly Batch[]): readonly ExecutedFact[] {
    return batches.map((batch) => this.#executed(this.#replica.firstUnexecuted, batch))
  }

  /** What each role begins with, after everything that is stored as chosen was executed. `randomSeed` is for the proposer's back-off. */
  inputs(
    durable: DurableState,
    settings: { readonly timing: Timing; readonly limits: Limits; readonly randomSeed: number },
  ): NodeInput {
    return roleInputs(this.#rules.recoveredFrom(this.#identity, this.#replica, durable), settings)
  }

  /** The node starts, from what its disk holds: whatever is stored was proposed before. `again` is reported after that. */
  started(durable: DurableState, again: readonly Fact[] = []): void {
    const { self: node, incarnation } = this.#identity
    const { members } = this.#rules.recoveredFrom(this.#identity, this.#replica, durable)
    this.#elapsed = this.#elapsedRules.begin(this.#driver.nowMs())
    this.#driver.observe({ type: 'started', node, incarnation, durable, members })
    for (const fact of again) this.#driver.observe(fact)
  }

  /** Something happens to the node: brings it to the role that it is for, and then delivers all that follows from it. */
  take(event: CoreEvent): void {
    switch (event.type) {
      case 'hear':
        this.#hear(event)
        return
      case 'request':
        this.#request(event)
        return
      case 'synced':
        this.#synced()
        return
      case 'tell':
        this.#router.dispatch(event.role, event.event)
        return
    }
    event satisfies never
  }

  /** Runs something that makes a role act, such as its timer, and then delivers all that follows from it. */
  enter(run: () => void): void {
    this.#router.enter(run)
  }

  /** Carries out what a role asks for. */
  carryOut(output: Output): void {
    switch (output.type) {
      case 'send':
        this.#send(output)
        return
      case 'tell':
        this.#router.dispatch(output.role, this.#stamped(output.event))
        return
      case 'persist':
        this.#driver.persist(output.write)
        return
      case 'execute':
        this.#execute(output.instance, output.batch)
        return
      case 'read': {
        const { to, incarnation, from } = output
        this.#driver.read({ to, incarnation, from })
        return
      }
      case 'respond': {
        const { to, message } = output
        this.#driver.observe({ type: 'responded', node: this.#self, to, message })
        this.#driver.respond(to, message)
        return
      }
      case 'flag':
        this.#driver.flag(output.oddity, output.sender)
        return
      case 'halt':
        this.#driver.halt(output.reason)
        return
    }
    output satisfies never
  }

  /** The event that the node takes when `write` has ended well; `null` for none. */
  eventAfter(write: Write): CoreEvent | null {
    return this.#rules.eventAfterWrite(write)
  }

  /** True unless what `sender` sends is a stranger's. */
  isHeard(sender: NodeId, names: Names): boolean {
    return this.#rules.isHeard(sender, names, this.#replica.members, this.#incarnation)
  }

  /** True when the server `id` is counted among the members, with this directory. */
  isMember(id: NodeId, incarnation: string): boolean {
    return isCounted(this.#replica.members, id, incarnation)
  }

  /** Where the directory `addressee` of the server `id` is, which was last heard from as `last` says; see `addressOf` in reach.ts. */
  addressOf(id: NodeId, addressee: string | null, last = this.#driver.lastHeard(id)): Address | undefined {
    return this.#rules.addressOf(id, addressee, this.#replica.members, last)
  }

  /** The next instance to be executed here. */
  get firstUnexecuted(): Instance {
    return this.#replica.firstUnexecuted
  }

  /** What it remembers so as to say how much time a batch brings. */
  get elapsed(): Elapsed {
    return this.#elapsed
  }

  get #identity(): { readonly self: NodeId; readonly incarnation: string } {
    return { self: this.#self, incarnation: this.#incarnation }
  }

  /** A message of a stranger is dropped: it is not answered, and nothing of it is kept. */
  #hear({ sender, message, names, from }: Extract<CoreEvent, { type: 'hear' }>): void {
    if (!this.isHeard(sender, names)) {
      this.#driver.flag('stranger', sender)
      return
    }
    const { incarnation } = names
    const last: HeardFrom = { address: from, incarnation }
    this.#driver.heard(sender, last, this.isMember(sender, incarnation))
    this.#bring(sender, message, names)
  }

  /** Brings a message of a server, which may be this one, to the role that hears it. */
  #bring(sender: NodeId, message: NodeMessage, { incarnation, addressee }: Names): void {
    if (message.type === 'accept' && this.isMember(sender, incarnation)) {
      const { instance, batch } = message
      this.#elapsed = this.#elapsedRules.withSight(this.#elapsed, instance, batch, this.#driver.nowMs())
    }
    const knowsUs = addressee === this.#incarnation
    const heard: Heard<NodeMessage> = { ...message, sender, incarnation, knowsUs }
    const event =
      heard.type === 'chosen'
        ? { ...heard, concernsUs: this.#replica.waitingNodes.includes(this.#self) }
        : heard
    this.#router.dispatch(hearerOf(message), event as RoleEvent)
  }

  #request({ message, replyTo, timeMs, commandBytes }: Extract<CoreEvent, { type: 'request' }>): void {
    const { uid, seq, command } = message
    this.#router.dispatch('requestQueue', {
      ...message,
      replyTo,
      receivedAtMs: timeMs,
      commandBytes,
      recorded: this.#replica.recall(uid, seq, command),
    })
  }

  #synced(): void {
    const durable = this.#driver.durable()
    if (durable !== null) this.#driver.observe({ type: 'synced', node: this.#self, durable })
    this.#router.dispatch('acceptor', { type: 'persisted' })
  }

  #send({ to, incarnation: meant, message }: Send): void {
    this.#driver.observe({ type: 'said', node: this.#self, to, message })
    const incarnation = this.#incarnation
    if (to === this.#self) {
      this.#bring(to, message, { incarnation, addressee: incarnation })
      return
    }
    const addressee = meant ?? this.#replica.members.find(({ id }) => id === to)?.incarnation ?? null
    const address = this.addressOf(to, addressee)
    if (address !== undefined) this.#driver.send({ to, address, message, names: { incarnation, addressee } })
  }

  /** A batch that goes to the proposer gets the time that it brings. */
  #stamped(event: RoleEvent): RoleEvent {
    if (event.type !== 'batch.offered') return event
    const { elapsed, batch } = this.#elapsedRules.withStamp(this.#elapsed, event.batch, this.#driver.nowMs())
    this.#elapsed = elapsed
    return { ...event, batch }
  }

  #execute(instance: Instance, batch: Batch): void {
    const fact = this.#executed(instance, batch)
    this.#driver.observe(fact)
    this.#elapsed = this.#elapsedRules.withExecution(this.#elapsed, instance, batch, this.#driver.nowMs())
    for (const { role, event } of this.#rules.tasksAfterExecution(fact.execution)) {
      this.#router.dispatch(role, event)
    }
  }

  #executed(instance: Instance, batch: Batch): ExecutedFact {
    const execution: Execution = this.#replica.execute(instance, batch)
    const isDue = this.#digestEvery > 0 && instance % this.#digestEvery === 0
    const digest = isDue ? this.#replica.digest() : null
    return { type: 'executed', node: this.#self, instance, batch, execution, digest }
  }
}
