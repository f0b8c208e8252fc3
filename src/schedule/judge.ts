/** Judges a schedule as it goes: the invariants of a run, after every event. */
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import type { Judgement } from '../core/invariants.ts'
import { Invariants } from '../verify/invariants.ts'
import { checkQueue } from '../verify/queue.ts'
import type { ClusterSettings, ClusterState, ServerState } from './cluster.ts'
import type { ClusterStep } from './events.ts'

/** What a schedule is judged by: it has no end, and time is only a number. `service` is the name of what it replicates. */
export function judgementOf(service: string): Judgement {
  return { evidence: ['facts', 'queue'], isWholeHistory: true, service }
}

export class Judge {
  readonly #invariants: Invariants

  private constructor(invariants: Invariants) {
    this.#invariants = invariants
  }

  /** Of a cluster that is about to be founded. `service` is the name of what it replicates. */
  static begin({ founders }: Pick<ClusterSettings, 'founders'>, service: string): Judge {
    return new Judge(Invariants.begin({ founders, service }))
  }

  /** One that has seen the same, and goes on by itself. */
  copy(): Judge {
    return new Judge(this.#invariants.copy())
  }

  /** Takes what an event made of `before`. Throws a `Violation` when an invariant is broken. */
  judge(before: ClusterState, { state, facts }: ClusterStep): void {
    for (const fact of facts) this.#invariants.observe(fact)
    for (const server of state.servers) {
      const earlier = before.servers[server.id]
      if (earlier === undefined || earlier === server) continue
      const [was, is] = [queueOf(earlier), queueOf(server)]
      if (was === null || is === null) continue
      const executions = facts.flatMap((fact) => (fact.type === 'executed' ? [fact.execution] : []))
      checkQueue(server.id, was, is, executions)
    }
  }
}

/** `null` while the server is down: a crash ends a queue. */
function queueOf({ node }: ServerState): RequestQueueContext | null {
  return (node.running?.roles.requestQueue.context as RequestQueueContext | undefined) ?? null
}
