/**
 * Messages in transit, oldest first among equals; and for a while those that were received, since a further copy may follow. Its
 * size is bounded.
 */
import type { FateRecord, PartyName } from '../../src/inspect/records/record.ts'
import { type LaneMessage, messageKey, uidOfMessage } from './lane-messages.ts'

/** The most messages in transit. The oldest are dropped. */
const maxOpen = 4_000
/** The most received messages that are kept for further copies. */
const maxReceived = 2_000
/** The most fates that are kept because their record precedes the step that sends the message. */
const maxEarly = 200

interface EarlyFate {
  /** The record of the fate. */
  readonly at: number
  readonly record: FateRecord
}

/** `T` is the data of a sent message. */
export class InTransit<T> {
  /** By key, the oldest first. */
  readonly #open = new Map<string, T[]>()
  /** The messages in order of sending. Some are received by now. */
  #opened: { readonly key: string; readonly one: T }[] = []
  #openedFrom = 0
  readonly #received = new Map<string, T>()
  readonly #early = new Map<string, EarlyFate>()

  /** A message was sent. */
  add(key: string, one: T): void {
    const line = this.#open.get(key)
    if (line === undefined) this.#open.set(key, [one])
    else line.push(one)
    this.#opened.push({ key, one })
    while (this.#opened.length - this.#openedFrom > maxOpen) this.#giveUpOldest()
  }

  /** Removes the oldest message in transit; `null` when there is none. */
  takeOldest(key: string): T | null {
    return this.#taken(key, (line) => line.shift())
  }

  /** Removes the message that was sent last. */
  takeNewest(key: string): T | null {
    return this.#taken(key, (line) => line.pop())
  }

  /** The message that was sent last. It stays. */
  newest(key: string): T | undefined {
    return this.#open.get(key)?.at(-1)
  }

  /** The last message with that key that was received, if recently. */
  lastReceived(key: string): T | undefined {
    return this.#received.get(key)
  }

  /** A message was received. */
  receive(key: string, one: T): void {
    this.#received.delete(key)
    this.#received.set(key, one)
    if (this.#received.size > maxReceived) forgetOldest(this.#received)
  }

  /** Keeps a fate until the record that sends its message. */
  keepEarly(key: string, early: EarlyFate): void {
    this.#early.set(key, early)
    if (this.#early.size > maxEarly) forgetOldest(this.#early)
  }

  /** The fate that was recorded earlier, for the event that sends the message now. */
  takeEarly(key: string, clock: number | null): EarlyFate | null {
    const early = this.#early.get(key)
    if (early === undefined || early.record.clock !== clock) return null
    this.#early.delete(key)
    return early
  }

  clear(): void {
    this.#opened = []
    this.#openedFrom = 0
    for (const table of [this.#open, this.#received, this.#early]) table.clear()
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
 * The key of a message: equal for all messages that cannot be distinguished. A client's session in the message identifies that
 * client, because the client may have several addresses.
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
