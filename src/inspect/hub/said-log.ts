import type { NodeId } from '../../../machines/batch.ts'
import type { NodeMessage } from '../../../machines/messages.ts'
import { fingerprint } from '../../core/fingerprint.ts'

/** Messages that are remembered of each server to each, and how many pairs there may be: who says a message may name anybody. */
const remembered = 4_096
const mostLinks = 4_096
/** Of all links together. */
const mostRemembered = 1_048_576

/** Who puts records in order and who judges them both ask. */
const prints = new WeakMap<NodeMessage, number>()

function printOf(message: NodeMessage): number {
  const known = prints.get(message)
  if (known !== undefined) return known
  const print = fingerprint(message)
  prints.set(message, print)
  return print
}

/** What servers said to each other lately: to tell whether a message that was heard is known to have been said. */
export class SaidLog {
  readonly #links = new Map<string, Set<number>>()
  #count = 0

  said(from: NodeId, to: NodeId, message: NodeMessage): void {
    const link = `${from} ${to}`
    const known = this.#links.get(link) ?? new Set()
    // The oldest first: of those that nobody uses.
    this.#links.delete(link)
    this.#links.set(link, known)
    const [unused] = this.#links.keys()
    if (unused !== undefined && (this.#links.size > mostLinks || this.#count > mostRemembered)) {
      this.#count -= this.#links.get(unused)?.size ?? 0
      this.#links.delete(unused)
    }
    const print = printOf(message)
    // Said again, it is the latest again.
    if (!known.delete(print)) this.#count += 1
    known.add(print)
    const [oldest] = known
    if (known.size <= remembered || oldest === undefined) return
    known.delete(oldest)
    this.#count -= 1
  }

  /** True when `from` is known to have said that to `to`. */
  knows(from: NodeId, to: NodeId, message: NodeMessage): boolean {
    return this.#links.get(`${from} ${to}`)?.has(printOf(message)) ?? false
  }
}
