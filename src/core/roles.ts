/** The seven roles of a node and their initial inputs from storage, the same in every engine. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import { acceptorMachine } from '../../machines/acceptor.ts'
import { auditorMachine } from '../../machines/auditor.ts'
import type { Ballot } from '../../machines/ballot.ts'
import type { AcceptedRecord, Instance, NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { type CheckedMachine, invariantFault } from '../../machines/invariants.ts'
import { learnerMachine } from '../../machines/learner.ts'
import type { Limits } from '../../machines/limits.ts'
import type { Member } from '../../machines/members.ts'
import type { NodeInput } from '../../machines/node.ts'
import { proposerMachine } from '../../machines/proposer.ts'
import { readerMachine } from '../../machines/reader.ts'
import { requestQueueMachine } from '../../machines/request-queue.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { timekeeperMachine } from '../../machines/timekeeper.ts'
import type { Timing } from '../../machines/timing.ts'
import { RoleFailed } from './role-failed.ts'

export const roleNames: readonly RoleName[] = [
  'acceptor',
  'proposer',
  'learner',
  'requestQueue',
  'timekeeper',
  'auditor',
  'reader',
]

export const roleMachines: Readonly<Record<RoleName, AnyStateMachine>> = {
  acceptor: acceptorMachine,
  proposer: proposerMachine,
  learner: learnerMachine,
  requestQueue: requestQueueMachine,
  timekeeper: timekeeperMachine,
  auditor: auditorMachine,
  reader: readerMachine,
}

/**
 * Throws `RoleFailed` when a role or a client violates an invariant of its context between two snapshots. `before` is `null` at the start.
 * Engines with checks call it after every step.
 */
export function checkInvariants(
  machine: AnyStateMachine,
  before: AnyMachineSnapshot | null,
  event: { readonly type: string },
  { value, context }: AnyMachineSnapshot,
): void {
  const name = machine.id as CheckedMachine
  const fault = invariantFault(name, { value, context, before, event })
  if (fault !== null) throw new RoleFailed(`the ${name} breaks an invariant of its context: ${fault}`)
}

/** The identity of this server, and what it had promised, accepted and learned when it last stopped. */
export interface Recovered {
  readonly self: NodeId
  readonly incarnation: string
  /** The members after every batch that is known to be chosen. */
  readonly members: readonly Member[]
  readonly promised: Ballot | null
  readonly accepted: readonly AcceptedRecord[]
  readonly firstUnchosen: Instance
  /** The snapshot that storage holds; `null` for none. */
  readonly snapshot: SnapshotName | null
  /** The requests that were chosen since that snapshot. */
  readonly requestsSince: number
  /** The time until the earliest deadline of the replicated clock in milliseconds; `null` when there is none. */
  readonly dueInMs: number | null
}

/** The input of each role at its start. `randomSeed` seeds the proposer's back-off and the reader's questions. */
export function roleInputs(
  recovered: Recovered,
  { timing, limits, randomSeed }: { timing: Timing; limits: Limits; randomSeed: number },
): NodeInput {
  const { self, incarnation, members, promised, accepted, firstUnchosen, dueInMs } = recovered
  const { snapshot, requestsSince } = recovered
  const leader = promised?.node ?? null
  return {
    acceptor: { self, incarnation, members, limits, promised, accepted, firstUnchosen },
    // The node executes the stored batches again before the roles begin.
    proposer: { self, incarnation, members, timing, randomSeed, promised, firstUnexecuted: firstUnchosen },
    learner: {
      self,
      members,
      timing,
      limits,
      firstUnchosen,
      snapshot,
      requestsSince,
      highestHeard: Math.max(-1, ...accepted.map(({ instance }) => instance)),
    },
    requestQueue: { self, incarnation, members, timing, limits, leader },
    timekeeper: { self, incarnation, members, timing, firstInTurn: leader, dueInMs },
    auditor: { self, incarnation, members, timing },
    reader: { self, incarnation, members, timing, limits, randomSeed, firstUnexecuted: firstUnchosen },
  }
}
