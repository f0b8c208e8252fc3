/** Facts of runs made by hand, in few words: three founders, ballots as `round.node`, batches of lock commands. */
import type { Ballot } from '../../machines/ballot.ts'
import type { AcceptedRecord, Batch, Json, NamedRequest, NodeId } from '../../machines/batch.ts'
import { foundingIncarnation, foundingMembers, type Member } from '../../machines/members.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import type { Execution, Outcome, RequestOutcome } from '../../machines/outcome.ts'
import { type DurableState, nothingDurable } from '../../src/core/durable.ts'
import type { Fact } from '../../src/core/facts.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import { batchOf as batchOfNode } from './batches.ts'

export const founders: readonly Member[] = foundingMembers(
  [0, 1, 2].map((id) => ({ id, address: `server-${id}` })),
)

export const ballot = (round: number, node: NodeId): Ballot => ({ round, node })

export const lock = (name: string): Json => lockCommand(name)
export const unlock = (name: string, token?: number): Json => unlockCommand(name, token)

export function request(uid: string, seq: number, body: Json, ackedBelow = 0): NamedRequest {
  return { uid, seq, ackedBelow, command: { kind: 'service', body } }
}

export function batchOf(...requests: NamedRequest[]): Batch {
  return batchOfNode(0, requests, { elapsedMs: 0 })
}

export const requested = (request: NamedRequest): Fact => ({ type: 'requested', request })

export function started(node: NodeId, more: Partial<Extract<Fact, { type: 'started' }>> = {}): Fact {
  return {
    type: 'started',
    node,
    incarnation: foundingIncarnation(node),
    durable: nothingDurable,
    members: founders,
    ...more,
  }
}

export const crashed = (node: NodeId): Fact => ({ type: 'crashed', node })

export const said = (node: NodeId, to: NodeId, message: NodeMessage): Fact => ({
  type: 'said',
  node,
  to,
  message,
})

export const synced = (node: NodeId, durable: Partial<DurableState>): Fact => ({
  type: 'synced',
  node,
  durable: { ...nothingDurable, ...durable },
})

export function promise(
  node: NodeId,
  at: Ballot,
  more: {
    readonly from?: number
    readonly accepted?: readonly AcceptedRecord[]
    readonly firstUnchosen?: number
  } = {},
): Fact {
  return said(node, at.node, {
    type: 'promise',
    ballot: at,
    from: 0,
    accepted: [],
    firstUnchosen: 0,
    ...more,
  })
}

export const accept = (at: Ballot, instance: number, batch: Batch): Fact =>
  said(at.node, 0, { type: 'accept', ballot: at, instance, batch })

export const accepted = (node: NodeId, at: Ballot, instance: number): Fact =>
  said(node, at.node, { type: 'accepted', ballot: at, instance })

/** The sync of an accept, and the accepted after it. */
export function vote(node: NodeId, at: Ballot, instance: number, batch: Batch): Fact[] {
  return [
    synced(node, { promised: at, accepted: [{ instance, ballot: at, batch }], firstUnchosen: instance }),
    accepted(node, at, instance),
  ]
}

/** The execution of a batch with these outcomes, which had no other effect than `changes`. */
export function execution(
  instance: number,
  outcomes: readonly RequestOutcome[] = [],
  changes: Partial<Execution> = {},
): Execution {
  return {
    instance,
    outcomes,
    fired: [],
    endedSessions: [],
    freed: [],
    progressed: false,
    deadlineMs: null,
    concerned: [],
    members: null,
    ...changes,
  }
}

/** The execution concerns the servers that hold the requests of the batch. */
export function executed(node: NodeId, batch: Batch, result: Execution, digest: string | null = null): Fact {
  const concerned = [...new Set([...result.concerned, ...batch.groups.map(({ heldBy }) => heldBy)])].sort()
  return {
    type: 'executed',
    node,
    instance: result.instance,
    batch,
    execution: { ...result, concerned },
    digest,
  }
}

/** The request was executed at (instance, index). */
export function ran(
  { uid, seq }: { readonly uid: string; readonly seq: number },
  instance: number,
  index: number,
  result: Json,
): RequestOutcome {
  return { uid, seq, outcome: { kind: 'executed', result, instance, index } }
}

export function gotLock(of: NamedRequest, instance: number, index = 0): RequestOutcome {
  return ran(of, instance, index, { token: 1 + 10 * instance + index })
}

export function responded(node: NodeId, { uid, seq }: NamedRequest, outcome: Outcome): Fact {
  return {
    type: 'responded',
    node,
    to: 'client',
    message: { type: 'response', uid, answers: [{ seq, outcome }] },
  }
}

/** Three servers start, server 0 prepares 1.0, and all promise. */
export function prepared(): Fact[] {
  const first = ballot(1, 0)
  return [0, 1, 2].flatMap((node) => [started(node), synced(node, { promised: first }), promise(node, first)])
}

/** `batch` is accepted at `instance` by servers 0 and 1 at `at`. */
export function chosenAt(at: Ballot, instance: number, batch: Batch): Fact[] {
  return [accept(at, instance, batch), ...vote(0, at, instance, batch), ...vote(1, at, instance, batch)]
}
