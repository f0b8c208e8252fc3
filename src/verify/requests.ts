/** The requests of clients and their outcomes. Invariants 2 (validity), 6 (integrity) and 8 (responses). */
import {
  type Batch,
  type Instance,
  type NamedRequest,
  type NodeId,
  requestsOf,
} from '../../machines/batch.ts'
import type { Answer, Response } from '../../machines/messages.ts'
import { type Execution, isOfRead, type Outcome, type RequestOutcome } from '../../machines/outcome.ts'
import { fingerprint } from '../core/fingerprint.ts'
import { isOpeningName } from '../core/names.ts'
import { Violation } from '../core/violation.ts'
import { shown } from '../services/fields.ts'
import { Part } from './part.ts'

/** The known state of one client. Requests below `ackedBelow` are forgotten: a server can only refuse them. */
interface Session {
  ackedBelow: number
  /** By seq, the fingerprints of the commands that were sent with it. More than one is a fault of the client. */
  readonly sent: Map<number, readonly number[]>
  /** By `endKey`, the fingerprint of the final outcome. */
  readonly ended: Map<number, number>
}

/** A session as plain data, in order of seq. */
export interface SessionRecord {
  readonly uid: string
  readonly ackedBelow: number
  readonly sent: readonly (readonly [seq: number, commands: readonly number[]])[]
  readonly ended: readonly (readonly [seq: number, outcome: number])[]
}

type Ended = Exclude<Outcome, { readonly kind: 'refused' }>

export class Requests extends Part {
  readonly #sessions = new Map<string, Session>()

  constructor(sessions: readonly SessionRecord[] = []) {
    super()
    for (const { uid, ackedBelow, sent, ended } of sessions) {
      this.#sessions.set(uid, { ackedBelow, sent: new Map(sent), ended: new Map(ended) })
    }
  }

  /** A client has sent the request. */
  requested({ uid, seq, command }: NamedRequest): void {
    this.changed()
    const { sent } = this.#session(uid)
    const print = fingerprint(command)
    const known = sent.get(seq) ?? []
    if (!known.includes(print))
      sent.set(
        seq,
        [...known, print].sort((a, b) => a - b),
      )
  }

  /** The first server has executed a chosen batch. */
  executed(instance: Instance, batch: Batch, execution: Execution): void {
    this.changed()
    const requests = requestsOf(batch)
    for (const request of requests) this.#checkWasSent(instance, request)
    for (const outcome of execution.outcomes) this.#end(instance, requests, outcome)
    for (const { uid, ackedBelow } of batch.groups) advance(this.#session(uid), ackedBelow)
  }

  /** A server has answered. */
  responded(node: NodeId, { uid, answers }: Response): void {
    for (const { seq, outcome } of answers)
      if (!isOfRead(outcome)) this.#checkAnswer(node, uid, { seq, outcome })
  }

  #checkAnswer(node: NodeId, uid: string, { seq, outcome }: Answer): void {
    const session = this.#sessions.get(uid)
    const isAcked = session !== undefined && seq < session.ackedBelow
    switch (outcome.kind) {
      case 'executed':
      case 'failed':
      case 'overQuota':
      case 'cancelled':
        if (isAcked || session?.ended.get(endKey(uid, seq, outcome)) === fingerprint(outcome)) return
        throw new Violation(
          8,
          `server ${node} answered ${uid} ${seq} with ${shown(outcome)}, which is not its outcome`,
        )
      case 'refused':
        if (outcome.reason !== 'stale' || isAcked) return
        throw new Violation(
          8,
          `server ${node} refused ${uid} ${seq} as stale, but its client never acknowledged it`,
        )
    }
    outcome satisfies never
  }

  protected override duplicate(): Requests {
    const copy = new Requests()
    for (const [uid, { ackedBelow, sent, ended }] of this.#sessions) {
      copy.#sessions.set(uid, { ackedBelow, sent: new Map(sent), ended: new Map(ended) })
    }
    return copy
  }

  override toJson(): readonly SessionRecord[] {
    return [...this.#sessions]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([uid, { ackedBelow, sent, ended }]) => ({
        uid,
        ackedBelow,
        sent: [...sent].sort(bySeq),
        ended: [...ended].sort(bySeq),
      }))
  }

  #session(uid: string): Session {
    const known = this.#sessions.get(uid)
    if (known !== undefined) return known
    const session = { ackedBelow: 0, sent: new Map(), ended: new Map() }
    this.#sessions.set(uid, session)
    return session
  }

  /** Invariant 2. A copy of an acknowledged request is refused, so its content does not matter. */
  #checkWasSent(instance: Instance, { uid, seq, command }: NamedRequest): void {
    const session = this.#sessions.get(uid)
    if (session !== undefined && seq < session.ackedBelow) return
    if (session?.sent.get(seq)?.includes(fingerprint(command))) return
    throw new Violation(
      2,
      `instance ${instance} chose ${uid} ${seq} ${shown(command)}, which no client has sent`,
    )
  }

  /** Invariant 6. */
  #end(instance: Instance, requests: readonly NamedRequest[], { uid, seq, outcome }: RequestOutcome): void {
    if (outcome.kind === 'refused') return
    const { ackedBelow, ended } = this.#session(uid)
    const key = endKey(uid, seq, outcome)
    const known = ended.get(key)
    if (outcome.kind === 'delayed' || outcome.kind === 'full') {
      if (known === undefined) return
      const what = outcome.kind === 'delayed' ? 'delayed' : 'rejected for lack of room'
      throw new Violation(6, `${uid} ${seq} had ended and was then ${what} at instance ${instance}`)
    }
    const print = fingerprint(outcome)
    if (known === print) return
    checkEndsNow(instance, uid, seq, outcome, known !== undefined || seq < ackedBelow)
    if (outcome.kind !== 'cancelled') checkIsItsOwn(instance, requests, { uid, seq }, outcome)
    ended.set(key, print)
  }
}

/**
 * The key of a final outcome. A request has one. Each copy of a request that opens a session opens another one, so there the outcome is the
 * key.
 */
function endKey(uid: string, seq: number, outcome: RequestOutcome['outcome']): number {
  return isOpeningName(uid) ? fingerprint(outcome) : seq
}

/** A request ends once, at the instance that executes it. After that, the same outcome is repeated. */
function checkEndsNow(instance: Instance, uid: string, seq: number, outcome: Ended, hasEnded: boolean): void {
  if (!hasEnded && outcome.instance === instance) return
  const what = hasEnded
    ? 'had ended and was given another outcome'
    : 'was given an outcome that was never recorded'
  throw new Violation(6, `${uid} ${seq} ${what} at instance ${instance}: ${shown(outcome)}`)
}

/** The request that was executed at (instance, index) must be the one that was chosen there. */
function checkIsItsOwn(
  instance: Instance,
  requests: readonly NamedRequest[],
  { uid, seq }: Pick<NamedRequest, 'uid' | 'seq'>,
  outcome: Ended,
): void {
  const request = requests[outcome.index]
  if (request?.uid === uid && request.seq === seq) return
  throw new Violation(
    6,
    `${uid} ${seq} was executed at (${instance}, ${outcome.index}), where another request was chosen`,
  )
}

function advance(session: Session, ackedBelow: number): void {
  if (ackedBelow <= session.ackedBelow) return
  session.ackedBelow = ackedBelow
  for (const bySeq of [session.sent, session.ended]) {
    for (const seq of bySeq.keys()) if (seq < ackedBelow) bySeq.delete(seq)
  }
}

function bySeq(a: readonly [number, unknown], b: readonly [number, unknown]): number {
  return a[0] - b[0]
}
