/** The decisions of a node that depend only on their arguments. They are pure functions, and a test may replace each. */
import type { NodeId } from '../../machines/batch.ts'
import type { RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { Write } from '../../machines/outputs.ts'
import type { DurableState } from './durable.ts'
import type { NodeEvent } from './node-event.ts'
import { addressOf, isHeard } from './reach.ts'
import type { ReplicatedState } from './replicated-state.ts'
import type { Recovered } from './roles.ts'

/** An event for a role. */
export interface RoleTask {
  readonly role: RoleName
  readonly event: RoleEvent
}

/** The decisions of a node. */
export interface NodeRules {
  readonly recoveredFrom: typeof recoveredFrom
  readonly isHeard: typeof isHeard
  readonly addressOf: typeof addressOf
  readonly eventAfterWrite: typeof eventAfterWrite
  readonly tasksAfterExecution: typeof tasksAfterExecution
}

/** The initial state of the roles. The members are those after all executed batches, not the founders of the cluster. */
export function recoveredFrom(
  { self, incarnation }: { readonly self: NodeId; readonly incarnation: string },
  { members }: Pick<ReplicatedState, 'members'>,
  { promised, accepted, firstUnchosen }: DurableState,
): Recovered {
  return { self, incarnation, members, promised, accepted, firstUnchosen }
}

/**
 * The event that follows a successful `write`; `null` for none. The acceptor waits until its write is synced. No role waits for a
 * write of the learner.
 */
export function eventAfterWrite(write: Write): Extract<NodeEvent, { type: 'synced' }> | null {
  return write.by === 'acceptor' ? { type: 'synced' } : null
}

/**
 * The events that the roles receive after an execution at the monotonic time `atMs`, in order. The members come first, because the other events apply under
 * the new members. The proposer comes last: it starts the next instance at once, and the queue must already be without the
 * executed requests.
 */
export function tasksAfterExecution(execution: Execution, atMs: number): readonly RoleTask[] {
  const executed = { type: 'batch.executed', ...execution, atMs } as const
  const tasks: RoleTask[] = [
    { role: 'requestQueue', event: executed },
    { role: 'proposer', event: executed },
  ]
  const { members } = execution
  if (members === null) return tasks
  const changed = { type: 'members.changed', members } as const
  const roles = ['acceptor', 'learner', 'requestQueue'] as const
  return [...roles.map((role) => ({ role, event: changed })), ...tasks]
}

/** The default rules. */
export const nodeRules: NodeRules = {
  recoveredFrom,
  isHeard,
  addressOf,
  eventAfterWrite,
  tasksAfterExecution,
}
