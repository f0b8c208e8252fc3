import type { Difference } from '../../machines/auditing.ts'
import type { Address, Batch, Instance, NodeId, RequestGroup } from '../../machines/batch.ts'
import { type Boot, nothingVoted, type Voted } from '../../machines/boot.ts'
import { bytesOf } from '../../machines/fetching.ts'
import {
  type CompareArrived,
  type HandOverArrived,
  type Heard,
  hearerOf,
  type LearnerEvent,
  type Names,
  type RoleEvent,
} from '../../machines/inbox.ts'
import type { Limits } from '../../machines/limits.ts'
import { isCounted, peersOf } from '../../machines/members.ts'
import type {
  Accept,
  Compare,
  Confirm,
  Confirmed,
  Exposure,
  HandOver,
  NodeMessage,
  ReadAnswer,
} from '../../machines/messages.ts'
import type { NodeInput } from '../../machines/node.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { Distrust, Output, Query, Respond, Send, Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { requestsIn } from '../../machines/taking.ts'
import type { Timing } from '../../machines/timing.ts'
import {
  type Audit,
  type AuditRules,
  auditRules,
  disputedReading,
  executionText,
  nothingExecuted,
  type Shown,
  withRefusals,
  withShown,
} from './audit.ts'
import { queuedBytes } from './command-bytes.ts'
import type { ChunkRequest, Driver, PageRequest, ReceivedChunk } from './driver.ts'
import type { DurableState } from './durable.ts'
import { type Elapsed, type ElapsedRules, elapsedRules } from './elapsed.ts'
import type { Fact } from './facts.ts'
import { jsonBytes } from './json-bytes.ts'
import type { NodeEvent } from './node-event.ts'
import { type NodeRules, nodeRules } from './node-rules.ts'
import type { HeardFrom } from './reach.ts'
import type { Installation, ReplicatedState } from './replicated-state.ts'
import { roleInputs } from './roles.ts'
import { Router } from './router.ts'
import {
  distrusting,
  exposuresOf,
  hasExposed,
  remembered,
  type Sender,
  type Trust,
  votedBy,
  votedIn,
} from './trust.ts'

/** An event of a running node that is the same in every engine. The driver handles starts, stops and timers. */
export type CoreEvent = Extract<NodeEvent, { type: 'hear' | 'request' | 'synced' | 'tell' }>

/** Reports that the replica executed a batch. */
export type ExecutedFact = Extract<Fact, { type: 'executed' }>

export interface CoreSettings {
  readonly self: NodeId
  readonly incarnation: string
  /** The present boot of the directory; omitted by engines that never copy a directory. */
  readonly boot?: Boot
  /** What was known of the boots of members in the run before; nothing by default. */
  readonly trust?: Trust
  /** Why this server sends nothing, as it had found in an earlier run; `null`, the default, while it takes part. */
  readonly withdrawn?: string | null
  /**
   * The number of instances between two digests of the replicated state; 0 for no digests. The cost of a digest grows with the
   * size of the state.
   */
  readonly digestEvery?: number
  readonly nodeRules?: NodeRules
  /** How a batch gets the time that it adds to the replicated clock. */
  readonly elapsedRules?: ElapsedRules
  /** How servers find out that their outcomes differ. */
  readonly auditRules?: AuditRules
}

/** What a node remembers between two events, beside its roles and its replica. */
export interface CoreMemory {
  readonly elapsed: Elapsed
  readonly audit: Audit
  readonly trust: Trust
  /** When each server was last told which directories were exposed. */
  readonly toldMs: Readonly<Record<NodeId, number>>
  /** How far this server had voted when it started. */
  readonly voted: Voted
  /** Why this server sends nothing more; `null` while it takes part. */
  readonly withdrawn: string | null
}

/** How long this server waits before it repeats to another one which directories it does not trust, in milliseconds. */
const remindEveryMs = 1_000

/** The most bytes of JSON of one message with the results of reads; a single result may be larger. */
const responseBytes = 48_000

/** The event that delivers a page to the learner that asked for it; `null` when its first batch was deleted. */
export function pageRead(page: PageRequest, batches: readonly Batch[] | null): CoreEvent {
  return tellLearner({ type: 'chosen.read', ...page, batches })
}

/** The event that delivers chunks of a snapshot to the learner; `null` when storage does not hold it. */
export function chunksRead(request: ChunkRequest, chunks: readonly string[] | null): CoreEvent {
  return tellLearner({ type: 'chunks.read', ...request, chunks })
}

/** The event after storage has prepared to keep a snapshot, of which it holds the first `keptBytes`. */
export function snapshotResumed(snapshot: SnapshotName, keptBytes: number): CoreEvent {
  return tellLearner({ type: 'snapshot.resumed', snapshot, keptBytes })
}

/** The event after a chunk was kept. */
export function chunkKept({ snapshot, offsetBytes, bytes }: ReceivedChunk): CoreEvent {
  return tellLearner({ type: 'chunk.kept', snapshot, endBytes: offsetBytes + bytesOf(bytes) })
}

/** The event after a received snapshot was checked. */
export function snapshotChecked(snapshot: SnapshotName, isSound: boolean): CoreEvent {
  return tellLearner({ type: 'snapshot.checked', snapshot, isSound })
}

/** The event after a picture was drawn and its bytes are durable; with `null`, it could not be drawn. */
export function snapshotDrawn(snapshot: SnapshotName | null): CoreEvent {
  return tellLearner({ type: 'snapshot.drawn', snapshot })
}

function tellLearner(event: LearnerEvent): CoreEvent {
  return { type: 'tell', role: 'learner', event }
}

/**
 * The part of a node that is the same for every driver. It delivers events to the roles, carries out their outputs, executes
 * chosen batches, and reports the facts.
 */
export class NodeCore {
  readonly #self: NodeId
  readonly #incarnation: string
  readonly #boot: Boot | undefined
  readonly #digestEvery: number
  readonly #rules: NodeRules
  readonly #elapsedRules: ElapsedRules
  readonly #auditRules: AuditRules
  readonly #replica: ReplicatedState
  readonly #driver: Driver
  readonly #router: Router
  #elapsed: Elapsed
  #trust: Trust
  /** When each server was last told which directories were exposed. */
  #toldMs: CoreMemory['toldMs']
  #voted: Voted
  /** The same object in every message, so that it is encoded once. */
  #shownBoot: Pick<Names, 'boot'>
  #withdrawn: string | null
  #audit: Audit
  /** The requests of the batches that were executed again at the start. */
  #requestsAgain = 0

  /** With `memory`, the node continues from that of another node object; without, it begins with nothing. */
  constructor(settings: CoreSettings, replica: ReplicatedState, driver: Driver, memory?: CoreMemory) {
    this.#self = settings.self
    this.#incarnation = settings.incarnation
    this.#boot = settings.boot
    this.#digestEvery = settings.digestEvery ?? 0
    this.#rules = settings.nodeRules ?? nodeRules
    this.#elapsedRules = settings.elapsedRules ?? elapsedRules
    this.#auditRules = settings.auditRules ?? auditRules
    this.#replica = replica
    this.#driver = driver
    this.#router = new Router((role, event) => driver.deliver(role, event))
    this.#elapsed = memory?.elapsed ?? this.#elapsedRules.begin(driver.nowMs())
    this.#audit = memory?.audit ?? nothingExecuted
    this.#trust = memory?.trust ?? remembered(settings.trust ?? [])
    this.#toldMs = memory?.toldMs ?? {}
    this.#voted = memory?.voted ?? nothingVoted
    this.#shownBoot = this.#shown()
    this.#withdrawn = memory?.withdrawn ?? settings.withdrawn ?? null
  }

  /**
   * Executes the next of the stored chosen batches again, before the node starts. Returns the facts, which the caller passes to
   * `started`.
   */
  recover(batches: readonly Batch[]): readonly ExecutedFact[] {
    this.#requestsAgain += requestsIn(batches)
    return batches.map((batch) => this.#executed(this.#replica.firstUnexecuted, batch))
  }

  /** Begins to read the stored snapshot, before the node starts. */
  installation(): Installation {
    return this.#replica.installation()
  }

  /** The inputs of the roles, after the stored snapshot was installed and all stored chosen batches above it were executed. `randomSeed` seeds the proposer's back-off. */
  inputs(
    durable: DurableState,
    settings: { readonly timing: Timing; readonly limits: Limits; readonly randomSeed: number },
  ): NodeInput {
    const recovered = this.#rules.recoveredFrom(this.#identity, this.#replica, durable)
    return roleInputs({ ...recovered, requestsSince: this.#requestsAgain }, settings)
  }

  /**
   * Starts the node from the state of its disk. All stored batches were proposed before now. Reports the facts `again` after the
   * start.
   */
  started(durable: DurableState, again: readonly Fact[] = []): void {
    const { self: node, incarnation } = this.#identity
    const { members } = this.#rules.recoveredFrom(this.#identity, this.#replica, durable)
    this.#elapsed = this.#elapsedRules.begin(this.#driver.nowMs())
    this.#voted = votedIn(durable)
    this.#shownBoot = this.#shown()
    this.#driver.observe({ type: 'started', node, incarnation, durable, members })
    for (const fact of again) this.#driver.observe(fact)
  }

  /** Handles an event: delivers it to its role, and then delivers all events that follow from it. */
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
        if (event.event.type === 'snapshot.held') this.#reportDurable()
        this.#router.dispatch(event.role, event.event)
        return
    }
    event satisfies never
  }

  /** Runs a function that makes a role act, such as its timer, and then delivers all events that follow from it. */
  enter(run: () => void): void {
    this.#router.enter(run)
  }

  /** Carries out an output of a role. */
  carryOut(output: Output): void {
    switch (output.type) {
      case 'send':
        this.#send(output)
        return
      case 'tell':
        this.#router.dispatch(output.role, this.#stamped(output.event))
        return
      case 'persist':
        this.#persist(output.write)
        return
      case 'execute':
        this.#execute(output.instance, output.batch)
        return
      case 'read': {
        const { to, incarnation, from } = output
        this.#driver.read({ to, incarnation, from })
        return
      }
      case 'takeSnapshot':
        this.#driver.takeSnapshot(this.#replica.capture())
        return
      case 'readChunks': {
        const { to, incarnation, snapshot, offsetBytes } = output
        this.#driver.readChunks({ to, incarnation, snapshot, offsetBytes })
        return
      }
      case 'resumeSnapshot':
        this.#driver.resumeSnapshot(output.snapshot, () => this.#replica.installation())
        return
      case 'keepChunk': {
        const { snapshot, offsetBytes, bytes } = output
        this.#driver.keepChunk({ snapshot, offsetBytes, bytes })
        return
      }
      case 'checkSnapshot':
        this.#driver.checkSnapshot(output.snapshot)
        return
      case 'installSnapshot':
        this.#install(output.snapshot)
        return
      case 'recall':
        this.#recall(output.groups)
        return
      case 'respond':
        this.#respond(output.to, output.message)
        return
      case 'query':
        this.#query(output)
        return
      case 'flag':
        this.#driver.flag(output.oddity, output.sender)
        return
      case 'halt': {
        const { reason, executedAt, isForEver = false } = output
        const executed = executedAt === undefined ? '' : `. Here, ${executionText(this.#audit, executedAt)}`
        this.#driver.halt(`${reason}${executed}`, isForEver)
        return
      }
      case 'refuse':
        this.#refuse(output.dispute)
        return
      case 'doubt':
        this.#audit = { ...this.#audit, isDoubted: output.isDoubted }
        return
      case 'distrust':
        this.#distrust(output)
        return
      case 'withdraw':
        this.#withdraw(output.reason)
        return
    }
    output satisfies never
  }

  /** The event that the node handles after `write` succeeded; `null` for none. */
  eventAfter(write: Write): CoreEvent | null {
    return this.#rules.eventAfterWrite(write)
  }

  /** False when `sender` is a stranger. */
  isHeard(sender: NodeId, names: Names): boolean {
    return this.#rules.isHeard(sender, names, this.#replica.members, this.#incarnation)
  }

  /** True when the server `id`, with this directory, is a counted member. */
  isMember(id: NodeId, incarnation: string): boolean {
    return isCounted(this.#replica.members, id, incarnation)
  }

  /**
   * The address of the directory `addressee` of the server `id`. `last` says where the last message of that server came from. See
   * `addressOf` in reach.ts.
   */
  addressOf(id: NodeId, addressee: string | null, last = this.#driver.lastHeard(id)): Address | undefined {
    return this.#rules.addressOf(id, addressee, this.#replica.members, last)
  }

  /** The next instance to be executed here. */
  get firstUnexecuted(): Instance {
    return this.#replica.firstUnexecuted
  }

  /** What the node remembers between two events: measurements for the time of batches, the latest executions, and the boots of members. */
  get memory(): CoreMemory {
    return {
      ...{ elapsed: this.#elapsed, audit: this.#audit, trust: this.#trust, voted: this.#voted },
      ...{ toldMs: this.#toldMs, withdrawn: this.#withdrawn },
    }
  }

  get #identity(): { readonly self: NodeId; readonly incarnation: string } {
    return { self: this.#self, incarnation: this.#incarnation }
  }

  /** Drops a message of a stranger: the node does not answer it and keeps no part of it. */
  #hear({ sender, message, names, from }: Extract<CoreEvent, { type: 'hear' }>): void {
    if (!this.isHeard(sender, names)) {
      this.#driver.flag('stranger', sender)
      return
    }
    const { incarnation, boot } = names
    const isMember = this.isMember(sender, incarnation)
    if (isMember && !this.#trusts({ node: sender, incarnation, boot, voted: votedBy(message) })) return
    if (this.#withdrawn !== null && message.type !== 'exposure') return
    const last: HeardFrom = { address: from, incarnation }
    this.#driver.heard(sender, last, isMember)
    // A reader that differs must not be confirmed. An accept may imply what this server still has to execute, and its vote waits for a sync.
    const shown = isMember ? digestIn(sender, message) : null
    if (shown !== null && message.type !== 'accept') this.#compare(shown)
    this.#bring(sender, message, names)
    if (shown !== null && message.type === 'accept') this.#compare(shown)
  }

  /**
   * Compares the digest of another server with this server's. It is about instances that are chosen, so it does not matter whether the
   * message is late or denied.
   */
  #compare(shown: Shown): void {
    const { audit, isDifferent } = withShown(
      this.#audit,
      shown,
      this.#replica.firstUnexecuted,
      this.#auditRules,
    )
    this.#audit = audit
    if (!isDifferent) return
    const { instance } = shown
    const own = this.#auditRules.digestsUpTo(this.#audit, instance) ?? []
    this.#router.dispatch('auditor', { type: 'difference.noticed', instance, own })
  }

  /** Compares the digest that has waited for an execution. */
  #compareAwaited(): void {
    const { awaited } = this.#audit
    if (awaited === null || awaited.instance >= this.#replica.firstUnexecuted) return
    this.#audit = { ...this.#audit, awaited: null }
    this.#compare(awaited)
  }

  /** The accept with the running digest of this server after the instance below, unless it does not know it. */
  #withDigest(accept: Accept): Accept {
    const { instance } = accept
    const { runningDigest, firstUnexecuted } = this.#replica
    const known = this.#auditRules.digestAfter(this.#audit, instance - 1)
    const digest = known ?? (instance === firstUnexecuted ? runningDigest : '')
    return digest === '' ? accept : { ...accept, digest }
  }

  /** The question or answer of a reader with the running digest of this server. */
  #showing<M extends Confirm | Confirmed>(message: M): M {
    const { runningDigest: digest, firstUnexecuted } = this.#replica
    return digest === '' ? message : { ...message, after: { instance: firstUnexecuted - 1, digest } }
  }

  /** The message as it is sent, with the digest of this server where it shows one. */
  #audited(message: NodeMessage): NodeMessage {
    switch (message.type) {
      case 'accept':
        return this.#withDigest(message)
      case 'confirm':
      case 'confirmed':
        return this.#showing(message)
      default:
        return message
    }
  }

  #refuse(dispute: Difference | null): void {
    if (dispute === this.#audit.dispute) return
    this.#audit = { ...this.#audit, dispute }
    this.#driver.disputed(dispute, dispute === null ? '' : executionText(this.#audit, dispute.instance))
  }

  /** False for a message of a member that must be dropped, because its directory is a copy or its boot has ended. */
  #trusts(sender: Sender): boolean {
    const { trust, verdict } = this.#rules.heardBoot(this.#trust, sender, this.#replica.members)
    this.#keepTrust(trust)
    switch (verdict) {
      case 'trusted':
        this.#remind(sender.node)
        return true
      case 'met':
        this.#exposeAll(sender.node)
        return true
      case 'late':
        this.#driver.flag('late', sender.node)
        return false
      case 'distrusted':
        this.#driver.flag('copied', sender.node)
        this.#expose([sender.node], this.#exposuresOf(sender.incarnation))
        return false
      case 'exposed':
        this.#exposed(sender, peersOf(this.#replica.members, this.#self))
        return false
    }
    return verdict satisfies never
  }

  #keepTrust(trust: Trust): void {
    if (trust === this.#trust) return
    this.#trust = trust
    this.#driver.keepTrust(trust)
  }

  #exposuresOf(incarnation: string): readonly Exposure[] {
    return exposuresOf(this.#trust).filter(({ directory }) => directory === incarnation)
  }

  /** Datagrams get lost: repeats to a server that speaks which directories this one does not trust. */
  #remind(node: NodeId): void {
    const toldMs = this.#toldMs[node] ?? Number.NEGATIVE_INFINITY
    if (hasExposed(this.#trust) && this.#driver.nowMs() - toldMs >= remindEveryMs) this.#exposeAll(node)
  }

  /** Tells a server which directories were exposed, and these directories, too: they may be silent, and this server may have started since. */
  #exposeAll(to: NodeId): void {
    if (!hasExposed(this.#trust)) return
    this.#toldMs = { ...this.#toldMs, [to]: this.#driver.nowMs() }
    const exposures = exposuresOf(this.#trust)
    const exposed = exposures.map(({ node }) => node).filter((node) => node !== to)
    this.#expose([to, ...exposed], exposures)
  }

  /** Has the auditor send `exposures` to these servers. */
  #expose(to: readonly NodeId[], exposures: readonly Exposure[]): void {
    if (exposures.length > 0) this.#router.dispatch('auditor', { type: 'exposure.wanted', to, exposures })
  }

  /** Believes another server, once. The exposed server hears it from this one, too: it halts when a quorum has proof. */
  #distrust({ node, incarnation, one, other }: Distrust): void {
    const known = this.#trust.find((directory) => directory.incarnation === incarnation)
    if (!this.isMember(node, incarnation) || (known !== undefined && known.distrust !== null)) return
    this.#keepTrust(distrusting(this.#trust, { node, incarnation }, { one, other }, this.#replica.members))
    this.#exposed({ node, incarnation }, [node])
  }

  /** Gives up what depends on a directory that is distrusted from now on, and has these servers informed. */
  #exposed(
    { node, incarnation }: { readonly node: NodeId; readonly incarnation: string },
    to: readonly NodeId[],
  ): void {
    this.#driver.flag('copied', node)
    this.#router.dispatch('proposer', { type: 'server.exposed', sender: node })
    this.#expose(to, this.#exposuresOf(incarnation))
  }

  #withdraw(reason: string): void {
    this.#withdrawn = reason
    this.#driver.withdrawn(reason)
  }

  /** Delivers a message of a server, possibly of this one, to the role that handles it. */
  #bring(sender: NodeId, message: NodeMessage, { incarnation, addressee }: Names): void {
    if (message.type === 'accept' && this.isMember(sender, incarnation)) {
      const { instance, batch } = message
      this.#elapsed = this.#elapsedRules.withSight(this.#elapsed, instance, batch, this.#driver.nowMs())
    }
    const knowsUs = addressee === this.#incarnation
    const heard: Heard<NodeMessage> = {
      ...message,
      ...{ sender, incarnation, knowsUs },
      atMs: this.#driver.nowMs(),
    }
    this.#router.dispatch(hearerOf(message), this.#arrived(heard))
  }

  /** The event for a message, with what the role needs to know of the replica. */
  #arrived(heard: Heard<NodeMessage>): RoleEvent {
    switch (heard.type) {
      case 'handOver':
        return this.#handOver(heard)
      case 'compare':
        return this.#asked(heard)
      default:
        return heard as RoleEvent
    }
  }

  #asked(heard: Heard<Compare>): CompareArrived {
    return { ...heard, own: this.#auditRules.digestsUpTo(this.#audit, heard.instance) }
  }

  #handOver(heard: Heard<HandOver>): HandOverArrived {
    return {
      ...heard,
      commandBytes: heard.groups.map(({ requests }) => requests.map(({ command }) => queuedBytes(command))),
      recalled: heard.groups.map(({ uid, requests }) => this.#replica.recall(uid, requests)),
      firstUnexecuted: this.#replica.firstUnexecuted,
    }
  }

  #request({ message, replyTo, timeMs }: Extract<CoreEvent, { type: 'request' }>): void {
    // The client receives no answer, and goes to another server.
    if (this.#withdrawn !== null) return
    if (message.type === 'read') {
      this.#router.dispatch('reader', {
        ...message,
        replyTo,
        atMs: this.#driver.nowMs(),
        bodyBytes: message.reads.map(({ body }) => queuedBytes({ kind: 'service', body })),
      })
      return
    }
    const { uid, requests } = message
    this.#router.dispatch('requestQueue', {
      ...message,
      replyTo,
      receivedAtMs: timeMs,
      atMs: this.#driver.nowMs(),
      commandBytes: requests.map(({ command }) => queuedBytes(command)),
      recalled: withRefusals(this.#replica.recall(uid, requests), requests, this.#audit),
    })
  }

  #respond(to: Address, message: Respond['message']): void {
    if (this.#withdrawn !== null) return
    // The client asks again, and the outcome is recorded.
    if (message.type === 'response' && this.#auditRules.isHeldBack(this.#audit)) return
    this.#driver.observe({ type: 'responded', node: this.#self, to, message })
    this.#driver.respond(to, message)
  }

  /** Answers reads from the present state, in messages of bounded size. */
  #query({ to, uid, reads }: Query): void {
    let answers: ReadAnswer[] = []
    let bytes = 0
    for (const { seq, body } of reads) {
      const outcome = disputedReading(this.#audit, this.#replica.firstUnexecuted) ?? this.#replica.read(body)
      const answer = { seq, outcome }
      const size = jsonBytes(answer)
      if (answers.length > 0 && bytes + size > responseBytes) {
        this.#respond(to, { type: 'response', uid, answers })
        answers = []
        bytes = 0
      }
      answers.push(answer)
      bytes += size
    }
    if (answers.length > 0) this.#respond(to, { type: 'response', uid, answers })
  }

  #reportDurable(): void {
    const durable = this.#driver.durable()
    if (durable !== null) this.#driver.observe({ type: 'synced', node: this.#self, durable })
  }

  #synced(): void {
    this.#reportDurable()
    this.#router.dispatch('acceptor', { type: 'persisted' })
  }

  #send({ to, incarnation: meant, message: said }: Send): void {
    if (this.#withdrawn !== null) return
    if ((said.type === 'accepted' || said.type === 'confirmed') && this.#auditRules.isDenied(this.#audit, to))
      return
    const message = this.#audited(said)
    this.#driver.observe({ type: 'said', node: this.#self, to, message })
    const incarnation = this.#incarnation
    if (to === this.#self) {
      this.#bring(to, message, { incarnation, addressee: incarnation })
      return
    }
    const addressee = meant ?? this.#replica.members.find(({ id }) => id === to)?.incarnation ?? null
    const address = this.addressOf(to, addressee)
    if (address !== undefined)
      this.#driver.send({ to, address, message, names: { incarnation, addressee, ...this.#shownBoot } })
  }

  #shown(): Pick<Names, 'boot'> {
    return this.#boot === undefined ? {} : { boot: { ...this.#boot, voted: this.#voted } }
  }

  /** Stamps a batch that goes to the proposer with the time that it adds. */
  #stamped(event: RoleEvent): RoleEvent {
    if (event.type !== 'batch.offered') return event
    const atMs = this.#driver.nowMs()
    const { elapsed, batch } = this.#elapsedRules.withStamp(this.#elapsed, event.batch, atMs)
    this.#elapsed = elapsed
    return { ...event, batch, atMs }
  }

  #execute(instance: Instance, batch: Batch): void {
    const hadDeadline = this.#replica.deadlineMs !== null
    const fact = this.#executed(instance, batch)
    this.#driver.observe(fact)
    this.#compareAwaited()
    this.#elapsed = this.#elapsedRules.withExecution(this.#elapsed, instance, batch, this.#driver.nowMs())
    const atMs = this.#driver.nowMs()
    const time = {
      ...{ atMs, hadDeadline, proposedBy: batch.node, clockMs: this.#replica.clockMs },
      passedMs: atMs - this.#elapsed.sinceMs,
    }
    for (const { role, event } of this.#rules.tasksAfterExecution(fact.execution, time)) {
      this.#router.dispatch(role, event)
    }
  }

  #persist(write: Write): void {
    if (write.by === 'snapshot') {
      this.#driver.observe({ type: 'stored', node: this.#self, snapshot: write.snapshot })
    }
    this.#driver.persist(write)
  }

  /** Nobody knows when the batch below the snapshot was first seen, so the next batch adds no time. */
  #install(snapshot: SnapshotName): void {
    const before = { members: this.#replica.members, hadDeadline: this.#replica.deadlineMs !== null }
    this.#driver.checked(snapshot, () => this.#replica.installation()).install()
    this.#elapsed = this.#elapsedRules.begin(this.#driver.nowMs())
    const { members } = this.#replica
    this.#driver.observe({ type: 'installed', node: this.#self, snapshot, members })
    for (const { role, event } of this.#rules.tasksAfterInstallation(this.#self, this.#replica, before)) {
      this.#router.dispatch(role, event)
    }
  }

  #recall(groups: readonly RequestGroup[]): void {
    const ended = groups.flatMap(({ uid, requests }) =>
      this.#replica.recall(uid, requests).ended.map((answer) => ({ uid, ...answer })),
    )
    this.#driver.observe({ type: 'recalled', node: this.#self, ended })
    this.#router.dispatch('requestQueue', { type: 'requests.recalled', ended })
  }

  #executed(instance: Instance, batch: Batch): ExecutedFact {
    const execution: Execution = this.#replica.execute(instance, batch)
    const folded = this.#auditRules.folded(this.#replica.runningDigest, execution)
    this.#replica.runningDigest = folded.digest
    this.#audit = this.#auditRules.withExecution(this.#audit, folded, batch, execution)
    const isDue = this.#digestEvery > 0 && instance % this.#digestEvery === 0
    const digest = isDue ? this.#replica.digest() : null
    return { type: 'executed', node: this.#self, instance, batch, execution, digest }
  }
}

/** The digest that a message of `node` shows; `null` for none. */
function digestIn(node: NodeId, message: NodeMessage): Shown | null {
  switch (message.type) {
    case 'accept':
      return message.digest === undefined
        ? null
        : { node, instance: message.instance - 1, digest: message.digest }
    case 'confirm':
    case 'confirmed':
      return message.after === undefined ? null : { node, ...message.after }
    default:
      return null
  }
}
