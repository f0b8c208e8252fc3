/**
 * The bounds on the cost of a run. Without faults no message is lost, so no message is sent twice, and every answer arrives soon. After
 * faults, when the cluster is idle again, a request costs as much as in a run without faults. The bounds are well above the measured
 * values: they find changes that double a cost, not changes of one percent.
 */
import type { NodeId } from '../../machines/batch.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import { defaultTiming } from '../../machines/timing.ts'
import type { Fact } from '../core/facts.ts'
import { Violation } from '../core/violation.ts'
import type { Operation } from '../verify/history.ts'
import { slowestRate } from './clock.ts'
import type { Plan, ServiceName } from './plan.ts'

/**
 * The longest time for an answer that waits for no other client, in virtual milliseconds. The measured maximum is 38 ms, in 150 runs
 * with up to five servers, several of which proposed.
 */
const longestAnswerMs = 200

/**
 * The most datagrams for each request and founder, when no request waits. The measured maximum is 4.4, in 120 runs in which several
 * servers proposed.
 */
const mostDatagrams = 9

/** The cost of one request. */
export interface Cost {
  readonly tookMs: number
  /** The datagrams that were sent until the cluster was idle again. */
  readonly datagrams: number
  /** The batches that all servers together executed meanwhile, including those that they learned late. */
  readonly executed: number
  /** True when another server led, so that the request was handed over to it. */
  readonly isHandedOver: boolean
  /** The snapshots that all servers together stored meanwhile. */
  readonly stored: number
}

/** The most that a request may cost. */
interface CostLimit {
  readonly mostMs: number
  readonly mostDatagrams: (counted: number, cost: Cost) => number
}

/** The limits for the consecutive requests to one server, each from a new client, which first opens a session: a request as well. */
export const limitsAtRest: readonly CostLimit[] = [
  // The server may have to catch up first, to ask servers that are gone, and to prepare. It may learn that a member was removed.
  { mostMs: 10_000, mostDatagrams: (counted, { executed }) => 40 * counted + executed },
  // This server or others may still have to catch up.
  { mostMs: 10_000, mostDatagrams: (counted, { executed }) => 20 * counted + executed },
  // Only `hello` and `welcome`; and, for each of the two requests, `request` and `response`, `accept` and `accepted` with each other
  // server, and `handOver` and `settled` with the leader, when that is another server.
  { mostMs: 100, mostDatagrams: datagramsAtRest },
]

function datagramsAtRest(counted: number, cost: Cost): number {
  return 2 + 2 * (2 * counted + datagramsWithLeader(cost)) + datagramsRepeated(counted, cost)
}

/**
 * A server that stores a snapshot syncs it before the records of an `accept`. So its `accepted` may come after the least timeout, and the
 * `accept` is repeated, once, to each other server.
 */
function datagramsRepeated(counted: number, { stored, tookMs }: Cost): number {
  return stored > 0 && tookMs > defaultTiming.retransmitLeastMs ? 2 * (counted - 1) : 0
}

/**
 * A timeout is about twice the usual round trip. So the `handOver` may be repeated, once, when two syncs happen to be slow and the
 * answer comes after the least timeout.
 */
function datagramsWithLeader({ isHandedOver, tookMs }: Cost): number {
  if (!isHandedOver) return 0
  return tookMs > defaultTiming.retransmitLeastMs ? 4 : 2
}

/** Throws a `Violation` when the request `what` cost too much, in a cluster of `counted` members. */
export function checkCost(cost: Cost, limit: CostLimit, counted: number, what: string): void {
  const { tookMs, datagrams } = cost
  if (tookMs > limit.mostMs) {
    throw new Violation(
      11,
      `${what} was answered after ${tookMs} ms in an idle cluster; the bound is ${limit.mostMs} ms`,
    )
  }
  const most = limit.mostDatagrams(counted, cost)
  if (datagrams > most) {
    throw new Violation(12, `${what} cost ${datagrams} datagrams in an idle cluster; the bound is ${most}`)
  }
}

/**
 * The longest time after the last fault until all requests are answered, in virtual milliseconds, unless clients vanish. The measured
 * maximum is 7.6 s in 774 runs of registers, and 18.4 s in 1,226 runs of locks, which clients hold for a while.
 */
const usualLongestMs: Readonly<Record<ServiceName, number>> = { register: 25_000, lock: 50_000 }

/** From the last sign of life of a vanished client until others have its lock: its ttl by the slowest clock, and this. */
const freedWithinMs = 2_000

/**
 * As `usualLongestMs`, when in turn each client that vanishes holds the lock for which the others wait, and before that a client that has
 * given up its session, because its clock was set ahead.
 */
export function longestAfterFaultsMs({ service, ttlMs, clients, faults }: Plan): number {
  const vanishing = clients.filter(({ lanes }) => lanes.flat().some(({ kind }) => kind === 'leave')).length
  const givingUp = faults.some(({ kind }) => kind === 'clientClock') ? 1 : 0
  return usualLongestMs[service] + (vanishing + givingUp) * (ttlMs / slowestRate + freedWithinMs)
}

export class Measures {
  readonly #sent = new Set<string>()

  /** Throws a `Violation` when a proposer sends the same prepare or accept to a server again. */
  observe(fact: Fact): void {
    if (fact.type !== 'said') return
    const name = askedFor(fact.node, fact.to, fact.message)
    if (name === null) return
    if (this.#sent.has(name)) throw new Violation(12, `sent again although no message was lost: ${name}`)
    this.#sent.add(name)
  }

  /**
   * Throws a `Violation` when an answer arrived too late, or when `datagrams` are too many for the number of founders. No operation may
   * have waited for another client.
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

/** The name of a prepare or an accept and its receiver; `null` for other messages. */
function askedFor(node: NodeId, to: NodeId, message: NodeMessage): string | null {
  if (message.type !== 'prepare' && message.type !== 'accept') return null
  const { round, node: of } = message.ballot
  const instance = message.type === 'prepare' ? message.from : message.instance
  return `${node} to ${to}: ${message.type} ${round}.${of}, instance ${instance}`
}
