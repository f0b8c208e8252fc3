/** Judges a schedule as it goes: the invariants of a run, after every event. */
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import { Invariants } from '../verify/invariants.ts'
import { checkQueue } from '../verify/queue.ts'
import type { ClusterSettings, ClusterState, ServerState } from './cluster.ts'
import type { ClusterStep } from './events.ts'

export class Judge {
  readonly #invariants: Invariants

  /** Of a cluster that is about to be founded. `service` is the name of what it replicates. */
  constructor({ founders }: Pick<ClusterSettings, 'founders'>, service: string) {
    this.#invariants = Invariants.begin({ founders, service })
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
