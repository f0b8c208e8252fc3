/**
 * Inputs matter to a role only as lower, equal or higher than what it holds, so the cases of an event are made around that.
 */
import { type Ballot, sameBallot } from '../../../machines/ballot.ts'
import type { AcceptedRecord, Batch, Instance } from '../../../machines/batch.ts'
import type { Member } from '../../../machines/members.ts'
import { batch, members } from '../../support/role.ts'

/** Lower, equal and higher; where only the server's number differs too. */
export function ballotsAround({ round, node }: Ballot): Ballot[] {
  const near = [-1, 0, 1].map((more) => ({ round, node: node + more }))
  return [{ round: round - 1, node }, ...near, { round: round + 1, node }].filter(
    (ballot) => ballot.round >= 0 && ballot.node >= 0 && ballot.node <= 2,
  )
}

/** Lower and higher, not equal. */
export function othersAround(ballot: Ballot): Ballot[] {
  return ballotsAround(ballot).filter((other) => !sameBallot(other, ballot))
}

/** Earlier, the same, and `later` places later. */
export function instancesAround(instance: Instance, later = 1): Instance[] {
  return Array.from({ length: later + 2 }, (_, place) => instance - 1 + place).filter((one) => one >= 0)
}

/** The one batch that a ballot proposes at an instance. */
export function batchOf({ round, node }: Ballot, instance: Instance): Batch {
  return batch(`${round}.${node} at ${instance}`, node)
}

export function recordOf(ballot: Ballot, instance: Instance): AcceptedRecord {
  return { instance, ballot, batch: batchOf(ballot, instance) }
}

/** The batch that was chosen at an instance, by any proposer. */
export function chosenAt(instance: Instance): Batch {
  return batch(`chosen at ${instance}`)
}

/** Everybody, everybody but server 1, everybody but server 0: whose role is under test. */
export const memberships: readonly (readonly Member[])[] = [
  members(3),
  members(3).filter(({ id }) => id !== 1),
  members(3).filter(({ id }) => id !== 0),
]
