import type { NodeId } from '../../machines/batch.ts'
import type { RequestOutcome } from '../../machines/outcome.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import type { Fact } from '../core/facts.ts'
import type { Judgement } from '../core/invariants.ts'
import { Invariants, type InvariantsOptions } from '../verify/invariants.ts'
import { type Beliefs, Leases } from '../verify/leases.ts'
import { checkQueue, outcomesIn } from '../verify/queue.ts'
import { ReplicatedClock } from '../verify/replicated-clock.ts'
import type { Timeline } from './timeline.ts'

/** The judgement of a run so far. It covers the end of the run only if the run ended without failure. `service` is a service name. */
export function judgementOf(service: string, hasEnded = false): Judgement {
  const soFar = ['facts', 'clients', 'queue', 'realTime', 'files'] as const
  return { evidence: hasEnded ? [...soFar, 'endOfRun'] : soFar, isWholeHistory: true, service }
}

/** Judges a run while it goes on, and logs every fact, in order, with the virtual time. */
export class Judge {
  readonly #timeline: Timeline
  readonly #invariants: Invariants
  readonly #clock = new ReplicatedClock()
  readonly #leases: Leases
  readonly #log: ((line: string) => void) | null
  /** The outcomes that each server has shown since the last check of its request queue. */
  readonly #outcomes = new Map<NodeId, RequestOutcome[]>()

  constructor(
    timeline: Timeline,
    options: InvariantsOptions & { readonly beliefs: Beliefs },
    log: ((line: string) => void) | null,
  ) {
    this.#leases = new Leases(options.beliefs)
    this.#timeline = timeline
    this.#log = log
    this.#invariants = Invariants.begin(options)
  }

  /** `clockMs` is the replicated clock of the server of the fact, if it runs. Throws a `Violation` when the fact breaks an invariant. */
  observe(fact: Fact, clockMs: number | null): void {
    if (this.#log !== null) this.note(JSON.stringify(fact))
    if (fact.type === 'executed' || fact.type === 'recalled') {
      const outcomes = this.#outcomes.get(fact.node)
      if (outcomes === undefined) this.#outcomes.set(fact.node, [...outcomesIn([fact])])
      else outcomes.push(...outcomesIn([fact]))
    }
    this.#invariants.observe(fact)
    this.#clock.observe(fact, this.#timeline.nowMs, clockMs)
    this.#leases.observe(fact)
  }

  /** To be called after an event at a server. Throws a `Violation` when its request queue has lost a request. */
  moved(node: NodeId, before: RequestQueueContext, after: RequestQueueContext): void {
    checkQueue(node, before, after, this.#outcomes.get(node) ?? [])
    this.#outcomes.delete(node)
  }

  /** Logs an event that is not a fact. */
  note(text: string): void {
    this.#log?.(`${this.#timeline.nowMs} ${text}\n`)
  }
}
