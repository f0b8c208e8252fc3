/** The content of the servers' request queues, and who waits for which key. */
import type { NodeId } from '../../machines/batch.ts'
import { requestName } from '../../src/core/names.ts'
import type { ShownHeld, ShownRequest } from '../../src/inspect/records/machine-state.ts'
import type { ServerPicture } from '../../src/inspect/records/picture.ts'
import type { MachineState } from '../../src/inspect/records/record.ts'
import { isRequest } from '../../src/inspect/records/record-fault.ts'

export interface Queue {
  readonly count: number
  readonly delayedCount: number
  readonly entries: readonly QueueEntry[]
}

export interface QueueEntry extends ShownRequest {
  /** `proposing`: it is in the proposer's current batch. `handedOver`: the leader has it. */
  readonly state: 'ready' | 'proposing' | 'handedOver' | 'waiting'
}

/** A request that waits for a key. */
export interface Waiter {
  readonly node: NodeId
  /** `a#1`. */
  readonly request: string
  /** `null` for a request that another server holds for its client. */
  readonly receivedAtMs: number | null
}

const emptyQueue: Queue = { count: 0, delayedCount: 0, entries: [] }

/** The queue in the context of a request queue; empty when the context has another shape. */
export function queueOf({ context }: MachineState): Queue {
  const { held, offered } = (context ?? {}) as { held?: ShownHeld; offered?: readonly unknown[] }
  if (!held || !Array.isArray(held.requests)) return emptyQueue
  const proposing = new Set(Array.isArray(offered) ? offered : [])
  const { count, delayedCount } = held
  const entries = held.requests
    .filter(isShownRequest)
    .map((request) => ({ ...request, state: stateOf(request, proposing) }))
  return { count, delayedCount, entries }
}

/** A context comes from outside and may hold anything. */
function isShownRequest(request: ShownRequest): boolean {
  return isRequest(request) && typeof request.tag === 'object'
}

function stateOf(request: ShownRequest, proposing: ReadonlySet<unknown>): QueueEntry['state'] {
  if (request.tag !== null) return 'waiting'
  if (request.isHandedOver) return 'handedOver'
  return proposing.has(request.order) ? 'proposing' : 'ready'
}

/** The waiting requests of all servers by key, the longest waiting first. */
export function waitersByKey(servers: readonly ServerPicture[]): ReadonlyMap<string, readonly Waiter[]> {
  const waiters = new Map<string, Waiter[]>()
  for (const { node, roles } of servers) {
    if (roles === null) continue
    for (const { tag, receivedAtMs, ...request } of queueOf(roles.requestQueue).entries) {
      if (tag === null || tag.key === null) continue
      const waiter = { node, request: requestName(request), receivedAtMs }
      waiters.set(tag.key, [...(waiters.get(tag.key) ?? []), waiter])
    }
  }
  for (const list of waiters.values()) list.sort((a, b) => (a.receivedAtMs ?? 0) - (b.receivedAtMs ?? 0))
  return waiters
}
