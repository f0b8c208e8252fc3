/** The sessions as they were when a capture began, while they change. */
import type { Ended } from './results.ts'
import type { Session } from './sessions.ts'
import type { SessionLine } from './snapshot.ts'
import { eachValue, type SortedMap } from './sorted-map.ts'
import type { Waiting } from './waiting.ts'

/** All that a snapshot keeps of a session. It shares nothing with the session that changes. */
export interface SessionImage {
  readonly line: SessionLine
  /** In any order. */
  readonly ended: readonly Ended[]
  /** In any order. */
  readonly waiting: readonly (Waiting & { readonly seq: number })[]
}

const none: readonly never[] = []

export function imageOf(session: Session): SessionImage {
  const { uid, ttlMs, deadlineMs, isRevoked, isKept, touchedSeq, ackedBelow } = session
  const { forgottenBelow, lastClockMs, ended, waiting } = session
  return {
    line: [
      ...(['session', uid, ttlMs, deadlineMs, isRevoked, isKept] as const),
      ...([touchedSeq, ackedBelow, forgottenBelow, lastClockMs] as const),
    ],
    ended: ended.size === 0 ? none : [...ended.values()],
    waiting: waiting.size === 0 ? none : [...waiting].map(([seq, request]) => ({ ...request, seq })),
  }
}

/**
 * Walks the sessions of one moment. It takes the image of a session when it comes to it. A session that changes before that must be
 * passed to `keep` first, with the state that it had at that moment.
 */
export class SessionImages implements Iterable<SessionImage> {
  readonly #sessions: readonly SortedMap<Session>[]
  /** The sessions that were there and have changed since, as they were. */
  readonly #kept = new Map<Session, SessionImage>()
  /** The number of this walk, from 1 on. A session whose `capturedBy` is equal needs no image any more. */
  readonly number: number

  constructor(number: number, sessions: readonly SortedMap<Session>[]) {
    this.number = number
    this.#sessions = sessions
  }

  *[Symbol.iterator](): Generator<SessionImage, void> {
    for (const sessions of this.#sessions) {
      for (const session of eachValue(sessions)) {
        const kept = this.#kept.get(session)
        this.#kept.delete(session)
        session.capturedBy = this.number
        yield kept ?? imageOf(session)
      }
    }
  }

  /** Keeps the image of a session that is about to change. Does nothing when that is done already. */
  keep(session: Session): void {
    if (session.capturedBy === this.number) return
    session.capturedBy = this.number
    this.#kept.set(session, imageOf(session))
  }
}
