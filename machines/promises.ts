/** How a proposer evaluates its promises. *Paxos Made Simple*, section 2.2, phase 2a. */
import { compareBallots } from './ballot.ts'
import type { AcceptedRecord, Batch, Instance, NodeId } from './batch.ts'
import type { Heard } from './inbox.ts'
import { countedMembers, type Member } from './members.ts'
import type { PromiseMessage } from './messages.ts'
import { isQuorum } from './quorum.ts'

/** A received promise, with its sender. */
export interface GivenPromise {
  readonly node: NodeId
  readonly incarnation: string
  readonly accepted: readonly AcceptedRecord[]
  readonly firstUnchosen: Instance
}

/** Adds a promise. A second promise of the same server for a ballot changes nothing. */
export function withPromise(
  promises: readonly GivenPromise[],
  { sender, incarnation, accepted, firstUnchosen }: Heard<PromiseMessage>,
): readonly GivenPromise[] {
  if (promises.some((promise) => promise.node === sender)) return promises
  return [...promises, { node: sender, incarnation, accepted, firstUnchosen }]
}

/**
 * True when a quorum of `members` has promised, including the acceptor of `self`. That promise is durable before it is sent, so a
 * restarted proposer prepares above every ballot at which it ever sent an accept.
 */
export function isPrepared(
  members: readonly Member[],
  self: NodeId,
  promises: readonly GivenPromise[],
): boolean {
  const givers = promises.map(({ node }) => node)
  return givers.includes(self) && isQuorum(countedMembers(members), givers)
}

/** The promise with the highest `firstUnchosen`. */
export function bestInformed(promises: readonly GivenPromise[]): GivenPromise {
  return promises.reduce((best, promise) => (promise.firstUnchosen > best.firstUnchosen ? promise : best))
}

/**
 * The batch that must be proposed at `instance`: the one accepted there at the highest ballot, even if only one acceptor did.
 * `null` when no promise shows one, so that nothing can have been chosen there and any batch may be proposed.
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

/** The highest instance with an accepted batch; -1 for none. */
export function highestAccepted(promises: readonly GivenPromise[]): Instance {
  let highest = -1
  for (const { accepted } of promises) {
    for (const { instance } of accepted) highest = Math.max(highest, instance)
  }
  return highest
}

/** The servers with a record above `instance`, at which no promise has a record: their records are void. */
export function holdersAboveHole(promises: readonly GivenPromise[], instance: Instance): readonly NodeId[] {
  if (batchToHelp(promises, instance) !== null) return []
  return promises
    .filter(({ accepted }) => accepted.some((record) => record.instance > instance))
    .map(({ node }) => node)
}

/**
 * The promises without their records above `instance`, at which a quorum has none. Let b be the promised ballot and c < b the
 * ballot of a record above the hole. The proposer of c had executed the batch chosen at `instance` before it sent that accept. No
 * ballot below b can have chosen it, because the quorum has no record there. So a ballot at or above b chose it, for which a
 * quorum had promised to accept nothing more at c. So the record was not chosen and never will be, and at ballot b every instance
 * above the hole is free as well.
 */
export function withoutVoid(promises: readonly GivenPromise[], instance: Instance): readonly GivenPromise[] {
  return promises.map((promise) => ({
    ...promise,
    accepted: promise.accepted.filter((record) => record.instance <= instance),
  }))
}
