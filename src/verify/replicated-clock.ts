/**
 * Invariant 13, as far as it is judged: between any two instances the replicated clock advances by no more than the real time
 * between the first proposals of what they chose, as the fastest clock of a server may count it. So it is never ahead of the
 * time since the run began. An engine judges it that knows real time beside the clocks of its servers.
 *
 * The other half of the invariant, that no session ends while its client may believe that it lives, is judged by nobody.
 */
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Fact } from '../core/facts.ts'
import { Violation } from '../core/violation.ts'

/** A server's monotonic clock counts so many milliseconds in a real one, at most. */
export const fastestRate = 1.05

/** Milliseconds: the time that a batch brings ends at a whole one. */
const rounding = 1.001

export class ReplicatedClock {
  /** When each batch was first proposed, by instance: of those that nobody has executed, and the last that somebody has. */
  readonly #proposed = new Map<Instance, Map<string, number>>()
  #executed = 0
  #clockMs = 0
  /** The least by which the clock was ahead of the fastest one at the proposal of a chosen batch: most often below 0. */
  #leastAheadMs = 0

  /**
   * Takes the next fact, at `nowMs` of real time since the run began. `clockMs` is the replicated clock of the server that the
   * fact is of, `null` where it is not known. Throws a `Violation` when it breaks the invariant.
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
        `at instance ${instance}, executed by server ${node}, the replicated clock is at ${this.#clockMs} ms: since an instance before it has advanced by ${tooMuchMs} ms more than any server's clock can have`,
      )
    }
    this.#leastAheadMs = Math.min(this.#leastAheadMs, aheadMs)
    this.#executed += 1
    this.#proposed.delete(instance)
  }
}

/** Batches that are the same by this bring the same time, and hold requests that clients had sent when the first was proposed. */
function nameOf({ node, elapsedMs, requests }: Batch): string {
  return `${node} ${elapsedMs} ${requests.map(({ uid, seq }) => `${seq}:${uid}`).join(' ')}`
}
