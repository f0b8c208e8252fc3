/** Who has asked for what: so that each request is executed once, however often it is chosen. */
import type { Instance } from '../../machines/batch.ts'
import { type ReplicatedLimits, replicatedLimits } from '../../machines/limits.ts'
import { isPlainText, plainTextIdleMs } from '../core/plain-text-client.ts'
import { IdleOrder, type Linked } from './idle-order.ts'
import { type Keeper, Results } from './results.ts'
import type { Waiting } from './waiting.ts'

/** What is known of one client. */
export interface Session extends Linked<Session>, Keeper {
  readonly uid: string
  /** The client will not ask again for what is below. Invariant: never decreases; nothing below is in `ended` or `waiting`. */
  ackedBelow: number
  lastInstance: Instance
  /** The replicated clock when it was last used, in milliseconds. */
  lastClockMs: number
  /** Delayed requests, by seq. Invariant: none of them is in `ended`. */
  readonly waiting: Map<number, Waiting>
}

/**
 * The sessions, and the horizon below which they have been forgotten. A session in which something waits is never forgotten:
 * its client may say nothing for as long as it waits.
 */
export class Sessions {
  readonly #byUid = new Map<string, Session>()
  /** Invariant: holds the sessions in which nothing waits, by `lastClockMs`. */
  readonly #idle = new IdleOrder<Session>()
  /** The same of sessions of plain text, which are in no other. */
  readonly #idlePlainText = new IdleOrder<Session>()
  readonly #idleLimitMs: number
  readonly #limits: ReplicatedLimits
  #plainTextCount = 0
  /** How the requests of all of them ended. */
  readonly results: Results
  /** Sessions opened below this instance may have been forgotten. Invariant: never decreases. */
  horizon: Instance = 0

  constructor(idleLimitMs: number, limits: ReplicatedLimits = replicatedLimits) {
    this.#idleLimitMs = idleLimitMs
    this.#limits = limits
    this.results = new Results(limits)
  }

  /** How many of them are of clients that speak plain text. */
  get plainTextCount(): number {
    return this.#plainTextCount
  }

  get size(): number {
    return this.#byUid.size
  }

  get(uid: string): Session | undefined {
    return this.#byUid.get(uid)
  }

  all(): Iterable<Session> {
    return this.#byUid.values()
  }

  /** True when the session is not known and was opened so long ago that it may have been known: what it did is forgotten. */
  isExpired(uid: string): boolean {
    if (this.#byUid.has(uid)) return false
    const openedAt = openedAtOf(uid)
    return openedAt !== null && openedAt < this.horizon
  }

  /** True when `uid` is not known, and there are as many sessions as there may be. */
  isFullFor(uid: string): boolean {
    const { sessions, plainTextSessions } = this.#limits
    const isFull =
      this.#byUid.size >= sessions || (isPlainText(uid) && this.#plainTextCount >= plainTextSessions)
    return isFull && !this.#byUid.has(uid)
  }

  /** The session of `uid`, a new one if need be; `touch` is to follow. */
  open(uid: string): Session {
    const known = this.#byUid.get(uid)
    if (known !== undefined) return known
    const session: Session = {
      uid,
      ackedBelow: 0,
      lastInstance: 0,
      lastClockMs: 0,
      ended: new Map(),
      endedBytes: 0,
      forgottenBelow: 0,
      waiting: new Map(),
      longerIdle: null,
      lessIdle: null,
    }
    this.#byUid.set(uid, session)
    if (isPlainText(uid)) this.#plainTextCount += 1
    return session
  }

  /** The session was used. Times must not go back. */
  touch(session: Session, instance: Instance, clockMs: number): void {
    session.lastInstance = instance
    session.lastClockMs = clockMs
    const order = isPlainText(session.uid) ? this.#idlePlainText : this.#idle
    if (session.waiting.size === 0) order.use(session)
    else order.remove(session)
  }

  /**
   * These clients ask for something: those of them that are known were used. In plain text only a new request is a use, so who asks
   * in plain text is not counted among them.
   */
  touchKnown(uids: Iterable<string>, instance: Instance, clockMs: number): void {
    for (const uid of uids) {
      const session = isPlainText(uid) ? undefined : this.#byUid.get(uid)
      if (session !== undefined) this.touch(session, instance, clockMs)
    }
  }

  /**
   * Forgets the sessions that have been idle for longer than the limit: O(1) for each, and for each result in it. A uid of plain
   * text does not say when it was opened, so the horizon has no part in it.
   */
  evictIdle(clockMs: number): void {
    this.#evictFrom(this.#idlePlainText, clockMs - plainTextIdleMs)
    this.#evictFrom(this.#idle, clockMs - this.#idleLimitMs)
  }

  /** Forgets those that were last used before `beginMs`. */
  #evictFrom(order: IdleOrder<Session>, beginMs: number): void {
    for (
      let session = order.longestIdle;
      session !== null && session.lastClockMs < beginMs;
      session = order.longestIdle
    ) {
      order.remove(session)
      this.#byUid.delete(session.uid)
      for (const ended of session.ended.values()) this.results.release(ended)
      if (isPlainText(session.uid)) this.#plainTextCount -= 1
      else this.horizon = Math.max(this.horizon, session.lastInstance + 1)
    }
  }

  /**
   * The client will not ask again for what is below `ackedBelow`: forgets it, and returns what was still waiting there, in
   * order of seq. Costs no more than the number of seqs that are passed or the number that is held, whichever is less.
   */
  acknowledge(session: Session, ackedBelow: number): (Waiting & { readonly seq: number })[] {
    if (ackedBelow <= session.ackedBelow) return []
    const first = session.ackedBelow
    session.ackedBelow = ackedBelow
    for (const seq of seqsBelow(session.ended, first, ackedBelow)) {
      const ended = session.ended.get(seq)
      if (ended !== undefined) this.results.release(ended)
    }
    return seqsBelow(session.waiting, first, ackedBelow).flatMap((seq) => {
      const waiting = session.waiting.get(seq)
      session.waiting.delete(seq)
      return waiting === undefined ? [] : [{ ...waiting, seq }]
    })
  }
}

/** The instance at which the client was welcomed, from a uid such as `RANDOM@12`; `null` when the uid does not say. */
function openedAtOf(uid: string): Instance | null {
  const digits = /@(\d{1,15})$/.exec(uid)?.[1]
  return digits === undefined ? null : Number(digits)
}

function seqsBelow(bySeq: ReadonlyMap<number, unknown>, first: number, end: number): number[] {
  if (end - first > bySeq.size) return [...bySeq.keys()].filter((seq) => seq < end).sort((a, b) => a - b)
  return Array.from({ length: end - first }, (_, offset) => first + offset).filter((seq) => bySeq.has(seq))
}
