/**
 * Messages that were said and are not heard yet, the oldest of those alike first; and for a while those that were heard, of
 * which a further copy may come. What it holds is bounded.
 */
import type { FateRecord, PartyName } from '../../src/inspect/records/record.ts'
import { type LaneMessage, messageKey, uidOfMessage } from './lane-messages.ts'

/** Messages that wait to be heard, at most: the oldest are given up. */
const maxOpen = 4_000
/** Messages that were heard, of which a further copy is known for one. */
const maxHeard = 2_000
/** Fates that are told before the step in which the message was said. */
const maxEarly = 200

interface EarlyFate {
  /** The record that tells of it. */
  readonly at: number
  readonly record: FateRecord
}

/** `T` is what is known of a message that was said. */
export class OnTheirWay<T> {
  /** By key, the oldest first. */
  readonly #open = new Map<string, T[]>()
  /** Those that were opened, in order; some are heard by now. */
  #opened: { readonly key: string; readonly one: T }[] = []
  #openedFrom = 0
  readonly #heard = new Map<string, T>()
  readonly #early = new Map<string, EarlyFate>()

  /** It goes on its way. */
  add(key: string, one: T): void {
    const line = this.#open.get(key)
    if (line === undefined) this.#open.set(key, [one])
    else line.push(one)
    this.#opened.push({ key, one })
    while (this.#opened.length - this.#openedFrom > maxOpen) this.#giveUpOldest()
  }

  /** The one that is longest on its way, which is so no more; `null` when there is none. */
  takeOldest(key: string): T | null {
    return this.#taken(key, (line) => line.shift())
  }

  /** The one that was said last. */
  takeNewest(key: string): T | null {
    return this.#taken(key, (line) => line.pop())
  }

  /** The one that was said last, which stays. */
  newest(key: string): T | undefined {
    return this.#open.get(key)?.at(-1)
  }

  /** The last of these that was heard, if that is not long ago. */
  lastHeard(key: string): T | undefined {
    return this.#heard.get(key)
  }

  /** It was heard. */
  hear(key: string, one: T): void {
    this.#heard.delete(key)
    this.#heard.set(key, one)
    if (this.#heard.size > maxHeard) forgetOldest(this.#heard)
  }

  /** Keeps a fate until the message is told of that met it. */
  keepEarly(key: string, early: EarlyFate): void {
    this.#early.set(key, early)
    if (this.#early.size > maxEarly) forgetOldest(this.#early)
  }

  /** The fate that was told of before, in the event in which the message is said now. */
  takeEarly(key: string, clock: number | null): EarlyFate | null {
    const early = this.#early.get(key)
    if (early === undefined || early.record.clock !== clock) return null
    this.#early.delete(key)
    return early
  }

  clear(): void {
    this.#opened = []
    this.#openedFrom = 0
    for (const table of [this.#open, this.#heard, this.#early]) table.clear()
  }

  #taken(key: string, take: (line: T[]) => T | undefined): T | null {
    const line = this.#open.get(key)
    if (line === undefined) return null
    const one = take(line)
    if (line.length === 0) this.#open.delete(key)
    return one ?? null
  }

  #giveUpOldest(): void {
    const oldest = this.#opened[this.#openedFrom]
    this.#openedFrom += 1
    if (this.#openedFrom > maxOpen) {
      this.#opened = this.#opened.slice(this.#openedFrom)
      this.#openedFrom = 0
    }
    if (oldest !== undefined && this.#open.get(oldest.key)?.[0] === oldest.one) this.takeOldest(oldest.key)
  }
}

/**
 * The same for all messages that cannot be told apart. Of a client's end, its session in the message is enough: it may be known
 * by several addresses.
 */
export function keyOf(from: PartyName, to: PartyName, message: LaneMessage): string {
  const isNamed = uidOfMessage(message) !== null
  const end = (party: PartyName) => (typeof party === 'string' && isNamed ? 'client' : party)
  return `${end(from)}>${end(to)} ${messageKey(message)}`
}

function forgetOldest(table: Map<string, unknown>): void {
  const [oldest] = table.keys()
  if (oldest !== undefined) table.delete(oldest)
}
