/** The requests of each client, so that each request is executed once, even if it is chosen several times. */
import { type ReplicatedLimits, replicatedLimits } from '../../machines/limits.ts'
import { publicId } from '../core/names.ts'
import { isPlainText, plainTextIdleMs } from '../core/plain-text-client.ts'
import { IdleOrder, type Linked } from './idle-order.ts'
import { type ChangingKeeper, type Keeper, Results } from './results.ts'
import { imageOf, type SessionImage, SessionImages } from './session-images.ts'
import { openingPlace, SessionOrder } from './session-order.ts'
import { drop, eachValue, emptyMap, entriesFrom, entriesOf, get, put, type SortedMap } from './sorted-map.ts'
import type { Waiting } from './waiting.ts'

/** The replicated state of one client. Only `Sessions` changes it, so that a capture in progress gets the image of it before. */
export interface Session extends Linked<Session>, Keeper {
  readonly uid: string
  /** The part of the uid that others may know. */
  readonly id: string
  /** A text that sorts in the order in which sessions were opened. */
  readonly place: string
  /** How long the session lives after a sign of life, in milliseconds of the replicated clock; `null` when it does not end by itself. */
  readonly ttlMs: number | null
  /** The value of the replicated clock at which it ends; `null` without a ttl. Invariant: never decreases. */
  readonly deadlineMs: number | null
  /** No sign of life moves its deadline any more. */
  readonly isRevoked: boolean
  /** The service keeps something for it, or a request of it waits: the servers see to it that it ends in time. */
  readonly isKept: boolean
  /** The seq of its last executed touch, 0 for none: the client has the answers to all earlier ones. Invariant: never decreases. */
  readonly touchedSeq: number
  /** The client needs no seq below this any more. Invariant: never decreases; nothing below is in `ended` or `waiting`. */
  readonly ackedBelow: number
  /** In plain text: the replicated clock at its last new request, in milliseconds. */
  readonly lastClockMs: number
  /** Delayed requests, by seq. Invariant: none of them is in `ended`. */
  readonly waiting: ReadonlyMap<number, Waiting>
  /** The number of the last capture that needs no image of this session any more; 0 for none. Not replicated. */
  capturedBy: number
}

/** A session that may be changed now. */
type Changing = ChangingKeeper & {
  -readonly [Field in Exclude<keyof Session, keyof Keeper>]: Session[Field]
} & { readonly waiting: Map<number, Waiting> }

/**
 * The sessions. A session of plain text opens with its first request, has no ttl and is evicted when it is idle, unless a request of it is
 * delayed: its client may send nothing while the request waits.
 */
export class Sessions {
  readonly #byUid = new Map<string, Session>()
  /** The sessions with a ttl, in the order of their opening. */
  #opened: SortedMap<Session> = emptyMap
  /** The sessions without a ttl, by uid. */
  #lasting: SortedMap<Session> = emptyMap
  /** Invariant: contains every session with a ttl. */
  readonly #ending = new SessionOrder(() => true)
  /** Invariant: contains every session with a ttl for which something is kept, and perhaps some for which something was kept. */
  readonly #kept = new SessionOrder(({ isKept }) => isKept)
  /** Invariant: contains the sessions of plain text without a delayed request, by `lastClockMs`. */
  readonly #idlePlainText = new IdleOrder<Session>()
  readonly #limits: ReplicatedLimits
  #plainTextCount = 0
  /** The walk that needs images of sessions that change; `null` when there is none. */
  #captured: SessionImages | null = null
  #captures = 0
  /** The outcomes of the requests of all sessions. */
  readonly results: Results

  constructor(limits: ReplicatedLimits = replicatedLimits) {
    this.#limits = limits
    this.results = new Results(limits, (keeper) => this.#willChange(keeper as Session))
  }

  /** The number of sessions of plain-text clients. */
  get plainTextCount(): number {
    return this.#plainTextCount
  }

  get size(): number {
    return this.#byUid.size
  }

  /** The session that ends first, if it ends at `clockMs` or before; otherwise `null`. */
  firstDue(clockMs: number): Session | null {
    return this.#ending.firstDue(clockMs)
  }

  /**
   * The earliest deadline that the servers keep; `null` when there is none. It is that of a session for which something is kept. When
   * there is no room for another session, it is that of any session: otherwise nothing would be proposed, the clock would stand, and no
   * session would ever make room.
   */
  get deadlineMs(): number | null {
    const keptMs = this.#kept.first?.deadlineMs ?? null
    if (!this.isFull(true)) return keptMs
    const idle = this.#idlePlainText.longestIdle
    return [keptMs, this.#ending.first?.deadlineMs, idle && idle.lastClockMs + plainTextIdleMs + 1].reduce<
      number | null
    >((first, nextMs) => (nextMs == null ? first : Math.min(first ?? nextMs, nextMs)), null)
  }

  get(uid: string): Session | undefined {
    return this.#byUid.get(uid)
  }

  /** The session with the public id `id`. */
  withId(id: string): Session | undefined {
    return get(this.#opened, openingPlace(id))
  }

  /** At most `most` sessions with a ttl that were opened after the one with the public id `after`, in order. */
  openedAfter(after: string | null, most: number): readonly Session[] {
    const page = entriesFrom(this.#opened, after === null ? '' : openingPlace(after), most + 1)
    const sessions = page.map(([, session]) => session)
    return sessions.filter(({ id }) => id !== after).slice(0, most)
  }

  /** At most `most` sessions: those with a ttl in the order of their opening, then others. The cost grows with `most` alone. */
  first(most: number): readonly Session[] {
    const first = [...this.openedAfter(null, most)]
    first.push(...entriesOf(this.#lasting, most - first.length).map(([, session]) => session))
    return first
  }

  /** The images of all sessions, for one who reads them before any session changes. */
  *images(): Iterable<SessionImage> {
    for (const session of eachValue(this.#opened)) yield imageOf(session)
    for (const session of eachValue(this.#lasting)) yield imageOf(session)
  }

  /** The images of all sessions as they are now, also while they change, until `endCapture`. */
  capture(): SessionImages {
    this.#captures += 1
    this.#captured = new SessionImages(this.#captures, [this.#opened, this.#lasting])
    return this.#captured
  }

  get isCaptured(): boolean {
    return this.#captured !== null
  }

  /** Keeps no images any more for `captured`. */
  endCapture(captured: SessionImages): void {
    if (this.#captured === captured) this.#captured = null
  }

  /** True when there is no room for another session of this kind. */
  isFull(isText: boolean): boolean {
    const { sessions, plainTextSessions } = this.#limits
    return this.#byUid.size >= sessions || (isText && this.#plainTextCount >= plainTextSessions)
  }

  /** Opens a session that ends `ttlMs` from `clockMs` on; without a ttl, one that does not end by itself. */
  open(uid: string, ttlMs: number | null, clockMs: number): Session {
    const session: Session = {
      uid,
      id: publicId(uid),
      place: openingPlace(publicId(uid)),
      ttlMs,
      deadlineMs: ttlMs === null ? null : clockMs + ttlMs,
      isRevoked: false,
      isKept: false,
      touchedSeq: 0,
      ackedBelow: 0,
      lastClockMs: isPlainText(uid) ? clockMs : 0,
      ended: new Map(),
      endedBytes: 0,
      forgottenBelow: 0,
      waiting: new Map(),
      longerIdle: null,
      lessIdle: null,
      // A capture that is in progress does not know it.
      capturedBy: this.#captures,
    }
    this.#byUid.set(uid, session)
    if (isPlainText(uid)) this.#plainTextCount += 1
    if (ttlMs !== null) {
      this.#opened = put(this.#opened, session.place, session)
      this.#ending.add(session)
    } else this.#lasting = put(this.#lasting, uid, session)
    return session
  }

  /** Records a sign of life: moves the deadline of a session with a ttl, unless it is revoked. */
  touch(session: Session, clockMs: number): void {
    if (session.ttlMs !== null && !session.isRevoked) {
      this.#willChange(session).deadlineMs = clockMs + session.ttlMs
    }
  }

  /** Records the touch `seq`. Its result takes the place of that of the touch before, however long another request waits. */
  recordTouch(session: Session, seq: number): void {
    const before = session.ended.get(session.touchedSeq)
    if (before !== undefined) this.results.release(before)
    this.#willChange(session).touchedSeq = seq
  }

  /** Records whether something is kept for the session. Does nothing when the session has ended. */
  keep(session: Session, isKept: boolean): void {
    if (this.#byUid.get(session.uid) !== session) return
    if (session.isKept !== isKept) this.#willChange(session).isKept = isKept
    if (isKept && session.ttlMs !== null) this.#kept.add(session)
  }

  /** Records that a session of plain text was used. The times must not decrease. Does nothing when the session has ended. */
  usePlainText(session: Session, clockMs: number): void {
    if (this.#byUid.get(session.uid) !== session) return
    this.#willChange(session).lastClockMs = clockMs
    if (session.waiting.size === 0) this.#idlePlainText.use(session)
    else this.#idlePlainText.remove(session)
  }

  /** Evicts the sessions of plain text that were idle too long: O(1) for each session and each of its results. */
  evictIdle(clockMs: number): void {
    for (
      let session = this.#idlePlainText.longestIdle;
      session !== null && session.lastClockMs < clockMs - plainTextIdleMs;
      session = this.#idlePlainText.longestIdle
    ) {
      this.remove(session)
    }
  }

  /** Removes a session with its results. */
  remove(session: Session): void {
    this.#willChange(session)
    this.#byUid.delete(session.uid)
    this.#ending.remove(session)
    this.#kept.remove(session)
    this.#idlePlainText.remove(session)
    if (session.ttlMs !== null) this.#opened = drop(this.#opened, session.place)
    else this.#lasting = drop(this.#lasting, session.uid)
    if (isPlainText(session.uid)) this.#plainTextCount -= 1
    for (const ended of session.ended.values()) this.results.release(ended)
  }

  /**
   * Drops the seqs below `ackedBelow`, which the client no longer needs. Returns the requests that still waited there, in
   * order of seq. The cost grows with the smaller of two numbers: the seqs that are passed, and the seqs that the session
   * holds.
   */
  acknowledge(session: Session, ackedBelow: number): (Waiting & { readonly seq: number })[] {
    if (ackedBelow <= session.ackedBelow) return []
    const first = session.ackedBelow
    this.#willChange(session).ackedBelow = ackedBelow
    for (const seq of seqsBelow(session.ended, first, ackedBelow)) {
      const ended = session.ended.get(seq)
      if (ended !== undefined) this.results.release(ended)
    }
    return this.takeWaiting(session, first, ackedBelow)
  }

  /** Removes and returns the delayed requests from `first` to below `end`, in order of seq. */
  takeWaiting(session: Session, first: number, end: number): (Waiting & { readonly seq: number })[] {
    if (session.waiting.size === 0) return []
    const taken: (Waiting & { readonly seq: number })[] = []
    const left = this.#willChange(session).waiting
    for (const seq of seqsBelow(left, first, end)) {
      const waiting = left.get(seq)
      left.delete(seq)
      if (waiting !== undefined) taken.push({ ...waiting, seq })
    }
    return taken
  }

  /** Refuses the session any further time. */
  revoke(session: Session): void {
    if (!session.isRevoked) this.#willChange(session).isRevoked = true
  }

  /** Records that the request waits. */
  setWaiting(session: Session, seq: number, waiting: Waiting): void {
    this.#willChange(session).waiting.set(seq, waiting)
  }

  /** Records that the request does not wait any more. */
  endWaiting(session: Session, seq: number): void {
    this.#willChange(session).waiting.delete(seq)
  }

  /** Restores what has no other method, on a session that was just opened. */
  restore(
    session: Session,
    of: Pick<Session, 'isRevoked' | 'touchedSeq' | 'ackedBelow' | 'forgottenBelow'>,
  ): void {
    Object.assign(this.#willChange(session), of)
  }

  /** The session, which may be changed now. */
  #willChange(session: Session): Changing {
    if (this.#captured !== null) this.#captured.keep(session)
    return session as unknown as Changing
  }
}

/** The seqs in `bySeq` from `first` to below `end`, in order. Nothing in it is below `first`. */
function seqsBelow(bySeq: ReadonlyMap<number, unknown>, first: number, end: number): number[] {
  if (end - first > bySeq.size) return [...bySeq.keys()].filter((seq) => seq < end).sort((a, b) => a - b)
  // A loop is faster here, and most requests of a session acknowledge one seq.
  const seqs: number[] = []
  for (let seq = first; seq < end; seq += 1) if (bySeq.has(seq)) seqs.push(seq)
  return seqs
}
