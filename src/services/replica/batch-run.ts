/** The execution of one batch: what it changes in the state of the replica, and the effects that it collects. */
import type { NodeId } from '../../../machines/batch.ts'
import type { Execution, FiredTimer, Position, RequestOutcome } from '../../../machines/outcome.ts'
import { isPlainText } from '../../core/plain-text-client.ts'
import type { KeptCommand } from '../kept-command.ts'
import { sessionHasEnded } from '../outcomes.ts'
import type { Time } from '../service.ts'
import type { Session } from '../sessions.ts'
import type { Waiting } from '../waiting.ts'
import { deadlineOf, type ReplicaState, setWaiting } from './state.ts'

/** One request at its position in a batch. */
export interface Turn extends Position {
  readonly session: Session
  /** The session's uid; in plain text, one of the uids that belong to the session. */
  readonly uid: string
  readonly seq: number
  /** `null` when the request itself was never chosen. */
  readonly kept: KeptCommand | null
  /** The server whose queue held the request. */
  readonly node: NodeId
}

export type Ending = RequestOutcome['outcome']

/** What a change of the service causes outside of it. */
interface Effects {
  readonly freed: readonly string[]
  readonly revoked: readonly string[]
}

/**
 * A request in plain text waits under its last uid and so many earlier ones. Uids before them belong to copies of long ago.
 */
const mostOtherUids = 7
const noUids: readonly string[] = []

export class BatchRun {
  readonly state: ReplicaState
  /** The time of the batch, with the version in force, which an upgrade changes. */
  time: Time
  readonly #fired: FiredTimer[] = []
  readonly #endedSessions: string[] = []
  readonly #outcomes: RequestOutcome[] = []
  readonly #freed = new Set<string>()
  /** The servers that hold a request of the batch, or held a delayed one that ended. */
  readonly #concerned = new Set<NodeId>()
  #progressed = false
  /** A deadline that other servers keep too has passed. */
  #deadlinePassed = false

  constructor(state: ReplicaState, time: Time) {
    this.state = state
    this.time = time
  }

  /** The number of timers that fired and sessions that ended. */
  get passed(): number {
    return this.#fired.length + this.#endedSessions.length
  }

  /** Notes that the server holds a request of the batch. */
  concerns(node: NodeId): void {
    this.#concerned.add(node)
  }

  /** Adds the outcome of a request without any change of its session. */
  answer(uid: string, seq: number, outcome: Ending): void {
    this.#outcomes.push({ uid, seq, outcome })
  }

  /** Notes that a timer was fired, and how the service changed; `failed` is the reason when it did not. */
  fired({ name, failed, ...effects }: FiredTimer & Effects): void {
    this.#deadlinePassed = true
    if (failed === null) this.progress(effects)
    this.#fired.push({ name, failed })
  }

  /** Notes that the service changed its state. */
  progress({ freed, revoked }: Effects): void {
    this.#progressed = true
    for (const key of freed) if (this.state.waiting.has(key)) this.#freed.add(key)
    this.revoke(revoked)
  }

  revoke(uids: readonly string[]): void {
    for (const uid of uids) {
      const session = this.state.sessions.get(uid)
      if (session !== undefined) this.state.sessions.revoke(session)
    }
  }

  /** Ends the session: first its delayed requests, then what the service keeps for it. */
  endSession(session: Session): void {
    const { sessions, service } = this.state
    const { uid } = session
    if (session.isKept) this.#deadlinePassed = true
    sessions.remove(session)
    this.#endedSessions.push(uid)
    for (const delayed of sessions.takeWaiting(session, 0, Number.POSITIVE_INFINITY)) {
      this.dropDelayed(uid, delayed, sessionHasEnded)
    }
    const change = service.sessionEnded(uid, this.time)
    if (change !== null) this.progress(change)
  }

  /** Ends a delayed request of the session `uid`, which has forgotten it already, without its execution. */
  dropDelayed(uid: string, delayed: Waiting & { readonly seq: number }, outcome: Ending): void {
    this.state.waiting.remove(delayed)
    this.#concerned.add(delayed.node)
    this.answer(uid, delayed.seq, outcome)
    this.#requestEnded(uid, delayed.seq)
  }

  /** Records how a request ended. */
  end({ session, uid, seq, kept: command, node }: Turn, outcome: Ending): void {
    const { waiting, sessions } = this.state
    const waited = session.waiting.get(seq)
    const others = waited?.uids?.filter((other) => other !== uid) ?? noUids
    if (waited !== undefined) {
      this.#concerned.add(waited.node)
      waiting.remove(waited)
      sessions.endWaiting(session, seq)
    }
    if (outcome.kind === 'delayed') {
      const uids = isPlainText(uid) ? { uids: [...others.slice(-mostOtherUids), uid] } : {}
      setWaiting(this.state, session, seq, { node, key: outcome.key, command, ...uids })
    } else if (outcome.kind !== 'full') sessions.results.keep(session, seq, outcome, command)
    this.answer(uid, seq, outcome)
    if (waited !== undefined && outcome.kind !== 'executed' && outcome.kind !== 'delayed') {
      this.#requestEnded(session.uid, seq)
    }
    if (others.length === 0) return
    const ofOthers = {
      kind: 'refused',
      reason: outcome.kind === 'executed' ? 'repeated' : 'expired',
    } as const
    for (const other of outcome.kind === 'delayed' ? others.slice(0, -mostOtherUids) : others) {
      this.answer(other, seq, ofOthers)
    }
  }

  /** All effects. `before` is the state before the batch. */
  execution(before: Pick<ReplicaState, 'members'> & { readonly timerMs: number | null }): Execution {
    const { waiting, members, service } = this.state
    const freed = [...this.#freed].filter((key) => waiting.has(key))
    for (const key of this.#progressed ? [...freed, null] : freed) {
      for (const node of waiting.nodesFor(key)) this.#concerned.add(node)
    }
    // Each server keeps the deadlines: one that has passed it would propose at otherwise, and the earlier one of a timer it may not
    // know. The deadline of a session concerns only those whose requests wait for its end: they know it.
    const concernsAll = this.#deadlinePassed || isSooner(service.deadlineMs, before.timerMs)
    return {
      ...{ instance: this.time.instance, fired: this.#fired, endedSessions: this.#endedSessions },
      ...{ outcomes: this.#outcomes, freed, progressed: this.#progressed },
      deadlineMs: deadlineOf(this.state),
      concerned: members.map(({ id }) => id).filter((id) => concernsAll || this.#concerned.has(id)),
      members: members === before.members ? null : members,
    }
  }

  /** Tells the service that a delayed request has ended without its execution. */
  #requestEnded(uid: string, seq: number): void {
    const change = this.state.service.requestEnded({ uid, seq }, this.time)
    if (change !== null) this.progress(change)
  }
}

/** True when the earliest deadline is earlier than before. */
function isSooner(deadlineMs: number | null, before: number | null): boolean {
  return deadlineMs !== null && (before === null || deadlineMs < before)
}
