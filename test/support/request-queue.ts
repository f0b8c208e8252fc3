/** Builders for tests of the request queue: its events, and what it wants. */
import { expect } from 'vitest'
import type { Command, NamedRequest, NodeId, RequestGroup } from '../../machines/batch.ts'
import { allHeld, requestId } from '../../machines/held-requests.ts'
import type { HandOverArrived, RequestArrived, RequestQueueEvent } from '../../machines/inbox.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { type Line, placesOf } from '../../machines/line.ts'
import type { Answer, Busy } from '../../machines/messages.ts'
import type { Full, Outcome, RequestOutcome } from '../../machines/outcome.ts'
import {
  type RequestQueueContext,
  type RequestQueueInput,
  requestQueueMachine,
} from '../../machines/request-queue.ts'
import { heldFault } from '../../machines/request-queue-invariants.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { batchOf, groupsOf } from './batches.ts'
import { executed, members, Role, request, send, sentBy, tell, type Want } from './role.ts'

/** The request queue of server 0 of three, which knows no leader. */
export function queue(changes: Partial<RequestQueueInput> = {}): Role<RequestQueueContext> {
  return new Role(requestQueueMachine, {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    limits: defaultLimits,
    timing: defaultTiming,
    leader: null,
    ...changes,
  } satisfies RequestQueueInput)
}

/** The parts of a message with one request that a test may change. */
interface Asked {
  readonly seq: number
  readonly command: Command
  readonly commandBytes: number
  readonly ackedBelow: number
  /** How the replica knows that the request ended. */
  readonly recorded: Outcome | Full | null
  readonly replyTo: string
  readonly receivedAtMs: number
  readonly atMs: number
  readonly avoid: NodeId
}

/** Request 1 of `uid`, from the address that has the same name. */
export function ask(uid: string, changes: Partial<Asked> = {}): RequestArrived {
  const { seq = 1, recorded = null, commandBytes = 10, avoid, ...rest } = changes
  const { command = request(uid, seq).command, ackedBelow = 0 } = rest
  return {
    ...askAll(uid, [seq]),
    ...{ ackedBelow, requests: [{ seq, command }], commandBytes: [commandBytes] },
    ...{ replyTo: rest.replyTo ?? uid, receivedAtMs: rest.receivedAtMs ?? 1_000, atMs: rest.atMs ?? 0 },
    ...(avoid !== undefined && { avoid }),
    recalled: {
      ended: recorded === null || recorded.kind === 'full' ? [] : [{ seq, outcome: recorded }],
      isFull: recorded?.kind === 'full',
    },
  }
}

/** Several requests of `uid` in one message. `ended`: those that the replica knows to have ended. */
export function askAll(
  uid: string,
  seqs: readonly number[],
  {
    ended = [],
    commandBytes = 10,
  }: { readonly ended?: readonly Answer[]; readonly commandBytes?: number } = {},
): RequestArrived {
  return {
    type: 'request',
    ...groupOf(uid, seqs),
    replyTo: uid,
    receivedAtMs: 1_000,
    atMs: 0,
    commandBytes: seqs.map(() => commandBytes),
    recalled: { ended, isFull: false },
  }
}

export function groupOf(uid: string, seqs: readonly number[]): RequestGroup {
  return { uid, ackedBelow: 0, requests: seqs.map((seq) => ({ seq, command: request(uid, seq).command })) }
}

/** Server `sender` hands requests over. `ended`: for each group, those that the replica knows to have ended. */
export function handedOverBy(
  sender: NodeId,
  groups: readonly RequestGroup[],
  changes: {
    readonly ended?: readonly (readonly Answer[])[]
    readonly isFull?: boolean
    readonly firstUnexecuted?: number
  } = {},
): HandOverArrived {
  const { ended = [], isFull = false, firstUnexecuted = 4 } = changes
  return {
    type: 'handOver',
    ...sentBy(sender),
    groups,
    commandBytes: groups.map(({ requests }) => requests.map(() => 10)),
    recalled: groups.map((_, place) => ({ ended: ended[place] ?? [], isFull })),
    firstUnexecuted,
  }
}

export const wanted: RequestQueueEvent = { type: 'batch.wanted' }
export const workWanted: RequestQueueEvent = { type: 'work.wanted' }
export const newsChecked: RequestQueueEvent = { type: 'news.checked' }

export function leads(leader: NodeId): RequestQueueEvent {
  return { type: 'leader.changed', leader }
}

// What it wants.
export const ready = tell('proposer', { type: 'requests.ready' })
export const news = tell('learner', { type: 'news.wanted' })

/** A batch of these requests. */
export function offerOf(
  requests: readonly NamedRequest[],
  { node = 0, heldBy = node }: { readonly node?: NodeId; readonly heldBy?: NodeId } = {},
): Want {
  const batch = batchOf(node, requests, { elapsedMs: 0, heldBy })
  return tell('proposer', { type: 'batch.offered', batch, atMs: 0 })
}

/** A batch of request 1 of each of these. */
export function offer(uids: readonly string[], changes: { readonly node?: NodeId } = {}): Want {
  return offerOf(
    uids.map((uid) => request(uid, 1)),
    changes,
  )
}

/** These requests are handed over to `leader`, in one message. */
export function handOver(leader: NodeId, ...requests: readonly NamedRequest[]): Want {
  return send(leader, { type: 'handOver', groups: groupsOf(requests) })
}

export function answer(uid: string, outcome: Outcome, to = uid): Want {
  return answers(uid, [{ seq: 1, outcome }], to)
}

export function answers(uid: string, some: readonly Answer[], to = uid): Want {
  return { type: 'respond', to, message: { type: 'response', uid, answers: some } }
}

export function queued(uid: string, to = uid, seqs: readonly number[] = [1]): Want {
  return { type: 'respond', to, message: { type: 'queued', uid, seqs } }
}

export function busy(uid: string, reason: Busy['reason'], to = uid, seqs: readonly number[] = [1]): Want {
  return { type: 'respond', to, message: { type: 'busy', uid, seqs, reason } }
}

// How requests ended.
export const done: Outcome = { kind: 'executed', result: 'done', instance: 3, index: 0 }
export const failed: Outcome = { kind: 'failed', error: 'no', instance: 3, index: 0 }
export const cancelled: Outcome = { kind: 'cancelled', instance: 3, index: 0 }
export const refused: Outcome = { kind: 'refused', reason: 'stale' }

export function became(uid: string, outcome: RequestOutcome['outcome'], seq = 1): RequestOutcome {
  return { uid, seq, outcome }
}

export function delayed(uid: string, key: string | null, seq = 1): RequestOutcome {
  return became(uid, { kind: 'delayed', key }, seq)
}

export function ran(outcomes: readonly RequestOutcome[], changes: Parameters<typeof executed>[1] = {}) {
  return executed(3, { outcomes, ...changes })
}

/** The ids of the requests of a line, in order. */
export function idsOf(line: Line): string[] {
  return placesOf(line).map(([, uid, seq]) => requestId({ uid, seq }))
}

/** The ids of all held requests, sorted. */
export function heldIds({ held }: RequestQueueContext): string[] {
  return allHeld(held).map(requestId).sort()
}

/** The lines, the counts and the sizes agree with the requests. */
export function expectSound({ held, offered }: RequestQueueContext): void {
  expect(heldFault(held)).toBeNull()
  const all = allHeld(held)
  const tagged = all.filter(({ tag }) => tag !== null)
  const bytesOf = (some: typeof all) => some.reduce((sum, { commandBytes }) => sum + commandBytes, 0)
  expect(held.count).toBe(all.length)
  expect(held.delayedCount).toBe(tagged.length)
  expect([held.readyBytes, held.delayedBytes]).toEqual([bytesOf(all) - bytesOf(tagged), bytesOf(tagged)])
  const orders = placesOf(held.ready).map(([order]) => order)
  expect(offered.filter((order) => !orders.includes(order))).toEqual([])
}

/** A queue in which these are delayed, each by its key, and whose proposer leads and is free. */
export function queueWithDelayed(
  waiters: readonly (readonly [uid: string, key: string | null])[],
  changes: Partial<RequestQueueInput> = {},
): Role<RequestQueueContext> {
  const role = queue(changes)
  role.hear(...waiters.map(([uid]) => ask(uid)), wanted)
  role.hear(ran(waiters.map(([uid, key]) => delayed(uid, key))), wanted)
  expect(role.state).toBe('delayed')
  expect(role.context.held.ready).toEqual([])
  return role
}
