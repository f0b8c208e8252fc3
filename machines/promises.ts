/** What a proposer makes of the promises that it was given. *Paxos Made Simple*, section 2.2, phase 2a. */
import { compareBallots } from './ballot.ts'
import type { AcceptedRecord, Batch, Instance, NodeId } from './batch.ts'
import type { Heard } from './inbox.ts'
import { countedMembers, type Member } from './members.ts'
import type { PromiseMessage } from './messages.ts'
import { isQuorum } from './quorum.ts'

/** A promise, kept by who gave it. */
export interface GivenPromise {
  readonly node: NodeId
  readonly incarnation: string
  readonly accepted: readonly AcceptedRecord[]
  readonly firstUnchosen: Instance
}

/** The promises with this one among them; a server's second promise for a ballot changes nothing. */
export function withPromise(
  promises: readonly GivenPromise[],
  { sender, incarnation, accepted, firstUnchosen }: Heard<PromiseMessage>,
): readonly GivenPromise[] {
  if (promises.some((promise) => promise.node === sender)) return promises
  return [...promises, { node: sender, incarnation, accepted, firstUnchosen }]
}

/**
 * A quorum of `members` has promised, the acceptor of `self` among it. Its promise is durable before it is said, so a proposer that
 * restarts prepares above every ballot at which it ever sent an accept.
 */
export function isPrepared(
  members: readonly Member[],
  self: NodeId,
  promises: readonly GivenPromise[],
): boolean {
  const givers = promises.map(({ node }) => node)
  return givers.includes(self) && isQuorum(countedMembers(members), givers)
}

/** The promise of the server that knows most of what was chosen. */
export function bestInformed(promises: readonly GivenPromise[]): GivenPromise {
  return promises.reduce((best, promise) => (promise.firstUnchosen > best.firstUnchosen ? promise : best))
}

/**
 * The batch that must be proposed at `instance`: the one accepted there at the highest ballot, however few accepted it;
 * `null` when no quorum member accepted any, so that nothing can have been chosen there and one is free.
 */
export function batchToHelp(promises: readonly GivenPromise[], instance: Instance): Batch | null {
  let highest: AcceptedRecord | null = null
  for (const { accepted } of promises) {
    for (const record of accepted) {
      if (record.instance !== instance) continue
      if (highest === null || compareBallots(record.ballot, highest.ballot) > 0) highest = record
    }
  }
  return highest === null ? null : highest.batch
}

/** The highest instance at which somebody accepted something, -1 if none. */
export function highestAccepted(promises: readonly GivenPromise[]): Instance {
  let highest = -1
  for (const { accepted } of promises) {
    for (const { instance } of accepted) highest = Math.max(highest, instance)
  }
  return highest
}

/** Who shows a record above `instance`, at which no promise shows any: those records are void. */
export function holdersAboveHole(promises: readonly GivenPromise[], instance: Instance): readonly NodeId[] {
  if (batchToHelp(promises, instance) !== null) return []
  return promises
    .filter(({ accepted }) => accepted.some((record) => record.instance > instance))
    .map(({ node }) => node)
}

/**
 * The promises without their records above `instance`, at which a quorum shows none. Let b be the ballot that was promised and c < b
 * that of a record above the hole. Its proposer had executed the batch chosen at `instance` before it sent that accept. No ballot
 * below b can have chosen it, since the quorum shows nothing; so one at or above b did, for which a quorum had promised not to accept
 * at c any more. So the record was not chosen and never will be, and at ballot b every instance above the hole is free as well.
 */
export function withoutVoid(promises: readonly GivenPromise[], instance: Instance): readonly GivenPromise[] {
  return promises.map((promise) => ({
    ...promise,
    accepted: promise.accepted.filter((record) => record.instance <= instance),
  }))
}
