/**
 * What a run without faults may cost: nothing is lost, so nothing is said twice, and every answer comes soon. The bounds lie well above
 * what was measured, since they are to find what doubles a cost, not what adds a hundredth.
 */
import type { NodeId } from '../../machines/batch.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import type { Fact } from '../verify/facts.ts'
import type { Operation } from '../verify/history.ts'
import { Violation } from '../verify/violation.ts'

/**
 * The longest that an answer may take that waits for no other client, in virtual milliseconds. The longest of 150 runs with up to five
 * servers, several of which proposed, was 38 ms.
 */
const longestAnswerMs = 200

export class Measures {
  readonly #said = new Set<string>()

  /** Throws a `Violation` when a proposer asks somebody again for what it has asked for. */
  observe(fact: Fact): void {
    if (fact.type !== 'said') return
    const name = askedFor(fact.node, fact.to, fact.message)
    if (name === null) return
    if (this.#said.has(name)) throw new Violation(12, `nothing is lost, and yet it is said again: ${name}`)
    this.#said.add(name)
  }

  /** Throws a `Violation` when an answer came too late. No operation may have waited for another client. */
  end(operations: readonly Operation[]): void {
    for (const { uid, seq, called, ending } of operations) {
      if (ending.kind !== 'answered') continue
      const tookMs = ending.at.timeMs - called.timeMs
      if (tookMs <= longestAnswerMs) continue
      throw new Violation(
        11,
        `${uid} ${seq} was answered after ${tookMs} ms without any fault; the bound is ${longestAnswerMs} ms`,
      )
    }
  }
}

/** What is asked of whom, for what a proposer asks of acceptors. */
function askedFor(node: NodeId, to: NodeId, message: NodeMessage): string | null {
  if (message.type !== 'prepare' && message.type !== 'accept') return null
  const { round, node: of } = message.ballot
  const instance = message.type === 'prepare' ? message.from : message.instance
  return `${node} to ${to}: ${message.type} ${round}.${of}, instance ${instance}`
}
