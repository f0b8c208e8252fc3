/**
 * The part of invariant 13 about the replicated clock (`leases.ts` has the other): between any two instances the replicated clock advances by no more than the real time between
 * the first proposals of their chosen batches, measured by the fastest clock that a server may have. So the replicated clock is
 * never ahead of the time since the run began. Only an engine that knows both real time and the clocks of its servers can judge
 * this.
 */
import { type Batch, type Instance, requestsOf } from '../../machines/batch.ts'
import { requestId } from '../../machines/held-requests.ts'
import type { Fact } from '../core/facts.ts'
import { Violation } from '../core/violation.ts'

/** The most milliseconds that the monotonic clock of a server counts in one real millisecond. */
export const fastestRate = 1.05

/** Milliseconds. The elapsed time in a batch is rounded to whole milliseconds. */
const rounding = 1.001

export class ReplicatedClock {
  /**
   * By instance, the time when each batch was first proposed. Holds the instances that no server has executed, and the last one
   * that a server has executed.
   */
  readonly #proposed = new Map<Instance, Map<string, number>>()
  #executed = 0
  #clockMs = 0
  /** The smallest lead of the clock over the fastest possible one at the proposal of a chosen batch. Usually below 0. */
  #leastAheadMs = 0

  /**
   * Takes the next fact, at `nowMs` of real time since the run began. `clockMs` is the replicated clock of the server of the fact,
   * `null` when it is not known. Throws a `Violation` when the fact breaks the invariant.
   */
  observe(fact: Fact, nowMs: number, clockMs: number | null): void {
    if (fact.type === 'said' && fact.message.type === 'accept') {
      this.#propose(fact.message.instance, fact.message.batch, nowMs)
    } else if (fact.type === 'executed' && fact.instance === this.#executed) {
      this.#execute(fact.node, fact.batch, nowMs, clockMs)
    }
  }

  #propose(instance: Instance, batch: Batch, nowMs: number): void {
    if (instance < this.#executed) return
    const proposed = this.#proposed.get(instance) ?? new Map<string, number>()
    const name = nameOf(batch)
    if (!proposed.has(name)) this.#proposed.set(instance, proposed.set(name, nowMs))
  }

  #execute(node: number, batch: Batch, nowMs: number, clockMs: number | null): void {
    const instance = this.#executed
    const proposedMs = this.#proposed.get(instance)?.get(nameOf(batch)) ?? nowMs
    this.#clockMs = clockMs ?? this.#clockMs + batch.elapsedMs
    const aheadMs = this.#clockMs - proposedMs * fastestRate
    if (aheadMs > this.#leastAheadMs + rounding) {
      const tooMuchMs = Math.ceil(aheadMs - this.#leastAheadMs)
      throw new Violation(
        13,
        `at instance ${instance}, executed by server ${node}, the replicated clock is at ${this.#clockMs} ms: since an earlier instance it has advanced ${tooMuchMs} ms more than any server's clock can have`,
      )
    }
    this.#leastAheadMs = Math.min(this.#leastAheadMs, aheadMs)
    this.#executed += 1
    this.#proposed.delete(instance)
  }
}

/**
 * Batches with the same name have the same elapsed time and the same requests. So the clients had sent those requests when the
 * first such batch was proposed.
 */
function nameOf(batch: Batch): string {
  const ids = requestsOf(batch).map(requestId)
  return `${batch.node} ${batch.elapsedMs} ${ids.join(' ')}`
}
