/**
 * Carries out what roles ask for, and brings events to roles: the one place, in every engine. What an engine brings of its
 * own is the `World`: the two ends of the datagram's path, the disk, and the way to give an event to a role.
 */
import type { Address, Batch, Instance, NodeId } from '../../machines/batch.ts'
import { type Heard, hearerOf, type Names, type RoleEvent, type RoleName } from '../../machines/inbox.ts'
import { isCounted, type Member } from '../../machines/members.ts'
import type { NodeMessage, RequestMessage } from '../../machines/messages.ts'
import type { Execution, Full, Outcome } from '../../machines/outcome.ts'
import type { Oddity, Output, Respond, Send, Write } from '../../machines/outputs.ts'
import { type Elapsed, type ElapsedRules, elapsedRules } from './elapsed.ts'
import { isHeard } from './reach.ts'

/** The replicated state of a node, as the router uses it. */
export interface Executor {
  /** As they are after everything that was executed. */
  readonly members: readonly Member[]
  /** True when a delayed request waits at the server `node`. */
  hasWaiting(node: NodeId): boolean
  /** Executes a chosen batch: the next one, each once. */
  execute(instance: Instance, batch: Batch): Execution
  /** How the request ended, if it has ended, or that there is no room for its session; `null` otherwise. */
  recall(request: RequestMessage): Outcome | Full | null
}

/** What an engine brings. */
export interface World {
  /** Gives an event to a role of this node; what the role asks for comes back through `Router.carry`, in order. */
  deliver(role: RoleName, event: RoleEvent): void
  /** Sends to another server, with `names` around it; it may be lost. */
  send(to: NodeId, message: NodeMessage, names: Names): void
  respond(to: Address, message: Respond['message']): void
  /** Writes; an acceptor's write is answered with `persisted`, through `Router.dispatch`, once it is synced. */
  persist(write: Write): void
  /** A clock that does not go back, in milliseconds from any moment: the same for all that happens within one event. */
  nowMs(): number
  /** Reads a page of chosen batches; answered with `chosen.read`, through `Router.dispatch`. */
  read(from: Instance, to: NodeId, incarnation: string): void
  /** Counts what `sender` sent, which the role has dropped. */
  flag(oddity: Oddity, sender: NodeId): void
  /** Ends this node at once. */
  halt(reason: string): void
}

export class Router {
  readonly #self: NodeId
  readonly #incarnation: string
  readonly #world: World
  readonly #executor: Executor
  readonly #pending: { readonly role: RoleName; readonly event: RoleEvent }[] = []
  readonly #rules: ElapsedRules
  #elapsed: Elapsed
  #isDraining = false

  /** A node goes on with the `elapsed` of another; without, it begins. */
  constructor(
    { self, incarnation }: { readonly self: NodeId; readonly incarnation: string },
    world: World,
    executor: Executor,
    rules = elapsedRules,
    elapsed: Elapsed = rules.begin(world.nowMs()),
  ) {
    this.#self = self
    this.#incarnation = incarnation
    this.#world = world
    this.#executor = executor
    this.#rules = rules
    this.#elapsed = elapsed
  }

  /** The node starts: what it has stored was proposed before. */
  begin(): void {
    this.#elapsed = this.#rules.begin(this.#world.nowMs())
  }

  /** What it remembers so as to say how much time a batch brings. */
  get elapsed(): Elapsed {
    return this.#elapsed
  }

  /** A message of another server has arrived. That of a stranger is dropped: it is not answered, and nothing of it is kept. */
  hear(sender: NodeId, message: NodeMessage, names: Names): void {
    const { incarnation, addressee } = names
    const { members } = this.#executor
    if (!isHeard(sender, names, members, this.#incarnation)) {
      this.#world.flag('stranger', sender)
      return
    }
    if (message.type === 'accept' && isCounted(members, sender, incarnation)) {
      this.#elapsed = this.#rules.withSight(
        this.#elapsed,
        message.instance,
        message.batch,
        this.#world.nowMs(),
      )
    }
    const knowsUs = addressee === this.#incarnation
    const heard: Heard<NodeMessage> = { ...message, sender, incarnation, knowsUs }
    const event =
      heard.type === 'chosen' ? { ...heard, concernsUs: this.#executor.hasWaiting(this.#self) } : heard
    this.dispatch(hearerOf(message), event as RoleEvent)
  }

  /** A client's request has arrived. */
  request(message: RequestMessage, replyTo: Address, receivedAtMs: number, commandBytes: number): void {
    this.dispatch('requestQueue', {
      ...message,
      replyTo,
      receivedAtMs,
      commandBytes,
      recorded: this.#executor.recall(message),
    })
  }

  /** Gives an event to a role, after whatever is already under way: events and what they cause keep their order. */
  dispatch(role: RoleName, event: RoleEvent): void {
    this.#pending.push({ role, event })
    if (!this.#isDraining) this.enter(() => undefined)
  }

  /** Runs something that makes a role speak, such as its timer, and then delivers all that follows from it. */
  enter(run: () => void): void {
    if (this.#isDraining) {
      run()
      return
    }
    this.#isDraining = true
    try {
      run()
      // By index, since a shift from the front of a long list costs its length.
      for (let next = 0; next < this.#pending.length; next += 1) {
        const pending = this.#pending[next]
        if (pending !== undefined) this.#world.deliver(pending.role, pending.event)
      }
    } finally {
      this.#pending.length = 0
      this.#isDraining = false
    }
  }

  /** Carries out what a role asks for. */
  carry(output: Output): void {
    switch (output.type) {
      case 'send':
        this.#send(output)
        return
      case 'tell':
        this.dispatch(output.role, this.#stamped(output.event))
        return
      case 'persist':
        this.#world.persist(output.write)
        return
      case 'execute':
        this.#execute(output.instance, output.batch)
        return
      case 'read':
        this.#world.read(output.from, output.to, output.incarnation)
        return
      case 'respond':
        this.#world.respond(output.to, output.message)
        return
      case 'flag':
        this.#world.flag(output.oddity, output.sender)
        return
      case 'halt':
        this.#world.halt(output.reason)
        return
    }
    output satisfies never
  }

  #send({ to, incarnation: meant, message }: Send): void {
    const incarnation = this.#incarnation
    if (to === this.#self) {
      this.hear(to, message, { incarnation, addressee: incarnation })
      return
    }
    const addressee = meant ?? this.#executor.members.find(({ id }) => id === to)?.incarnation ?? null
    this.#world.send(to, message, { incarnation, addressee })
  }

  /** A batch that goes to the proposer gets the time that it brings. */
  #stamped(event: RoleEvent): RoleEvent {
    if (event.type !== 'batch.offered') return event
    const { elapsed, batch } = this.#rules.withStamp(this.#elapsed, event.batch, this.#world.nowMs())
    this.#elapsed = elapsed
    return { ...event, batch }
  }

  #execute(instance: Instance, batch: Batch): void {
    const execution = this.#executor.execute(instance, batch)
    this.#elapsed = this.#rules.withExecution(this.#elapsed, instance, batch, this.#world.nowMs())
    this.#executed(execution)
  }

  /**
   * The members first, since what comes next is under the new ones; the proposer last, since it goes on to the next
   * instance at once and must find the queue without what was executed.
   */
  #executed(execution: Execution): void {
    const { members } = execution
    if (members !== null) {
      this.dispatch('acceptor', { type: 'members.changed', members })
      this.dispatch('learner', { type: 'members.changed', members })
      this.dispatch('requestQueue', { type: 'members.changed', members })
    }
    this.dispatch('requestQueue', { type: 'batch.executed', ...execution })
    this.dispatch('proposer', { type: 'batch.executed', ...execution })
  }
}
