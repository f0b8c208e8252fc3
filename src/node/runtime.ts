import type { InspectionEvent } from 'xstate'
import type { Difference } from '../../machines/auditing.ts'
import type { Address, Batch, Instance, NodeId } from '../../machines/batch.ts'
import type { Names, RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { LearnerContext } from '../../machines/learner.ts'
import type { Limits } from '../../machines/limits.ts'
import type { ClientAsk, NodeMessage } from '../../machines/messages.ts'
import type { Oddity, Respond, Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import type { Timing } from '../../machines/timing.ts'
import type { ChunkRequest, Driver, PageRequest, ReceivedChunk, SentMessage } from '../core/driver.ts'
import { type DurableState, durablePart } from '../core/durable.ts'
import type { Fact } from '../core/facts.ts'
import { messageOf } from '../core/message-of.ts'
import {
  type CoreEvent,
  type CoreSettings,
  chunkKept,
  chunksRead,
  type ExecutedFact,
  NodeCore,
  pageRead,
  snapshotChecked,
  snapshotDrawn,
  snapshotResumed,
} from '../core/node-core.ts'
import { promised } from '../core/process.ts'
import type { HeardFrom } from '../core/reach.ts'
import type { Capture, Installation, ReplicatedState } from '../core/replicated-state.ts'
import type { Trust } from '../core/trust.ts'
import type { JournalEvent } from '../journal/journal-lines.ts'
import type { SnapshotKeeper } from '../storage/snapshot-keeper.ts'
import type { Storage } from '../storage/storage.ts'
import { Actors, type RoleSnapshot } from './actors.ts'
import { EventScope, type EventWatchers } from './event-scope.ts'
import type { Outbound } from './outbound.ts'
import { PageReads } from './page-reads.ts'
import { keeperOf, type SnapshotReports } from './snapshots.ts'

/** The size of a page of chosen batches for a server that catches up, in bytes of JSON. */
const pageBytes = 48_000

/** The watchers of a node; none by default. */
export interface Watchers extends EventWatchers {
  /** Receives all inspection events of XState. */
  readonly inspect?: ((inspected: InspectionEvent) => void) | null
  /** Receives each batch that is executed after the start. */
  readonly executed?: (fact: ExecutedFact) => void
  /** Hears where the servers differ without a quorum that agrees, and what this server executed there; `null` when that has ended. */
  readonly disputed?: (dispute: Difference | null, executed: string) => void
  /** Receives what is known of the boots of members, to store it. */
  readonly trust?: (trust: Trust) => void
  /** Hears why no server may start with this directory again, before the node halts. */
  readonly condemned?: (reason: string) => void
  /** Hears why this server sends nothing more. */
  readonly withdrawn?: (reason: string) => void
  /** Hears of each snapshot of another server that replaced the state after the start, and of the server that was asked for it last. */
  readonly installed?: (snapshot: SnapshotName, from: NodeId) => void
  /** Receives what happens to snapshots. */
  readonly snapshots?: SnapshotReports
}

/** A live node. It drives the core with actors, a socket, a disk and the clocks of this machine. */
export class Runtime implements Driver {
  readonly #storage: Storage
  readonly #core: NodeCore
  readonly #actors: Actors
  readonly #scope: EventScope
  readonly #executed: (fact: ExecutedFact) => void
  readonly #disputed: NonNullable<Watchers['disputed']>
  readonly #withdrawn: NonNullable<Watchers['withdrawn']>
  readonly #condemned: NonNullable<Watchers['condemned']>
  readonly #keepTrust: NonNullable<Watchers['trust']>
  readonly #installed: NonNullable<Watchers['installed']>
  readonly #snapshots: SnapshotKeeper
  readonly #pages = new PageReads((id, incarnation) => this.#core.isMember(id, incarnation))
  #outbound: Outbound | null = null
  /** Resolves when the node ends: with `null` after a stop, with the reason after a halt. */
  readonly ended: Promise<string | null>

  constructor(
    settings: Pick<CoreSettings, 'self' | 'incarnation' | 'boot' | 'trust' | 'withdrawn' | 'nodeRules'>,
    storage: Storage,
    replica: ReplicatedState,
    {
      inspect = null,
      executed = () => undefined,
      disputed = () => undefined,
      withdrawn = () => undefined,
      condemned = () => undefined,
      trust = () => undefined,
      installed = () => undefined,
      snapshots = { notDrawn: () => undefined, refused: () => undefined, resumed: () => undefined },
      ...watchers
    }: Watchers = {},
  ) {
    const { self } = settings
    this.#storage = storage
    this.#snapshots = keeperOf(storage, snapshots)
    this.#executed = executed
    this.#disputed = disputed
    this.#withdrawn = withdrawn
    this.#condemned = condemned
    this.#keepTrust = trust
    this.#installed = installed
    this.#actors = new Actors({
      self,
      inspect,
      carryOut: (output) => this.#guarded(() => this.#core.carryOut(output)),
      write: (write) => this.#write(write),
      close: () => this.#outbound?.close(),
      fire: (run) => this.#fire(run),
      failed: (reason) => this.fail(reason),
    })
    this.#scope = new EventScope(self, this.#actors, watchers)
    this.#core = new NodeCore(settings, replica, this)
    this.ended = this.#actors.ended
    void storage.whenFailed.then(({ message }) => this.fail(message))
  }

  /** Begins to read the stored snapshot, before the node starts. */
  installation(): Installation {
    return this.#core.installation()
  }

  /** Executes the next of the stored chosen batches again, before the node starts. */
  recover(batches: readonly Batch[]): readonly ExecutedFact[] {
    return this.#core.recover(batches)
  }

  /** The next instance to be executed here. */
  get firstUnexecuted(): Instance {
    return this.#core.firstUnexecuted
  }

  /** True when the server `id`, with this directory, is a counted member. */
  isMember(id: NodeId, incarnation: string): boolean {
    return this.#core.isMember(id, incarnation)
  }

  /** Spawns the roles from the state on disk, and lets them send through `outbound`. */
  begin(
    opened: DurableState,
    outbound: Outbound,
    settings: { readonly timing: Timing; readonly limits: Limits; readonly randomSeed: number },
  ): void {
    const durable = durablePart(opened)
    this.#outbound = outbound
    this.#actors.start(this.#core.inputs(durable, settings))
    this.#scope.starts(durable)
    this.#happen(
      () => ({ type: 'start', randomSeed: settings.randomSeed }),
      () => this.#core.started(durable),
    )
  }

  /** The Lamport clock of the last event. */
  get clock(): number {
    return this.#scope.clock.now
  }

  /** The state and the context of a role; `undefined` before the roles are spawned. */
  snapshot(role: RoleName): RoleSnapshot | undefined {
    return this.#actors.snapshot(role)
  }

  /** The state of the node's machine. */
  get state(): string {
    return this.#actors.state
  }

  /** Where the servers differ, when no quorum of them agrees; otherwise `null`. */
  get dispute(): Difference | null {
    return this.#core.memory.audit.dispute
  }

  /** The number of pages that are being read for other servers, and of refused questions. */
  get pages(): PageReads['counters'] {
    return this.#pages.counters
  }

  /** What this server knows of the boots of the members, and which of them it does not count. */
  get trust(): Trust {
    return this.#core.memory.trust
  }

  /** Why this server sends nothing more; `null` while it takes part. */
  get whyWithdrawn(): string | null {
    return this.#core.memory.withdrawn
  }

  /** The address of the directory `addressee` of the server `id`. `last` says where the last message of that server came from. */
  addressOf(id: NodeId, addressee: string | null, last: HeardFrom | undefined): Address | undefined {
    return this.#core.addressOf(id, addressee, last)
  }

  /**
   * Handles a message of another server, which arrived from `from` and was sent at the Lamport clock `clock`. Only accepted
   * senders advance the clock: otherwise any sender could exhaust its range.
   */
  hear(sender: NodeId, message: NodeMessage, names: Names, from: Address, clock: number): void {
    const { clock: own } = this.#scope
    if (clock > own.now && this.#core.isHeard(sender, names)) own.follow(clock)
    this.#take({ type: 'hear', sender, names, from, message })
  }

  /** Handles requests or reads of a client. */
  request(message: ClientAsk, replyTo: Address): void {
    this.#take({ type: 'request', message, replyTo, timeMs: Date.now() })
  }

  /** Sends an event to a role. */
  dispatch(role: RoleName, event: RoleEvent): void {
    this.#take({ type: 'tell', role, event })
  }

  /**
   * Fires a timer of a role now, as the clock would. Returns `false` and does nothing when the timer is not armed in the role's
   * current state. The transition of each timer exits its state or enters it again. That cancels the armed timer, so the clock
   * does not fire it a second time.
   */
  fireTimer(role: RoleName, id: string): boolean {
    return this.#actors.fireTimer({ role, id })
  }

  /** Calls `changed` after each transition of a role, during its event, until the caller unsubscribes. */
  watch(role: RoleName, changed: () => void): { unsubscribe(): void } {
    return this.#actors.watch(role, changed)
  }

  /** Accepts no more requests and reads. Resolves when no batch and no read is in progress, or after `patienceMs`. `finish` ends the node. */
  async stop(patienceMs: number): Promise<void> {
    if (!this.#actors.isActive) return
    this.#actors.stop()
    this.dispatch('requestQueue', { type: 'node.stopping' })
    this.dispatch('reader', { type: 'node.stopping' })
    const isIdle = ({ value }: RoleSnapshot) => value === 'empty' || value === 'delayed'
    await Promise.all([
      this.#actors.settled('requestQueue', isIdle, patienceMs),
      this.#actors.settled('reader', ({ value }) => value === 'idle', patienceMs),
    ])
  }

  /** Ends the node normally. */
  finish(): void {
    this.#actors.finish()
  }

  /** Halts the node at once: it sends nothing more. */
  fail(reason: string): void {
    this.#outbound?.close()
    this.#actors.fail(reason)
  }

  deliver(role: RoleName, event: RoleEvent): void {
    this.#actors.deliver(role, event)
  }

  send(sent: SentMessage): void {
    this.#outbound?.send(sent)
    // A page that arrived is executed in this event, and the next one comes meanwhile. A journal has its line first.
    if (sent.message.type === 'learn' && !this.#scope.isJournaled) this.#outbound?.flush()
  }

  respond(to: Address, message: Respond['message']): void {
    this.#outbound?.respond(to, message)
  }

  persist(write: Write): void {
    this.#scope.persist(write)
  }

  read(page: PageRequest): void {
    const { to, incarnation, from } = page
    const answered = this.#pages.read(to, incarnation, async () => {
      const batches = await this.#storage.chosen(from, pageBytes)
      this.#take(pageRead(page, batches))
    })
    this.#unlessFailed(answered)
  }

  takeSnapshot(capture: Capture): void {
    const drawn = promised(this.#snapshots.draw(capture))
    this.#unlessFailed(drawn.then((snapshot) => this.#take(snapshotDrawn(snapshot))))
  }

  readChunks(request: ChunkRequest): void {
    const { to, incarnation } = request
    const answered = this.#pages.read(to, incarnation, async () => {
      const chunks = await promised(this.#snapshots.chunks(request))
      this.#take(chunksRead(request, chunks))
    })
    this.#unlessFailed(answered)
  }

  resumeSnapshot(snapshot: SnapshotName, begin: () => Installation): void {
    const resumed = promised(this.#snapshots.resume(snapshot, begin))
    this.#unlessFailed(resumed.then((keptBytes) => this.#take(snapshotResumed(snapshot, keptBytes))))
  }

  keepChunk(chunk: ReceivedChunk): void {
    const kept = promised(this.#snapshots.keep(chunk))
    this.#unlessFailed(kept.then(() => this.#take(chunkKept(chunk))))
  }

  checkSnapshot(snapshot: SnapshotName): void {
    const checked = promised(this.#snapshots.check(snapshot))
    this.#unlessFailed(checked.then((isSound) => this.#take(snapshotChecked(snapshot, isSound))))
  }

  checked(snapshot: SnapshotName): Installation {
    return this.#snapshots.checked(snapshot)
  }

  durable(): DurableState | null {
    return this.#scope.durable
  }

  nowMs(): number {
    return this.#scope.nowMs
  }

  heard(sender: NodeId, last: HeardFrom, isMember: boolean): void {
    this.#outbound?.heard(sender, last, isMember)
  }

  lastHeard(id: NodeId): HeardFrom | undefined {
    return this.#outbound?.lastHeard(id)
  }

  observe(fact: Fact): void {
    if (fact.type === 'executed') this.#executed(fact)
    if (fact.type === 'installed') {
      const learner = this.#actors.snapshot('learner')?.context as LearnerContext
      this.#installed(fact.snapshot, learner.peer)
    }
    this.#scope.observe(fact)
  }

  flag(oddity: Oddity, sender: NodeId): void {
    this.#outbound?.flag(oddity, sender)
  }

  keepTrust(trust: Trust): void {
    this.#keepTrust(trust)
  }

  disputed(dispute: Difference | null, executed: string): void {
    this.#disputed(dispute, executed)
  }

  withdrawn(reason: string): void {
    this.#withdrawn(reason)
  }

  halt(reason: string, isForEver: boolean): void {
    if (isForEver) this.#condemned(reason)
    this.fail(reason)
  }

  #write(write: Write): void {
    const written = this.#storage.persist(write)
    this.#unlessFailed(
      written.then(() => {
        const event = this.#core.eventAfter(write)
        if (event === null) return
        this.#scope.synced()
        this.#take(event)
      }),
    )
  }

  /** A storage that fails ends the node. */
  #unlessFailed(ended: Promise<unknown>): void {
    ended.catch((error: unknown) => this.fail(messageOf(error)))
  }

  /** A timer makes a role act in the same way as a datagram does, so its consequences are delivered in the same order. */
  #fire(run: () => void): void {
    this.#guarded(() => this.#scope.fire(() => this.#core.enter(run)))
  }

  #take(event: CoreEvent): void {
    this.#happen(
      () => event,
      () => this.#core.take(event),
    )
  }

  #happen(event: () => JournalEvent['event'], run: () => void): void {
    this.#guarded(() => this.#scope.happen(event, run))
  }

  /** An error here is a violated assertion: the node halts and reports the reason. */
  #guarded(run: () => void): void {
    if (!this.#actors.isActive) return
    try {
      run()
    } catch (error) {
      this.fail(messageOf(error))
    }
  }
}
