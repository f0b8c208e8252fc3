/** The replicated state of one server: the service's state, and the sessions that make each request execute once. */
import type { Batch, Instance, Json, Request } from '../../machines/batch.ts'
import type { Recalled } from '../../machines/inbox.ts'
import { maxClockMs, type ReplicatedLimits, replicatedLimits } from '../../machines/limits.ts'
import type { Member } from '../../machines/members.ts'
import type { Answer } from '../../machines/messages.ts'
import type { Execution, ReadOutcome } from '../../machines/outcome.ts'
import { utf8 } from '../core/bytes.ts'
import { sha256Hex } from '../core/digest.ts'
import { openedAtInstance } from '../core/names.ts'
import { isPlainText, sessionOf } from '../core/plain-text-client.ts'
import type { Capture, Installation, ReplicatedState } from '../core/replicated-state.ts'
import { LineCapture } from './capture.ts'
import { inOrderOfId } from './membership.ts'
import { endedOutcome, sessionHasEnded } from './outcomes.ts'
import { BatchRun } from './replica/batch-run.ts'
import { passDeadlines } from './replica/deadlines.ts'
import { executeGroup } from './replica/groups.ts'
import { sizeOfState } from './replica/quota.ts'
import { type RestoreOptions, RestoringState } from './replica/restore.ts'
import { deadlineOf, initialState, type ReplicaState } from './replica/state.ts'
import { type ReplicaView, replicaViewOf } from './replica-view.ts'
import { type Service, type ServiceView, viewRows } from './service.ts'
import type { SessionImage } from './session-images.ts'
import { linesOf, type SnapshotContents } from './snapshot.ts'
import type { Versions } from './versions.ts'

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
  Record<
    'members' | 'sessions' | 'plainTextSessions' | 'waiting' | 'resultBytes' | 'timers' | 'stateBytes',
    Usage
  >
>

const nothingRecalled: Recalled = { ended: [], isFull: false }

export class Replica implements ReplicatedState {
  readonly #options: RestoreOptions
  #state: ReplicaState

  constructor(options: ReplicaOptions) {
    const { service, members, sessions = [], ttlsMs = {}, limits = replicatedLimits } = options
    this.#options = { service, limits, mistaken: options.mistaken ?? (() => undefined) }
    this.#state = initialState({ ...this.#options, members })
    for (const uid of sessions) this.#state.sessions.open(uid, ttlsMs[uid] ?? null, 0)
  }

  /** The name of the service that it runs. */
  get serviceName(): string {
    return this.#state.service.name
  }

  /** The version of the service's behaviour that is in force, and those that the program has. */
  get serviceVersions(): Versions & { readonly inForce: number } {
    return { ...this.#state.service.versions, inForce: this.#state.serviceVersion }
  }

  /** Throws a `StartError` when the program does not have the version of the service that is in force. */
  checkVersion(): void {
    this.#state.service.checkVersion(this.#state.serviceVersion)
  }

  /** The members that are valid from `firstUnexecuted` on, in order of id. */
  get members(): readonly Member[] {
    return this.#state.members
  }

  /** The next instance to execute. */
  get firstUnexecuted(): Instance {
    return this.#state.firstUnexecuted
  }

  /** The replicated clock: the sum of `elapsedMs` of all executed batches. */
  get clockMs(): number {
    return this.#state.clockMs
  }

  /** The digest of the outcomes of all executed batches, as the core folds them (src/core/audit.ts); empty before the first. */
  get runningDigest(): string {
    return this.#state.runningDigest
  }

  set runningDigest(digest: string) {
    this.#state.runningDigest = digest
  }

  /** The earliest deadline of a timer, or of a session for which something is kept, on the replicated clock; `null` when there is none. */
  get deadlineMs(): number | null {
    return deadlineOf(this.#state)
  }

  /** The number of delayed requests at all servers together. */
  get waitingCount(): number {
    return this.#state.waiting.total
  }

  get sessionCount(): number {
    return this.#state.sessions.size
  }

  /**
   * The use of each bounded resource. `resultBytes` is the approximate size of the results that no client has acknowledged, `stateBytes`
   * that of the whole replicated state, and what its quota allows.
   */
  get usage(): ReplicaUsage {
    const { limits, members, sessions, waiting, service } = this.#state
    return {
      members: { used: members.length, allowed: limits.members },
      sessions: { used: sessions.size, allowed: limits.sessions },
      plainTextSessions: { used: sessions.plainTextCount, allowed: limits.plainTextSessions },
      waiting: { used: waiting.total, allowed: limits.waiting },
      resultBytes: { used: sessions.results.bytes, allowed: limits.resultBytes },
      timers: { used: service.timerCount, allowed: limits.timers },
      stateBytes: { used: sizeOfState(this.#state), allowed: this.#state.quotaBytes },
    }
  }

  /**
   * Executes a chosen batch. Throws, without any change, unless `instance` is `firstUnexecuted`. Throws a `StartError` when the service does
   * not have the version in force, also in the middle of a batch that upgrades to it: then this server must execute nothing more.
   */
  execute(instance: Instance, batch: Batch): Execution {
    const state = this.#state
    // No message can cause this: for any input, the learner has batches executed in order, each once.
    if (instance !== state.firstUnexecuted) {
      throw new Error(`instance ${instance} is not the next instance to execute: ${state.firstUnexecuted} is`)
    }
    state.service.checkVersion(state.serviceVersion)
    state.clockMs = Math.min(state.clockMs + batch.elapsedMs, maxClockMs)
    const before = { members: state.members, timerMs: state.service.deadlineMs }
    const { clockMs, serviceVersion: version } = state
    const run = new BatchRun(state, { instance, clockMs, version })
    state.sessions.evictIdle(state.clockMs)
    passDeadlines(run)
    let index = 0
    for (const group of batch.groups) {
      executeGroup(run, group, { instance, index })
      index += group.requests.length
    }
    state.firstUnexecuted += 1
    return run.execution(before)
  }

  /**
   * Returns how the requests ended that have ended or are refused already, and whether there is room for their session. The other
   * requests wait, or a server must still propose them.
   */
  recall(uid: string, requests: readonly Request[]): Recalled {
    const { sessions } = this.#state
    const session = sessions.get(sessionOf(uid))
    if (session === undefined) {
      if (this.#hasEnded(uid)) {
        return { ended: requests.map(({ seq }) => ({ seq, outcome: sessionHasEnded })), isFull: false }
      }
      const isText = isPlainText(uid)
      return isText || requests.some(isOpen)
        ? { ended: [], isFull: sessions.isFull(isText) }
        : nothingRecalled
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

  /**
   * Has the service read what the command in `body` asks for, from the state that contains everything below `firstUnexecuted`. Changes
   * nothing. Never throws.
   */
  read(body: Json): ReadOutcome {
    const { service, firstUnexecuted: instance, clockMs, serviceVersion: version } = this.#state
    const reading = service.read(body, { instance, clockMs, version })
    return reading.kind === 'read'
      ? { kind: 'read', result: reading.result, instance }
      : { kind: 'unreadable', error: reading.reason, instance }
  }

  /** Returns a view of the service's state, or the reason why the service cannot show it. Never throws. */
  view(): ServiceView {
    return this.#state.service.view()
  }

  /** Returns a view of the state around the service: the clock, the sessions and the timers. */
  ownView(): ReplicaView {
    const { clockMs, sessions, service } = this.#state
    return replicaViewOf({
      clockMs,
      deadlineMs: this.deadlineMs,
      sessions: sessions.first(viewRows),
      sessionCount: sessions.size,
      holds: (uid) => service.holds(uid),
      timers: service.firstTimers(viewRows),
      timerCount: service.timerCount,
    })
  }

  /** Returns the whole replicated state as bytes: UTF-8 text. Servers that have executed the same batches have the same bytes. */
  snapshot(): Uint8Array {
    const contents = this.#contents(this.#state.sessions.images())
    let text = ''
    for (const line of linesOf(contents)) text += line
    return utf8(text)
  }

  capture(): Capture {
    const { sessions, firstUnexecuted } = this.#state
    if (sessions.isCaptured) throw new Error('another capture is in progress: end it first')
    const images = sessions.capture()
    return new LineCapture(firstUnexecuted, linesOf(this.#contents(images)), () =>
      sessions.endCapture(images),
    )
  }

  installation(): Installation {
    const restoring = new RestoringState(this.#options)
    let ended: ReplicaState | null = null
    return {
      get instance() {
        return restoring.head?.firstUnexecuted ?? null
      },
      add: (bytes) => restoring.add(bytes),
      end: () => {
        ended ??= restoring.end()
      },
      install: () => {
        const state = ended
        if (state === null) throw new Error('the snapshot was not read to its end, or was installed before')
        if (state.firstUnexecuted < this.#state.firstUnexecuted) {
          throw new Error(
            `the snapshot ends before instance ${state.firstUnexecuted}, which this server has executed: it continues at ${this.#state.firstUnexecuted}`,
          )
        }
        this.#state = state
        // Two replicas never share a state.
        ended = null
      },
    }
  }

  /** Makes the replica from the snapshot `bytes`. Throws when they are not a snapshot of a replica of `service`. */
  static restore(service: Service, bytes: Uint8Array, limits: ReplicatedLimits = replicatedLimits): Replica {
    const restoration = new Restoration(service, limits)
    restoration.add(bytes)
    return restoration.end()
  }

  /**
   * Makes the state that of a new cluster of `members`. What was executed after it, in the cluster from which it comes, is lost. Sessions, and
   * what they hold, stay.
   */
  beginAnew(members: readonly Member[]): void {
    this.#state.members = inOrderOfId(members)
    this.#state.service.afterLoss()
  }

  /** Returns the SHA-256 of the snapshot, in hexadecimal. Servers with equal `firstUnexecuted` must have equal digests. */
  digest(): string {
    return sha256Hex(this.snapshot())
  }

  /** The contents of a snapshot of now. It reads the sessions from `images`. */
  #contents(sessions: Iterable<SessionImage>): SnapshotContents {
    const { service, firstUnexecuted, clockMs, runningDigest, members, quotaBytes, serviceVersion } =
      this.#state
    const { name, stateBytes: serviceBytes } = service
    const head = {
      service: name,
      firstUnexecuted,
      clockMs,
      runningDigest,
      members,
      quotaBytes,
      serviceBytes,
      serviceVersion,
    }
    return { head, sessions, timers: service.timers, rows: service.snapshot() }
  }

  /** True when the session `uid` is unknown and this server has executed the batch that opened it. */
  #hasEnded(uid: string): boolean {
    const openedAt = openedAtInstance(uid)
    return openedAt !== null && openedAt < this.#state.firstUnexecuted
  }
}

/** Makes a replica from a snapshot that is read in parts. */
export class Restoration {
  readonly #replica: Replica
  readonly #installation: Installation

  constructor(service: Service, limits: ReplicatedLimits = replicatedLimits) {
    this.#replica = new Replica({ service, members: [], limits })
    this.#installation = this.#replica.installation()
  }

  /** Reads the next bytes, of any length. Throws an Error with the reason when they cannot belong to a snapshot of the service. */
  add(bytes: Uint8Array): void {
    this.#installation.add(bytes)
  }

  /** Returns the replica. Throws when the snapshot is not complete, or when the service cannot restore its rows. */
  end(): Replica {
    this.#installation.end()
    this.#installation.install()
    return this.#replica
  }
}

function isOpen({ command }: Request): boolean {
  return command.kind === 'open'
}
