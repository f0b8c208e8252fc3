/** The requests of each client, so that each request is executed once, even if it is chosen several times. */
import type { Instance } from '../../machines/batch.ts'
import { type ReplicatedLimits, replicatedLimits } from '../../machines/limits.ts'
import { isPlainText, plainTextIdleMs } from '../core/plain-text-client.ts'
import { IdleOrder, type Linked } from './idle-order.ts'
import { type Keeper, Results } from './results.ts'
import type { Waiting } from './waiting.ts'

/** The replicated state of one client. */
export interface Session extends Linked<Session>, Keeper {
  readonly uid: string
  /** The client needs no seq below this any more. Invariant: never decreases; nothing below is in `ended` or `waiting`. */
  ackedBelow: number
  lastInstance: Instance
  /** The replicated clock when it was last used, in milliseconds. */
  lastClockMs: number
  /** Delayed requests, by seq. Invariant: none of them is in `ended`. */
  readonly waiting: Map<number, Waiting>
}

/**
 * The sessions, and the horizon below which idle sessions were evicted. A session with a delayed request is never evicted:
 * its client may send nothing while the request waits.
 */
export class Sessions {
  readonly #byUid = new Map<string, Session>()
  /** Invariant: contains the sessions without a delayed request, by `lastClockMs`. */
  readonly #idle = new IdleOrder<Session>()
  /** The same for sessions of plain text, which are only in this order. */
  readonly #idlePlainText = new IdleOrder<Session>()
  readonly #idleLimitMs: number
  readonly #limits: ReplicatedLimits
  #plainTextCount = 0
  /** The outcomes of the requests of all sessions. */
  readonly results: Results
  /** Sessions that were opened below this instance may have been evicted. Invariant: never decreases. */
  horizon: Instance = 0

  constructor(idleLimitMs: number, limits: ReplicatedLimits = replicatedLimits) {
    this.#idleLimitMs = idleLimitMs
    this.#limits = limits
    this.results = new Results(limits)
  }

  /** The number of sessions of plain-text clients. */
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

  /** True when the session is unknown and was opened below the horizon: it may have been evicted with all its outcomes. */
  isExpired(uid: string): boolean {
    if (this.#byUid.has(uid)) return false
    const openedAt = openedAtOf(uid)
    return openedAt !== null && openedAt < this.horizon
  }

  /** True when `uid` is unknown and there is no room for another session. */
  isFullFor(uid: string): boolean {
    const { sessions, plainTextSessions } = this.#limits
    const isFull =
      this.#byUid.size >= sessions || (isPlainText(uid) && this.#plainTextCount >= plainTextSessions)
    return isFull && !this.#byUid.has(uid)
  }

  /** Returns the session of `uid`, a new one if it is unknown. The caller must call `touch` afterwards. */
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

  /** Records that the session was used. The times must not decrease. */
  touch(session: Session, instance: Instance, clockMs: number): void {
    session.lastInstance = instance
    session.lastClockMs = clockMs
    const order = isPlainText(session.uid) ? this.#idlePlainText : this.#idle
    if (session.waiting.size === 0) order.use(session)
    else order.remove(session)
  }

  /**
   * Records that the known sessions among `uids` were used. Leaves out plain text: there, only a new request is a use.
   */
  touchKnown(uids: Iterable<string>, instance: Instance, clockMs: number): void {
    for (const uid of uids) {
      const session = isPlainText(uid) ? undefined : this.#byUid.get(uid)
      if (session !== undefined) this.touch(session, instance, clockMs)
    }
  }

  /**
   * Evicts the sessions that were idle for longer than the limit: O(1) for each session and each of its results. A uid of
   * plain text does not contain the instance at which it was opened, so the eviction of such a session does not move the
   * horizon.
   */
  evictIdle(clockMs: number): void {
    this.#evictFrom(this.#idlePlainText, clockMs - plainTextIdleMs)
    this.#evictFrom(this.#idle, clockMs - this.#idleLimitMs)
  }

  /** Evicts the sessions that were last used before `beginMs`. */
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
   * Drops the seqs below `ackedBelow`, which the client no longer needs. Returns the requests that still waited there, in
   * order of seq. The cost grows with the smaller of two numbers: the seqs that are passed, and the seqs that the session
   * holds.
   */
  acknowledge(session: Session, ackedBelow: number): (Waiting & { readonly seq: number })[] {
    if (ackedBelow <= session.ackedBelow) return []
    const first = session.ackedBelow
    session.ackedBelow = ackedBelow
    for (const seq of seqsBelow(session.ended, first, ackedBelow)) {
      const ended = session.ended.get(seq)
      if (ended !== undefined) this.results.release(ended)
    }
    if (session.waiting.size === 0) return []
    const dropped: (Waiting & { readonly seq: number })[] = []
    for (const seq of seqsBelow(session.waiting, first, ackedBelow)) {
      const waiting = session.waiting.get(seq)
      session.waiting.delete(seq)
      if (waiting !== undefined) dropped.push({ ...waiting, seq })
    }
    return dropped
  }
}

/**
 * The instance at which a server welcomed the client, from a uid such as `RANDOM@12`; `null` when the uid does not contain
 * it.
 */
function openedAtOf(uid: string): Instance | null {
  const digits = /@(\d{1,15})$/.exec(uid)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** The seqs in `bySeq` from `first` to below `end`, in order. Nothing in it is below `first`. */
function seqsBelow(bySeq: ReadonlyMap<number, unknown>, first: number, end: number): number[] {
  if (end - first > bySeq.size) return [...bySeq.keys()].filter((seq) => seq < end).sort((a, b) => a - b)
  // A loop is faster here, and most requests of a session acknowledge one seq.
  const seqs: number[] = []
  for (let seq = first; seq < end; seq += 1) if (bySeq.has(seq)) seqs.push(seq)
  return seqs
}
