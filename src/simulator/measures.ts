/**
 * What a run may cost. Without faults nothing is lost, so nothing is said twice, and every answer comes soon. After faults, when all is
 * at rest, a request costs as much as it would have cost without them. The bounds lie well above what was measured, since they are to
 * find what doubles a cost, not what adds a hundredth.
 */
import type { NodeId } from '../../machines/batch.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import type { Fact } from '../core/facts.ts'
import { Violation } from '../core/violation.ts'
import type { Operation } from '../verify/history.ts'
import type { ServiceName } from './plan.ts'

/**
 * The longest that an answer may take that waits for no other client, in virtual milliseconds. The longest of 150 runs with up to five
 * servers, several of which proposed, was 38 ms.
 */
const longestAnswerMs = 200

/**
 * The most datagrams that a request may cost for each founder, where no request waits. The most of 120 runs was 4.4; several servers
 * proposed in them.
 */
const mostDatagrams = 9

/** What one request came to. */
export interface Cost {
  readonly tookMs: number
  /** All that was sent until the cluster was at rest again. */
  readonly datagrams: number
  /** Batches that servers executed meanwhile, each counted at each server: what was learned late is among them. */
  readonly executed: number
}

/** The most that a request may cost. */
interface CostLimit {
  readonly mostMs: number
  /** Of so many servers that are counted, where so many batches were executed. */
  readonly mostDatagrams: (counted: number, executed: number) => number
}

/** The limits of the requests that a server is asked, one after another, by a new client each. */
export const limitsAtRest: readonly CostLimit[] = [
  // It may have to catch up first, to ask servers that are gone, and to prepare. A member may be removed in what it learns.
  { mostMs: 10_000, mostDatagrams: (counted, executed) => 40 * counted + executed },
  // It, or others, may still have something to catch up with.
  { mostMs: 10_000, mostDatagrams: (counted, executed) => 20 * counted + executed },
  // `hello`, `welcome`, `request` and `response`, and with each other server `accept` and `accepted`: nothing is left to be done.
  { mostMs: 50, mostDatagrams: (counted) => 4 + 2 * (counted - 1) },
]

/** Throws a `Violation` when `what`, a request at one of so many servers that are counted, cost too much. */
export function checkCost(
  { tookMs, datagrams, executed }: Cost,
  limit: CostLimit,
  counted: number,
  what: string,
): void {
  if (tookMs > limit.mostMs) {
    throw new Violation(
      11,
      `${what} was answered after ${tookMs} ms at rest; the bound is ${limit.mostMs} ms`,
    )
  }
  const most = limit.mostDatagrams(counted, executed)
  if (datagrams > most) {
    throw new Violation(12, `${what} cost ${datagrams} datagrams at rest; the bound is ${most}`)
  }
}

/**
 * How long after all faults everything that was asked for has to be answered, in virtual milliseconds. The longest of 774 runs of
 * registers was 7.6 s, the longest of 1,226 of locks, which are held for a while and may have to be freed by somebody else, 18.4 s.
 */
export const longestAfterFaultsMs: Readonly<Record<ServiceName, number>> = { register: 25_000, lock: 50_000 }

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

  /**
   * Throws a `Violation` when an answer came too late, or when `datagrams` are too many for so many founders. No operation may have
   * waited for another client.
   */
  end(operations: readonly Operation[], datagrams: number, founders: number): void {
    const most = mostDatagrams * operations.length * founders
    if (datagrams > most) {
      const asked = `${operations.length} requests at ${founders} servers`
      throw new Violation(12, `${asked} cost ${datagrams} datagrams without any fault; the bound is ${most}`)
    }
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
