/** Sessions in the order in which they end. */
import { numberKey } from './number-key.ts'
import type { Session } from './sessions.ts'
import { drop, emptyMap, firstValue, put, type SortedMap } from './sorted-map.ts'

/** A text that sorts in the order in which sessions were opened, from the public id of a session. */
export function openingPlace(id: string): string {
  return id
    .split('.')
    .map((part) => numberKey(Number(part)))
    .join('.')
}

/** A text that sorts by deadline, then by the order in which the sessions were opened. */
function endingPlace({ place, deadlineMs }: Session): string {
  return `${numberKey(deadlineMs ?? 0)} ${place}`
}

/** A session, and the deadline by which it is placed: its own, or an earlier one. */
interface Placed {
  readonly session: Session
  readonly deadlineMs: number | null
}

/**
 * Sessions by their deadlines. A session stands at the place of an earlier deadline of its own until that place comes first: so a sign of
 * life costs nothing here. Deadlines of a session only grow.
 */
export class SessionOrder {
  readonly #belongs: (session: Session) => boolean
  readonly #places = new Map<Session, string>()
  #inOrder: SortedMap<Placed> = emptyMap

  /** A session that does not belong to it any more, by `belongs`, is dropped when its place comes first. */
  constructor(belongs: (session: Session) => boolean) {
    this.#belongs = belongs
  }

  /** Adds the session. Does nothing when it is there. */
  add(session: Session): void {
    if (this.#places.has(session)) return
    this.#insert(session)
  }

  /** Removes the session. Does nothing when it is not there. */
  remove(session: Session): void {
    const place = this.#places.get(session)
    if (place === undefined) return
    this.#places.delete(session)
    this.#inOrder = drop(this.#inOrder, place)
  }

  /** The session with the earliest deadline; `null` when there is none. */
  get first(): Session | null {
    return this.firstDue(Number.POSITIVE_INFINITY)
  }

  /** The session with the earliest deadline, if that is at `clockMs` or before; otherwise `null`. */
  firstDue(clockMs: number): Session | null {
    for (;;) {
      const placed = firstValue(this.#inOrder)
      if (placed === undefined || (placed.deadlineMs ?? 0) > clockMs) return null
      const { session } = placed
      const belongs = this.#belongs(session)
      if (belongs && placed.deadlineMs === session.deadlineMs) return session
      this.remove(session)
      if (belongs) this.#insert(session)
    }
  }

  #insert(session: Session): void {
    const place = endingPlace(session)
    this.#places.set(session, place)
    this.#inOrder = put(this.#inOrder, place, { session, deadlineMs: session.deadlineMs })
  }
}
