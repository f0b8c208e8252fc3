import {
  type ActorRefFrom,
  type AnyActorRef,
  type AnyMachineSnapshot,
  createActor,
  fromCallback,
  type InspectionEvent,
} from 'xstate'
import type { Address, Instance, NodeId } from '../../machines/batch.ts'
import type { Names, RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { Limits } from '../../machines/limits.ts'
import type { NodeMessage, RequestMessage, ServerMessage } from '../../machines/messages.ts'
import { type NodeInput, nodeMachine } from '../../machines/node.ts'
import type { Oddity, Output, Respond, Write } from '../../machines/outputs.ts'
import type { Timing } from '../../machines/timing.ts'
import { messageOf } from '../core/message-of.ts'
import { type Recovered, roleInputs, roleNames } from '../core/roles.ts'
import { type Executor, Router, type World } from '../core/router.ts'
import type { Observer } from '../inspect/report/observer.ts'
import { type JournalEvent, type JournalRole, journalRole } from '../journal/journal-lines.ts'
import { queuedBytes } from '../services/command-bytes.ts'
import type { Storage } from '../storage/storage.ts'
import { PageReads } from './page-reads.ts'

/** Chosen batches that are read and sent at once to a server that catches up, in bytes of JSON. */
const pageBytes = 48_000

/** What a live node speaks through. */
export interface Mouth {
  send(to: NodeId, message: NodeMessage, names: Names): void
  respond(to: Address, message: ServerMessage): void
  /** Counts what `sender` sent under the name of the oddity, and logs it. */
  flag(oddity: Oddity, sender: NodeId): void
  close(): void
  /** True unless the message is of a stranger. */
  isHeard(sender: NodeId, names: Names): boolean
  /** True when the server `id` is a member, with this directory. */
  isMember(id: NodeId, incarnation: string): boolean
}

/** Who writes down what happens to a node. */
export interface EventRecorder {
  /** The clock of the last thing that was written down in an earlier run. */
  readonly lastClock: number
  record(line: JournalEvent): void
  /** Writes what was recorded. */
  flush(): void
}

/** Who watches a node, beside whoever asks for its state: nobody, unless it is said. */
export interface Watchers {
  /** Writes down every event. */
  readonly recorder?: EventRecorder | null
  /** Tells of events, as far as there is time. */
  readonly observer?: Observer | null
  /** Is told all that XState's inspection tells. */
  readonly inspect?: ((inspected: InspectionEvent) => void) | null
}

/** A clock ahead of this server's by more is gone by only so far: to follow it would use up the numbers. */
const clockStep = 2 ** 40

/** The highest clock that the wire carries. What happens from there on has no order in a journal; the server goes on. */
const maxClock = 2 ** 52

type Snapshot = { readonly value: unknown; readonly context?: unknown }

type RoleRefs = Readonly<Record<RoleName, { send(event: RoleEvent): void; getSnapshot(): Snapshot }>>

/**
 * A live node: the machines as XState actors under one root, in real time. It is the `World` of its router; everything
 * that is said, stored or executed passes through there, as it does in the simulator.
 */
export class Runtime implements World {
  readonly #router: Router
  readonly #storage: Storage
  readonly #root: ActorRefFrom<typeof nodeMachine>
  readonly #self: NodeId
  readonly #recorder: EventRecorder | null
  readonly #observer: Observer | null
  readonly #pages = new PageReads((id, incarnation) => this.#mouth?.isMember(id, incarnation) ?? false)
  /** Lamport's: of the last event here, or of a later one that was heard of. */
  #clock: number
  /** The monotonic clock at the last event here. */
  #nowMs = performance.now()
  /** Each role as it was last recorded. */
  #recorded: Partial<Record<RoleName, Snapshot>> = {}
  /** The timer that has just fired. */
  #fired: { readonly role: RoleName; readonly id: string } | null = null
  /** Writes that wait until the event that asked for them is recorded. */
  #unrecorded: Write[] = []
  #roles: RoleRefs | null = null
  #mouth: Mouth | null = null
  /** Resolves when the node has ended: `null` when it was stopped, the reason when it halted. */
  readonly ended: Promise<string | null>

  constructor(
    { self, incarnation }: { readonly self: NodeId; readonly incarnation: string },
    storage: Storage,
    executor: Executor,
    { recorder = null, observer = null, inspect = null }: Watchers = {},
  ) {
    this.#self = self
    this.#storage = storage
    this.#recorder = recorder
    this.#observer = observer
    this.#clock = Math.min(recorder?.lastClock ?? 0, maxClock)
    const watched = observer === null ? executor : this.#observed(executor, observer)
    this.#router = new Router({ self, incarnation }, this, watched)
    const storageActor = fromCallback<{ readonly type: 'persist'; readonly write: Write }>(({ receive }) => {
      receive(({ write }) => this.#write(write))
    })
    const udpActor = fromCallback(() => () => this.#mouth?.close())
    this.#root = createActor(nodeMachine.provide({ actors: { storage: storageActor, udp: udpActor } }), {
      id: `node-${self}`,
      systemId: 'node',
      // A timer makes a role speak as a datagram does: what follows from it is delivered in the same order.
      clock: {
        setTimeout: (run, delayMs) => setTimeout(() => this.#fire(run), delayMs),
        clearTimeout: (timer) => clearTimeout(timer),
      },
      ...(inspect !== null && { inspect }),
    })
    if (recorder !== null) this.#root.system.inspect((inspected) => this.#noteTimer(inspected))
    this.ended = new Promise((resolve) => {
      this.#root.subscribe({
        error: (error) => resolve(messageOf(error)),
        complete: () => {
          const { value, context } = this.#root.getSnapshot()
          resolve(value === 'halted' ? context.reason : null)
        },
      })
    })
    this.#root.start()
  }

  /** Spawns the roles from what was recovered and lets them speak through `mouth`. */
  begin(
    recovered: Recovered,
    mouth: Mouth,
    settings: { readonly timing: Timing; readonly limits: Limits; readonly randomSeed: number },
  ): void {
    this.#mouth = mouth
    const inputs: NodeInput = roleInputs(recovered, settings)
    this.#root.send({ type: 'node.recovered', inputs })
    const refs = roleNames.map((role) => {
      const actor = this.#root.system.get(role)
      if (actor === undefined) throw new Error(`the role ${role} was not spawned`)
      actor.on('*', (output: unknown) => this.#guarded(() => this.#carry(output as Output)))
      actor.subscribe({ error: (error: unknown) => this.fail(`the ${role} failed: ${messageOf(error)}`) })
      return [role, actor] as const
    })
    this.#roles = Object.fromEntries(refs) as unknown as RoleRefs
    const { self, incarnation, members, promised, accepted, firstUnchosen } = recovered
    const durable = { promised, accepted, firstUnchosen }
    this.#observer?.starts(durable)
    this.#happen(
      () => ({ type: 'start', randomSeed: settings.randomSeed }),
      () => {
        this.#router.begin()
        this.#observer?.fact({ type: 'started', node: self, incarnation, durable, members })
      },
    )
  }

  /** The clock of the last event. */
  get clock(): number {
    return this.#clock
  }

  /** The state in which each role is, and its context; empty before it has recovered. */
  snapshot(role: RoleName): Snapshot | undefined {
    return this.#roles?.[role].getSnapshot()
  }

  /** The state in which the node is. */
  get state(): string {
    return String(this.#root.getSnapshot().value)
  }

  /** A batch is on its way: proposed, or about to be. */
  get isBusy(): boolean {
    const queue = this.snapshot('requestQueue')?.value
    return queue === 'ready' || queue === 'proposing'
  }

  /** Pages of what was chosen that are being read for other servers, and questions that were not read. */
  get pages(): PageReads['counters'] {
    return this.#pages.counters
  }

  /**
   * A message of another server has arrived from `from`, sent when its clock was `clock`. Only the clock of one that is heard counts:
   * anybody else could use up the numbers.
   */
  hear(sender: NodeId, message: NodeMessage, names: Names, from: Address, clock: number): void {
    if (clock > this.#clock && this.#mouth?.isHeard(sender, names)) {
      this.#clock = Math.min(clock, this.#clock + clockStep)
    }
    this.#happen(
      () => ({ type: 'hear', sender, names, from, message }),
      () => this.#router.hear(sender, message, names),
    )
  }

  request(message: RequestMessage, replyTo: Address): void {
    const commandBytes = queuedBytes(message.command)
    const timeMs = Date.now()
    this.#happen(
      () => ({ type: 'request', message, replyTo, timeMs, commandBytes }),
      () => this.#router.request(message, replyTo, timeMs, commandBytes),
    )
  }

  /** Gives an event to a role. */
  dispatch(role: RoleName, event: RoleEvent): void {
    this.#happen(
      () => ({ type: 'tell', role, event }),
      () => this.#router.dispatch(role, event),
    )
  }

  /**
   * Fires a timer of a role now, as the clock would. `false`, and nothing happens, when it is not armed: the role is in no state
   * that has it. Every timer's transition leaves its state, or enters it again, so the clock does not fire it once more: what it
   * had armed is given up with the state.
   */
  fireTimer(role: RoleName, id: string): boolean {
    const actor = this.#roles?.[role]
    const event = { type: id }
    const isArmed = id.startsWith('xstate.after.') && (actor?.getSnapshot() as AnyMachineSnapshot).can(event)
    if (actor === undefined || !isArmed) return false
    this.#fire(() => actor.send(event as unknown as RoleEvent))
    return true
  }

  /** Takes no more requests; `finish` ends it. */
  stop(): void {
    if (!this.#isActive) return
    this.#root.send({ type: 'node.stopping' })
    this.dispatch('requestQueue', { type: 'node.stopping' })
  }

  /** Ends it in good order. */
  finish(): void {
    if (this.#isActive) this.#root.send({ type: 'node.stopped' })
  }

  /** Ends it at once: it says nothing more to anybody. */
  fail(reason: string): void {
    this.#mouth?.close()
    if (this.#isActive) this.#root.send({ type: 'node.failed', reason })
  }

  deliver(role: RoleName, event: RoleEvent): void {
    this.#roles?.[role].send(event)
  }

  send(to: NodeId, message: NodeMessage, names: Names): void {
    this.#mouth?.send(to, message, names)
  }

  flag(oddity: Oddity, sender: NodeId): void {
    this.#mouth?.flag(oddity, sender)
  }

  halt(reason: string): void {
    this.fail(reason)
  }

  respond(to: Address, message: Respond['message']): void {
    this.#observer?.fact({ type: 'responded', node: this.#self, to, message })
    this.#mouth?.respond(to, message)
  }

  persist(write: Write): void {
    this.#observer?.asked(write)
    if (this.#recorder === null) this.#persist(write)
    else this.#unrecorded.push(write)
  }

  #persist(write: Write): void {
    this.#root.system.get('storage')?.send({ type: 'persist', write })
  }

  nowMs(): number {
    return this.#nowMs
  }

  read(from: Instance, to: NodeId, incarnation: string): void {
    this.#pages
      .read(to, incarnation, () => this.#storage.chosen(from, pageBytes))
      .then(
        (batches) => {
          if (batches !== null)
            this.dispatch('learner', { type: 'chosen.read', to, incarnation, from, batches })
        },
        (error: unknown) => this.fail(messageOf(error)),
      )
  }

  #write(write: Write): void {
    this.#storage.persist(write).then(
      () => {
        if (write.by === 'acceptor') this.#synced()
      },
      (error: unknown) => this.fail(messageOf(error)),
    )
  }

  /** A write of the acceptor is synced. */
  #synced(): void {
    const durable = this.#observer?.synced() ?? null
    this.#happen(
      () => ({ type: 'synced' }),
      () => {
        if (durable !== null) this.#observer?.fact({ type: 'synced', node: this.#self, durable })
        this.#router.dispatch('acceptor', { type: 'persisted' })
      },
    )
  }

  #fire(run: () => void): void {
    this.#fired = null
    this.#happen(
      () => (this.#fired === null ? null : { type: 'timer', ...this.#fired }),
      () => this.#router.enter(run),
    )
  }

  /** Which timer it was, only XState knows. */
  #noteTimer(inspected: InspectionEvent): void {
    if (inspected.type !== '@xstate.event' || !inspected.event.type.startsWith('xstate.after.')) return
    this.#fired ??= { role: (inspected.actorRef as AnyActorRef).id as RoleName, id: inspected.event.type }
  }

  #carry(output: Output): void {
    if (output.type === 'send') {
      const { to, message } = output
      this.#observer?.fact({ type: 'said', node: this.#self, to, message })
    }
    this.#router.carry(output)
  }

  #observed(executor: Executor, observer: Observer): Executor {
    return {
      get members() {
        return executor.members
      },
      hasWaiting: (node) => executor.hasWaiting(node),
      execute: (instance, batch) => {
        const execution = executor.execute(instance, batch)
        observer.executed({ type: 'executed', node: this.#self, instance, batch, execution, digest: null })
        return execution
      },
      recall: (message) => executor.recall(message),
    }
  }

  /** One event of this node, with all that follows from it here; `event` says which it was, `null` for none. */
  #happen(event: () => JournalEvent['event'] | null, run: () => void): void {
    this.#guarded(() => {
      this.#clock = Math.min(this.#clock + 1, maxClock)
      this.#nowMs = performance.now()
      const isObserved = this.#runObserved(run)
      if (isObserved || this.#recorder !== null) this.#tell(event(), isObserved)
      this.#observer?.over()
    })
  }

  #tell(event: JournalEvent['event'] | null, isObserved: boolean): void {
    if (event === null) return
    if (isObserved) this.#observer?.ends(event)
    if (this.#recorder === null) return
    const line = {
      clock: this.#clock,
      node: this.#self,
      nowMs: this.#nowMs,
      event,
      roles: this.#changedRoles(),
    }
    this.#recorder.record(line)
    this.#persistRecorded(this.#recorder)
  }

  /** True when the observer follows it. XState's inspection is on for as long, since it is not free. */
  #runObserved(run: () => void): boolean {
    const observer = this.#observer
    if (observer === null || !observer.begins()) {
      run()
      return false
    }
    const inspection = this.#root.system.inspect((inspected) => {
      this.#noteTimer(inspected)
      observer.inspected(inspected)
    })
    try {
      run()
    } finally {
      inspection.unsubscribe()
    }
    return true
  }

  /** `kill -9` may come at any moment: what the disk shows of an event, the journal must tell of. */
  #persistRecorded(recorder: EventRecorder): void {
    if (this.#unrecorded.length === 0) return
    recorder.flush()
    const writes = this.#unrecorded
    this.#unrecorded = []
    for (const write of writes) this.#persist(write)
  }

  #changedRoles(): Partial<Record<RoleName, JournalRole>> {
    const changed: Partial<Record<RoleName, JournalRole>> = {}
    for (const role of roleNames) {
      const snapshot = this.snapshot(role)
      if (snapshot === undefined || snapshot === this.#recorded[role]) continue
      this.#recorded[role] = snapshot
      changed[role] = journalRole(snapshot)
    }
    return changed
  }

  /** It has not halted, and was not stopped: a machine that has ended takes nothing more. */
  get #isActive(): boolean {
    return this.#root.getSnapshot().status === 'active'
  }

  /** What is thrown here is a violated assertion: the node halts, and says why. */
  #guarded(run: () => void): void {
    if (!this.#isActive) return
    try {
      run()
    } catch (error) {
      this.fail(messageOf(error))
    }
  }
}
