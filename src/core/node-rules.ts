/** The decisions of a node that depend only on their arguments. They are pure functions, and a test may replace each. */
import { type NodeId, sameJson } from '../../machines/batch.ts'
import type { RoleEvent, RoleName } from '../../machines/inbox.ts'
import { type Member, peersOf } from '../../machines/members.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { Write } from '../../machines/outputs.ts'
import type { DurableState } from './durable.ts'
import type { NodeEvent } from './node-event.ts'
import { addressOf, isHeard } from './reach.ts'
import type { ReplicatedState } from './replicated-state.ts'
import type { Recovered } from './roles.ts'
import { heardBoot } from './trust.ts'

/** An event for a role. */
export interface RoleTask {
  readonly role: RoleName
  readonly event: RoleEvent
}

/** What a node knows of the time after an execution. */
export interface TimeAfterExecution {
  /** The time of the execution by the monotonic clock of this server, in milliseconds. */
  readonly atMs: number
  /** The server that proposed the batch. */
  readonly proposedBy: NodeId
  /** The replicated clock after the execution. */
  readonly clockMs: number
  /** The time that has passed since the replicated clock had this value, by the reckoning of this server. */
  readonly passedMs: number
  /** True when there was a deadline before the execution. */
  readonly hadDeadline: boolean
}

/** The decisions of a node. */
export interface NodeRules {
  readonly recoveredFrom: typeof recoveredFrom
  readonly isHeard: typeof isHeard
  readonly addressOf: typeof addressOf
  readonly heardBoot: typeof heardBoot
  readonly eventAfterWrite: typeof eventAfterWrite
  readonly tasksAfterExecution: typeof tasksAfterExecution
  readonly tasksAfterInstallation: typeof tasksAfterInstallation
}

/** The initial state of the roles. The members are those after all executed batches, not the founders of the cluster. */
export function recoveredFrom(
  { self, incarnation }: { readonly self: NodeId; readonly incarnation: string },
  { members, deadlineMs, clockMs }: Pick<ReplicatedState, 'members' | 'deadlineMs' | 'clockMs'>,
  { promised, accepted, firstUnchosen, snapshot }: DurableState,
): Omit<Recovered, 'requestsSince'> {
  // Nobody knows how long this server was stopped, so the wait begins anew.
  const dueInMs = dueIn(deadlineMs, { clockMs, passedMs: 0 })
  return { self, incarnation, members, promised, accepted, firstUnchosen, snapshot, dueInMs }
}

/**
 * The event that follows a successful `write`; `null` for none. The acceptor waits until its write is synced, and the learner until
 * storage holds a snapshot. No role waits for chosen batches.
 */
export function eventAfterWrite(write: Write): Extract<NodeEvent, { type: 'synced' | 'tell' }> | null {
  switch (write.by) {
    case 'acceptor':
      return { type: 'synced' }
    case 'learner':
      return null
    case 'snapshot':
      return { type: 'tell', role: 'learner', event: { type: 'snapshot.held', snapshot: write.snapshot } }
  }
  write satisfies never
}

/**
 * The events that the roles receive after an execution, in order. The members come first, because the other events apply under
 * the new members. The proposer comes after the request queue: it starts the next instance at once, and the queue must already be
 * without the executed requests. The timekeeper hears of it only when there is or was a deadline.
 */
export function tasksAfterExecution(execution: Execution, time: TimeAfterExecution): readonly RoleTask[] {
  const executed = { type: 'batch.executed', ...execution, atMs: time.atMs } as const
  const tasks: RoleTask[] = [
    { role: 'requestQueue', event: executed },
    { role: 'proposer', event: executed },
    { role: 'reader', event: executed },
  ]
  const { members, deadlineMs } = execution
  if (deadlineMs !== null || time.hadDeadline) {
    const dueInMs = dueIn(deadlineMs, time)
    const { proposedBy } = time
    tasks.push({ role: 'timekeeper', event: { type: 'deadline.reckoned', dueInMs, proposedBy } })
  }
  return members === null ? tasks : [...tasksAfterChange(members), ...tasks]
}

/** Every role but the proposer: that receives the members with the execution, or with the snapshot. */
function tasksAfterChange(members: readonly Member[]): RoleTask[] {
  const roles = ['acceptor', 'learner', 'requestQueue', 'timekeeper', 'auditor', 'reader'] as const
  return roles.map((role) => ({ role, event: { type: 'members.changed', members } }))
}

/**
 * The events that the roles receive after a snapshot replaced the replicated state, in the order of those after an execution. The
 * server that proposed last is unknown: another one is assumed, because this server was late.
 */
export function tasksAfterInstallation(
  self: NodeId,
  { firstUnexecuted, members, deadlineMs, clockMs }: ReplicatedState,
  before: { readonly members: readonly Member[]; readonly hadDeadline: boolean },
): readonly RoleTask[] {
  const replaced = { type: 'state.replaced', firstUnexecuted, members } as const
  const tasks: RoleTask[] = [
    ...(sameJson(before.members, members) ? [] : tasksAfterChange(members)),
    { role: 'requestQueue', event: replaced },
    { role: 'proposer', event: replaced },
    { role: 'reader', event: replaced },
  ]
  if (deadlineMs === null && !before.hadDeadline) return tasks
  const dueInMs = dueIn(deadlineMs, { clockMs, passedMs: 0 })
  const proposedBy = peersOf(members, self)[0] ?? self
  return [...tasks, { role: 'timekeeper', event: { type: 'deadline.reckoned', dueInMs, proposedBy } }]
}

/**
 * The time until `deadlineMs` in milliseconds. It is one longer than reckoned: a timer of Node.js may fire that much too early, and a
 * batch that is proposed then would not reach the deadline.
 */
function dueIn(
  deadlineMs: number | null,
  { clockMs, passedMs }: Pick<TimeAfterExecution, 'clockMs' | 'passedMs'>,
): number | null {
  return deadlineMs === null ? null : Math.max(0, Math.ceil(deadlineMs - clockMs - passedMs) + 1)
}

/** The default rules. */
export const nodeRules: NodeRules = {
  recoveredFrom,
  isHeard,
  addressOf,
  heardBoot,
  eventAfterWrite,
  tasksAfterExecution,
  tasksAfterInstallation,
}
