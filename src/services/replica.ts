/** The replicated state of one server: the service's state, and the sessions that make each request execute once. */
import type {
  Batch,
  BatchGroup,
  Command,
  Instance,
  Json,
  NodeId,
  Request,
  SessionCommand,
} from '../../machines/batch.ts'
import type { Recalled } from '../../machines/inbox.ts'
import {
  maxClockMs,
  type ReplicatedLimits,
  replicatedLimits,
  serviceLimits,
  sessionPage,
} from '../../machines/limits.ts'
import { type Member, shownMembers } from '../../machines/members.ts'
import type { Answer } from '../../machines/messages.ts'
import type { Execution, FiredTimer, Outcome, Position, RequestOutcome } from '../../machines/outcome.ts'
import { sha256Hex } from '../core/digest.ts'
import { isOpeningName, openedAtInstance, uidOpenedAt } from '../core/names.ts'
import { isPlainText, sessionOf } from '../core/plain-text-client.ts'
import { resultIn } from './answer.ts'
import { type KeptCommand, keptCommand } from './kept-command.ts'
import { changeMembers, inOrderOfId } from './membership.ts'
import { compareEnds, endedOutcome, executed, failed, sessionHasEnded } from './outcomes.ts'
import { reasonOfFailure } from './reason.ts'
import { type ReplicaView, replicaViewOf } from './replica-view.ts'
import { type Service, type ServiceView, type Time, viewRows } from './service.ts'
import { ServiceHost } from './service-host.ts'
import { type Session, Sessions } from './sessions.ts'
import { decodeSnapshot, encodeSnapshot, type SessionSnapshot, sessionSnapshots } from './snapshot.ts'
import { type Waiting, WaitingCounts } from './waiting.ts'

export interface ReplicaOptions {
  readonly service: Service
  /** The members at instance 0. */
  readonly members: readonly Member[]
  /**
   * The uids of sessions that are open from the start, for clients that open none, as in a schedule. Must be the same on every server. By
   * default none.
   */
  readonly sessions?: readonly string[]
  /**
   * The ttl of those of `sessions` that end by themselves, in milliseconds, by uid. Their public ids must differ. Must be the same on
   * every server. By default none.
   */
  readonly ttlsMs?: Readonly<Record<string, number>>
  /** How much the replica may keep. Must be the same on every server; only tests change it. */
  readonly limits?: ReplicatedLimits
  /** Called with the error when a bug in the service fails a request. The reason of the request may contain only its kind. */
  readonly mistaken?: (thrown: unknown) => void
}

/** The use of a bounded resource. */
export type Usage = { readonly used: number; readonly allowed: number }

export type ReplicaUsage = Readonly<
  Record<'members' | 'sessions' | 'plainTextSessions' | 'waiting' | 'resultBytes' | 'timers', Usage>
>

/** One request at its position in a batch. */
interface Turn extends Position {
  readonly session: Session
  /** The session's uid; in plain text, one of the uids that belong to the session. */
  readonly uid: string
  readonly seq: number
  /** `null` when the request itself was never chosen. */
  readonly kept: KeptCommand | null
  /** The server whose queue held the request. */
  readonly node: NodeId
}

/** Collects the effects of the execution of one batch. */
interface Tally {
  /** The time of the batch. */
  readonly time: Time
  readonly fired: FiredTimer[]
  readonly endedSessions: string[]
  readonly outcomes: RequestOutcome[]
  readonly freed: Set<string>
  /** The servers that hold a request of the batch, or held a delayed one that ended. */
  readonly concerned: Set<NodeId>
  progressed: boolean
  /** A deadline that other servers keep too has passed. */
  deadlinePassed: boolean
}

type Ending = RequestOutcome['outcome']

/** What a change of the service causes outside of it. */
interface Effects {
  readonly freed: readonly string[]
  readonly revoked: readonly string[]
}

/** The longest random name of an `open`: the uid that is built on it must be a valid uid. */
const longestOpeningName = 64

/**
 * A request in plain text waits under its last uid and so many earlier ones. Uids before them belong to copies of long ago.
 */
const mostOtherUids = 7
const noUids: readonly string[] = []

const nothingRecalled: Recalled = { ended: [], isFull: false }

export class Replica {
  readonly #service: ServiceHost
  readonly #limits: ReplicatedLimits
  readonly #mistaken: (thrown: unknown) => void
  readonly #sessions: Sessions
  readonly #waiting = new WaitingCounts()
  #members: readonly Member[]
  #firstUnexecuted: Instance = 0
  #clockMs = 0

  constructor(options: ReplicaOptions) {
    const { service, members, sessions = [], ttlsMs = {}, limits = replicatedLimits } = options
    this.#limits = limits
    this.#mistaken = options.mistaken ?? (() => undefined)
    this.#service = new ServiceHost({ service, mostTimers: limits.timers, mistaken: this.#mistaken })
    this.#sessions = new Sessions(limits)
    for (const uid of sessions) this.#sessions.open(uid, ttlsMs[uid] ?? null, 0)
    this.#members = inOrderOfId(members)
  }

  /** The name of the service that it runs. */
  get serviceName(): string {
    return this.#service.name
  }

  /** The members that are valid from `firstUnexecuted` on, in order of id. */
  get members(): readonly Member[] {
    return this.#members
  }

  /** The next instance to execute. */
  get firstUnexecuted(): Instance {
    return this.#firstUnexecuted
  }

  /** The replicated clock: the sum of `elapsedMs` of all executed batches. */
  get clockMs(): number {
    return this.#clockMs
  }

  /** The earliest deadline of a timer, or of a session for which something is kept, on the replicated clock; `null` when there is none. */
  get deadlineMs(): number | null {
    return earlier(this.#service.deadlineMs, this.#sessions.deadlineMs)
  }

  /** The number of delayed requests at all servers together. */
  get waitingCount(): number {
    return this.#waiting.total
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  /**
   * The use of each bounded resource. `resultBytes` is the approximate size of the results that no client has acknowledged.
   */
  get usage(): ReplicaUsage {
    const { members, sessions, plainTextSessions, waiting, resultBytes, timers } = this.#limits
    return {
      members: { used: this.#members.length, allowed: members },
      sessions: { used: this.#sessions.size, allowed: sessions },
      plainTextSessions: { used: this.#sessions.plainTextCount, allowed: plainTextSessions },
      waiting: { used: this.#waiting.total, allowed: waiting },
      resultBytes: { used: this.#sessions.results.bytes, allowed: resultBytes },
      timers: { used: this.#service.timerCount, allowed: timers },
    }
  }

  /** Executes a chosen batch. Throws, without any change, unless `instance` is `firstUnexecuted`. */
  execute(instance: Instance, batch: Batch): Execution {
    // No message can cause this: for any input, the learner has batches executed in order, each once.
    if (instance !== this.#firstUnexecuted) {
      throw new Error(`instance ${instance} is not the next instance to execute: ${this.#firstUnexecuted} is`)
    }
    this.#clockMs = Math.min(this.#clockMs + batch.elapsedMs, maxClockMs)
    const time = { instance, clockMs: this.#clockMs }
    const tally: Tally = {
      ...{ time, fired: [], endedSessions: [], outcomes: [], freed: new Set(), concerned: new Set() },
      ...{ progressed: false, deadlinePassed: false },
    }
    const membersBefore = this.#members
    const timerBefore = this.#service.deadlineMs
    this.#sessions.evictIdle(this.#clockMs)
    this.#passDeadlines(tally)
    let index = 0
    for (const group of batch.groups) {
      this.#executeGroup(tally, group, { instance, index })
      index += group.requests.length
    }
    this.#firstUnexecuted += 1
    const freed = [...tally.freed].filter((key) => this.#waiting.has(key))
    for (const key of tally.progressed ? [...freed, null] : freed) {
      for (const node of this.#waiting.nodesFor(key)) tally.concerned.add(node)
    }
    const { fired, endedSessions, outcomes, progressed } = tally
    // Each server keeps the deadlines: one that has passed it would propose at otherwise, and the earlier one of a timer it may not
    // know. The deadline of a session concerns only those whose requests wait for its end: they know it.
    const concernsAll = tally.deadlinePassed || isSooner(this.#service.deadlineMs, timerBefore)
    return {
      ...{ instance, fired, endedSessions, outcomes, freed, progressed },
      deadlineMs: this.deadlineMs,
      concerned: this.#members.map(({ id }) => id).filter((id) => concernsAll || tally.concerned.has(id)),
      members: this.#members === membersBefore ? null : this.#members,
    }
  }

  /**
   * Returns how the requests ended that have ended or are refused already, and whether there is room for their session. The other
   * requests wait, or a server must still propose them.
   */
  recall(uid: string, requests: readonly Request[]): Recalled {
    const session = this.#sessions.get(sessionOf(uid))
    if (session === undefined) {
      const isText = isPlainText(uid)
      if (isText || requests.some(isOpen)) return { ended: [], isFull: this.#sessions.isFull(isText) }
      if (!this.#hasEnded(uid)) return nothingRecalled
      return { ended: requests.map(({ seq }) => ({ seq, outcome: sessionHasEnded })), isFull: false }
    }
    // A result that this server holds may be out of date. The replica decides at the execution whether it still holds.
    if (isPlainText(uid)) return nothingRecalled
    const ended: Answer[] = []
    for (const { seq, command } of requests) {
      const outcome = endedOutcome(session, seq, command)
      if (outcome !== null) ended.push({ seq, outcome })
    }
    return ended.length === 0 ? nothingRecalled : { ended, isFull: false }
  }

  /** Returns a view of the service's state, or the reason why the service cannot show it. Never throws. */
  view(): ServiceView {
    return this.#service.view()
  }

  /** Returns a view of the state around the service: the clock, the sessions and the timers. */
  ownView(): ReplicaView {
    return replicaViewOf({
      clockMs: this.#clockMs,
      deadlineMs: this.deadlineMs,
      sessions: this.#sessions.first(viewRows),
      sessionCount: this.#sessions.size,
      holds: (uid) => this.#service.holds(uid),
      timers: this.#service.firstTimers(viewRows),
      timerCount: this.#service.timerCount,
    })
  }

  /** Returns the whole replicated state as bytes. Servers that have executed the same batches have the same bytes. */
  snapshot(): Uint8Array {
    return encodeSnapshot({
      service: this.#service.name,
      firstUnexecuted: this.#firstUnexecuted,
      clockMs: this.#clockMs,
      members: this.#members,
      sessions: sessionSnapshots(this.#sessions.all()),
      timers: this.#service.timers,
      state: this.#service.snapshot(),
    })
  }

  /** Makes the replica from the snapshot `bytes`. Throws when they are not a snapshot of a replica of `service`. */
  static restore(service: Service, bytes: Uint8Array, limits: ReplicatedLimits = replicatedLimits): Replica {
    const { members, sessions, timers, ...rest } = decodeSnapshot(service.name, bytes)
    const replica = new Replica({ service, members, limits })
    replica.#service.restore(rest.state, timers)
    replica.#firstUnexecuted = rest.firstUnexecuted
    replica.#clockMs = rest.clockMs
    // A snapshot does not store the order of last use: the times give it.
    for (const session of [...sessions].sort((a, b) => a.lastClockMs - b.lastClockMs)) {
      replica.#restoreSession(session)
    }
    replica.#restoreResults(sessions)
    return replica
  }

  /** Returns the SHA-256 of the snapshot, in hexadecimal. Servers with equal `firstUnexecuted` must have equal digests. */
  digest(): string {
    return sha256Hex(this.snapshot())
  }

  #restoreSession({ uid, ttlMs, deadlineMs, isKept, waiting, lastClockMs, ...rest }: SessionSnapshot): void {
    const session = this.#sessions.open(uid, ttlMs, (deadlineMs ?? 0) - (ttlMs ?? 0))
    session.isRevoked = rest.isRevoked
    session.touchedSeq = rest.touchedSeq
    session.ackedBelow = rest.ackedBelow
    session.forgottenBelow = rest.forgottenBelow
    for (const [seq, node, key, digest, uids] of waiting) {
      this.#setWaiting(session, seq, { node, key, command: digest, ...(uids && { uids }) })
    }
    this.#sessions.keep(session, isKept)
    if (isPlainText(uid)) this.#sessions.usePlainText(session, lastClockMs)
  }

  /**
   * Restores results in the order in which they ended, which is the order of their positions. It decides which are evicted
   * first.
   */
  #restoreResults(sessions: readonly SessionSnapshot[]): void {
    const results = sessions.flatMap(({ uid, ended }) => ended.map((result) => ({ uid, result })))
    for (const { uid, result } of results.sort((a, b) => compareEnds(a.result[1], b.result[1]))) {
      const [seq, outcome, digest] = result
      const session = this.#sessions.get(uid)
      if (session !== undefined) this.#sessions.results.keep(session, seq, outcome, digest)
    }
  }

  /**
   * Fires the timers and ends the sessions that are due, in the order of their deadlines: so many at once that the servers do not stand
   * still for long. The next batches continue.
   */
  #passDeadlines(tally: Tally): void {
    const { time, fired: firedTimers, endedSessions } = tally
    while (firedTimers.length + endedSessions.length < this.#limits.deadlines) {
      const session = this.#sessions.firstDue(time.clockMs)
      const endsMs = session?.deadlineMs ?? Number.POSITIVE_INFINITY
      if (session !== null && endsMs < (this.#service.deadlineMs ?? Number.POSITIVE_INFINITY)) {
        this.#endSession(tally, session)
        continue
      }
      const fired = this.#service.fireDue(time)
      if (fired === null) return
      const { name, failed } = fired
      tally.deadlinePassed = true
      if (failed === null) this.#noteProgress(tally, fired)
      tally.fired.push({ name, failed })
    }
  }

  /** Ends the session: first its delayed requests, then what the service keeps for it. */
  #endSession(tally: Tally, session: Session): void {
    const { uid } = session
    if (session.isKept) tally.deadlinePassed = true
    this.#sessions.remove(session)
    tally.endedSessions.push(uid)
    const delayed = this.#sessions.takeWaiting(session, 0, Number.POSITIVE_INFINITY)
    for (const waiting of delayed) {
      this.#waiting.remove(waiting)
      tally.concerned.add(waiting.node)
      tally.outcomes.push({ uid, seq: waiting.seq, outcome: sessionHasEnded })
      this.#requestEnded(tally, uid, waiting.seq)
    }
    const change = this.#service.sessionEnded(uid, tally.time)
    if (change !== null) this.#noteProgress(tally, change)
  }

  /** True when the session `uid` is unknown and this server has executed the batch that opened it. */
  #hasEnded(uid: string): boolean {
    const openedAt = openedAtInstance(uid)
    return openedAt !== null && openedAt < this.#firstUnexecuted
  }

  /** Executes the requests of a group, the first of which is at `first`. */
  #executeGroup(tally: Tally, group: BatchGroup, first: Position): void {
    const { uid, ackedBelow, heldBy, requests } = group
    tally.concerned.add(heldBy)
    if (isPlainText(uid)) {
      this.#executePlainTexts(tally, group, first)
      return
    }
    const session = this.#liveSession(tally, uid)
    if (session === undefined) {
      requests.forEach(({ seq, command }, offset) => {
        const position = { instance: first.instance, index: first.index + offset }
        tally.outcomes.push({ uid, seq, outcome: this.#openedBy(uid, command, position) })
      })
      return
    }
    this.#acknowledge(tally, session, ackedBelow)
    requests.forEach(({ seq, command }, offset) => {
      const turn = { instance: first.instance, index: first.index + offset, session, uid, seq, node: heldBy }
      this.#executeOnce(tally, command, turn)
    })
    this.#sessions.keep(session, session.waiting.size > 0 || this.#service.holds(uid))
  }

  /** The session `uid`, unless it has ended, or ends now: it may be due and not have had its turn. */
  #liveSession(tally: Tally, uid: string): Session | undefined {
    const session = this.#sessions.get(uid)
    if (session?.deadlineMs == null || session.deadlineMs > this.#clockMs) return session
    this.#endSession(tally, session)
    return undefined
  }

  #executePlainTexts(tally: Tally, { uid, heldBy, requests }: BatchGroup, first: Position): void {
    const known = this.#sessions.get(sessionOf(uid))
    if (known === undefined && this.#sessions.isFull(true)) {
      const outcome = { kind: 'full', of: 'sessions' } as const
      for (const { seq } of requests) tally.outcomes.push({ uid, seq, outcome })
      return
    }
    const session = known ?? this.#sessions.open(sessionOf(uid), null, this.#clockMs)
    requests.forEach(({ seq, command }, offset) => {
      const { instance } = first
      const turn = { instance, index: first.index + offset, session, uid, seq, node: heldBy, kept: uid }
      this.#executePlainText(tally, command, turn)
    })
  }

  /** The outcome of a request without a session: only `open` is executed. A copy of it opens another session, which lapses. */
  #openedBy(uid: string, command: Command, position: Position): Ending {
    if (command.kind !== 'open' || !isOpeningName(uid) || uid.length > longestOpeningName)
      return sessionHasEnded
    if (this.#sessions.isFull(false)) return { kind: 'full', of: 'sessions' }
    const session = this.#sessions.open(uidOpenedAt(uid, position), command.ttlMs, this.#clockMs)
    return executed(position, { uid: session.uid, ttlMs: command.ttlMs })
  }

  /** Ends the delayed requests below `ackedBelow`. Their outcomes make the queues that hold them drop them. */
  #acknowledge(tally: Tally, session: Session, ackedBelow: number): void {
    for (const waiting of this.#sessions.acknowledge(session, ackedBelow)) {
      this.#waiting.remove(waiting)
      tally.concerned.add(waiting.node)
      const outcome = { kind: 'refused', reason: 'stale' } as const
      tally.outcomes.push({ uid: session.uid, seq: waiting.seq, outcome })
      this.#requestEnded(tally, session.uid, waiting.seq)
    }
  }

  #executeOnce(tally: Tally, command: Command, turn: Omit<Turn, 'kept'>): void {
    const { session, uid, seq } = turn
    const known =
      this.#sessions.get(uid) === undefined ? sessionHasEnded : endedOutcome(session, seq, command)
    if (known !== null) {
      tally.outcomes.push({ uid, seq, outcome: known })
      return
    }
    // A delayed request that its server proposes again is no sign of life of its client.
    if (!session.waiting.has(seq)) this.#sessions.touch(session, this.#clockMs)
    this.#executeCommand(tally, command, { ...turn, kept: keptCommand(command) })
  }

  /**
   * Executes a request in plain text: a new request, or the repetition of one that waits or has ended, which a server
   * proposed under another uid. A repetition does not run again. It does not prolong its session either; once the session
   * is evicted, the same text is a new request.
   */
  #executePlainText(tally: Tally, command: Command, turn: Turn): void {
    const { session, uid, seq } = turn
    const ended = session.ended.get(seq)
    if (ended !== undefined) {
      const outcome = ended.command === uid ? ended.outcome : this.#repeated(command, ended.outcome)
      tally.outcomes.push({ uid, seq, outcome })
    } else if (seq < session.forgottenBelow && !session.waiting.has(seq)) {
      tally.outcomes.push({ uid, seq, outcome: { kind: 'refused', reason: 'forgotten' } })
    } else {
      this.#executeCommand(tally, command, turn)
      this.#sessions.usePlainText(session, this.#clockMs)
    }
  }

  /** The outcome of a repetition of a request that ended with `outcome`: its result is repeated only while it still holds. */
  #repeated(command: Command, outcome: Outcome): Outcome {
    if (outcome.kind !== 'executed' || command.kind !== 'service')
      return { kind: 'refused', reason: 'expired' }
    return {
      kind: 'refused',
      reason: this.#service.stillHolds(command.body, outcome.result) ? 'repeated' : 'expired',
    }
  }

  #executeCommand(tally: Tally, command: Command, turn: Turn): void {
    switch (command.kind) {
      case 'service':
        this.#end(tally, turn, this.#executeService(tally, command.body, turn))
        return
      case 'members':
        this.#end(
          tally,
          turn,
          this.#attempt(turn, () => {
            this.#members = changeMembers(this.#members, command.change)
            return executed(turn, { members: shownMembers(this.#members).map((member) => ({ ...member })) })
          }),
        )
        return
      case 'cancel':
        this.#cancel(tally, command.seq, turn)
        return
      case 'open':
      case 'touch':
      case 'end':
      case 'sessions':
        this.#executeSessionCommand(tally, command, turn)
        return
    }
    command satisfies never
  }

  #executeSessionCommand(tally: Tally, command: SessionCommand, turn: Turn): void {
    const { session } = turn
    switch (command.kind) {
      case 'open':
        this.#end(
          tally,
          turn,
          failed(turn, 'the request belongs to a session: only a request without one opens one'),
        )
        return
      case 'touch':
        this.#sessions.recordTouch(session, turn.seq)
        this.#end(tally, turn, executed(turn, { revoked: session.isRevoked }))
        return
      case 'end':
        this.#executeEnd(tally, command, turn)
        return
      case 'sessions':
        this.#end(tally, turn, executed(turn, { sessions: this.#listed(command.after ?? null) }))
        return
    }
    command satisfies never
  }

  #executeEnd(
    tally: Tally,
    { session: id, now = false }: SessionCommand & { kind: 'end' },
    turn: Turn,
  ): void {
    const other = id === undefined ? turn.session : this.#sessions.withId(id)
    if (other !== undefined && other !== turn.session) other.isRevoked = true
    const endsInMs = other?.deadlineMs == null ? null : other.deadlineMs - this.#clockMs
    const endsNow = other === turn.session || now
    this.#end(tally, turn, executed(turn, { found: other !== undefined, endsInMs: endsNow ? 0 : endsInMs }))
    if (other !== undefined && endsNow) this.#endSession(tally, other)
  }

  #listed(after: string | null): Json[] {
    return this.#sessions.openedAfter(after, sessionPage).map((session) => ({
      id: session.id,
      ttlMs: session.ttlMs,
      endsInMs: (session.deadlineMs ?? 0) - this.#clockMs,
      revoked: session.isRevoked,
      waiting: session.waiting.size,
      holds: this.#service.holds(session.uid),
    }))
  }

  #executeService(tally: Tally, body: Json, turn: Turn): Ending {
    const { index, session, seq } = turn
    // Not by a spread, which takes as long as the rest of this method.
    const { instance, clockMs } = tally.time
    const moment = { instance, clockMs, index, uid: session.uid, seq, ttlMs: session.ttlMs }
    const ending = this.#service.execute(body, moment, () => this.#mayWait(turn))
    switch (ending.kind) {
      case 'executed':
        this.#noteProgress(tally, ending)
        return executed(turn, ending.result)
      case 'delayed':
        this.#revoke(ending.revoked)
        return { kind: 'delayed', key: ending.key }
      case 'failed':
        return failed(turn, ending.reason)
      case 'full':
        return ending
    }
    ending satisfies never
  }

  /** Notes that the service changed its state. */
  #noteProgress(tally: Tally, { freed, revoked }: Effects): void {
    tally.progressed = true
    for (const key of freed) if (this.#waiting.has(key)) tally.freed.add(key)
    this.#revoke(revoked)
  }

  #revoke(uids: readonly string[]): void {
    for (const uid of uids) {
      const session = this.#sessions.get(uid)
      if (session !== undefined) session.isRevoked = true
    }
  }

  /** Tells the service that a delayed request has ended without its execution. */
  #requestEnded(tally: Tally, uid: string, seq: number): void {
    const change = this.#service.requestEnded({ uid, seq }, tally.time)
    if (change !== null) this.#noteProgress(tally, change)
  }

  /** Returns the result of `run`, or `failed` with the reason when `run` throws. */
  #attempt(position: Position, run: () => Ending): Ending {
    try {
      return run()
    } catch (error) {
      return failed(position, reasonOfFailure(error, this.#mistaken))
    }
  }

  /** True when there is room for one more delayed request. A request that waits already may always wait on. */
  #mayWait({ session, seq }: Turn): boolean {
    const { waiting, sessionWaiting } = this.#limits
    if (session.waiting.has(seq)) return true
    return this.#waiting.total < waiting && session.waiting.size < sessionWaiting
  }

  /** Ends the target without a run if it has not ended yet. If the cancel is chosen first, the target is never executed. */
  #cancel(tally: Tally, target: number, turn: Turn): void {
    const { session, seq } = turn
    if (target === seq) {
      this.#end(tally, turn, failed(turn, `seq ${seq} cancels itself: name the seq of an earlier request`))
      return
    }
    const ended = endedOutcome(session, target, null)
    this.#end(
      tally,
      turn,
      this.#attempt(turn, () => executed(turn, resultIn({ ended }, serviceLimits.nestedResult))),
    )
    if (ended !== null) return
    const { instance, index } = turn
    const kept = session.waiting.get(target)?.command ?? null
    this.#end(tally, { ...turn, seq: target, kept }, { kind: 'cancelled', instance, index })
  }

  /** Records how a request ended, and adds the outcome to the tally. */
  #end(tally: Tally, { session, uid, seq, kept: command, node }: Turn, outcome: Ending): void {
    const waited = session.waiting.get(seq)
    const others = waited?.uids?.filter((other) => other !== uid) ?? noUids
    if (waited !== undefined) {
      tally.concerned.add(waited.node)
      this.#waiting.remove(waited)
      session.waiting.delete(seq)
    }
    if (outcome.kind === 'delayed') {
      const uids = isPlainText(uid) ? { uids: [...others.slice(-mostOtherUids), uid] } : {}
      this.#setWaiting(session, seq, { node, key: outcome.key, command, ...uids })
    } else if (outcome.kind !== 'full') this.#sessions.results.keep(session, seq, outcome, command)
    tally.outcomes.push({ uid, seq, outcome })
    if (waited !== undefined && outcome.kind !== 'executed' && outcome.kind !== 'delayed') {
      this.#requestEnded(tally, session.uid, seq)
    }
    if (others.length === 0) return
    const ofOthers = {
      kind: 'refused',
      reason: outcome.kind === 'executed' ? 'repeated' : 'expired',
    } as const
    for (const other of outcome.kind === 'delayed' ? others.slice(0, -mostOtherUids) : others) {
      tally.outcomes.push({ uid: other, seq, outcome: ofOthers })
    }
  }

  #setWaiting(session: Session, seq: number, waiting: Waiting): void {
    session.waiting.set(seq, waiting)
    this.#waiting.add(waiting)
  }
}

function isOpen({ command }: Request): boolean {
  return command.kind === 'open'
}

/** The earlier of two deadlines; `null` when there is none. */
function earlier(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b)
}

/** True when the earliest deadline is earlier than before. */
function isSooner(deadlineMs: number | null, before: number | null): boolean {
  return deadlineMs !== null && (before === null || deadlineMs < before)
}
