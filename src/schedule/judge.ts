/** Judges the invariants of a schedule after every event. */
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import type { Judgement } from '../core/invariants.ts'
import { Invariants } from '../verify/invariants.ts'
import { checkQueue, outcomesIn } from '../verify/queue.ts'
import type { ClusterSettings, ClusterState, ServerState } from './cluster.ts'
import type { ClusterStep } from './events.ts'

/** The judgement of a schedule. A schedule has no end of run and no real time. `service` is a service name. */
export function judgementOf(service: string): Judgement {
  return { evidence: ['facts', 'clients', 'queue'], isWholeHistory: true, service }
}

export class Judge {
  readonly #invariants: Invariants

  private constructor(invariants: Invariants) {
    this.#invariants = invariants
  }

  /** For a cluster that is about to be founded. `service` is a service name. */
  static begin({ founders }: Pick<ClusterSettings, 'founders'>, service: string): Judge {
    return new Judge(Invariants.begin({ founders, service }))
  }

  /** A judge with the same knowledge, which continues independently. */
  copy(): Judge {
    return new Judge(this.#invariants.copy())
  }

  /** Judges the step that an event caused in `before`. Throws a `Violation` when an invariant is broken. */
  judge(before: ClusterState, { state, facts }: ClusterStep): void {
    for (const fact of facts) this.#invariants.observe(fact)
    for (const server of state.servers) {
      const earlier = before.servers[server.id]
      if (earlier === undefined || earlier === server) continue
      const [was, is] = [queueOf(earlier), queueOf(server)]
      if (was === null || is === null) continue
      checkQueue(server.id, was, is, outcomesIn(facts))
    }
  }
}

/** `null` while the server is down: a crash ends a queue. */
function queueOf({ node }: ServerState): RequestQueueContext | null {
  return (node.running?.roles.requestQueue.context as RequestQueueContext | undefined) ?? null
}
