import type { NodeId } from '../../../machines/batch.ts'
import type { NodeMessage } from '../../../machines/messages.ts'
import { fingerprint } from '../../core/fingerprint.ts'
import { memoByIdentity } from '../../core/memo.ts'

/** How many messages are kept of each pair of sender and receiver, and how many pairs. A sender may name any receiver. */
const remembered = 4_096
const mostLinks = 4_096
/** The limit for all pairs together. */
const mostRemembered = 1_048_576

/** Kept, because both the ordering and the judgement need them. */
const printOf = memoByIdentity<NodeMessage, number>(fingerprint)

/** The messages that servers recently sent to each other: answers whether a received message is known to have been sent. */
export class SentLog {
  readonly #links = new Map<string, Set<number>>()
  #count = 0

  add(from: NodeId, to: NodeId, message: NodeMessage): void {
    const link = `${from} ${to}`
    const known = this.#links.get(link) ?? new Set()
    // The map is in order of use: the oldest pair first.
    this.#links.delete(link)
    this.#links.set(link, known)
    const [unused] = this.#links.keys()
    if (unused !== undefined && (this.#links.size > mostLinks || this.#count > mostRemembered)) {
      this.#count -= this.#links.get(unused)?.size ?? 0
      this.#links.delete(unused)
    }
    const print = printOf(message)
    // A message that is sent again becomes the latest.
    if (!known.delete(print)) this.#count += 1
    known.add(print)
    const [oldest] = known
    if (known.size <= remembered || oldest === undefined) return
    known.delete(oldest)
    this.#count -= 1
  }

  /** True when `from` is known to have sent that message to `to`. */
  knows(from: NodeId, to: NodeId, message: NodeMessage): boolean {
    return this.#links.get(`${from} ${to}`)?.has(printOf(message)) ?? false
  }
}
