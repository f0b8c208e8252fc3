import type { AnyMachineSnapshot } from 'xstate'
import type { Json } from '../../../machines/batch.ts'
import type { ClientContext } from '../../../machines/client.ts'
import { type HeldRequest, heldRequest } from '../../../machines/held-requests.ts'
import type { RoleName } from '../../../machines/inbox.ts'
import { placesOf } from '../../../machines/line.ts'
import type { RequestQueueContext } from '../../../machines/request-queue.ts'
import type { BacklogRequest, OpenRequest } from '../../../machines/session-requests.ts'
import { firstValues } from '../../../machines/table.ts'
import { stateName } from '../../core/chart-names.ts'
import type { MachineState } from './record.ts'
import { truncated } from './truncated.ts'

/** Fields that never change in a role, or that the page shows elsewhere. No reader needs them at every step. */
const unseen = new Set(['limits', 'timing', 'members', 'incarnation', 'self', 'randomSeed'])

/** How many held requests are shown: of the ready ones and of the waiting ones, each. */
const heldShown = 20

type Snapshot = Pick<AnyMachineSnapshot, 'value' | 'context'>

/** The state of a role, or of the machine that carries a session. The cost does not grow with the size of the context. */
export function machineStateOf(role: RoleName | 'client', { value, context }: Snapshot): MachineState {
  const seen: Record<string, unknown> = {}
  for (const key in context) if (!unseen.has(key)) seen[key] = context[key]
  if (role === 'requestQueue') seen.held = heldShownOf((context as RequestQueueContext).held)
  if (role === 'client') seen.requests = sessionShownOf((context as ClientContext).requests)
  return { state: stateName(value), context: truncated(seen) }
}

/** A held request, as the inspector shows it. */
export interface ShownRequest {
  readonly uid: string
  readonly seq: number
  readonly command: Json
  /** Its place in the order of arrival. */
  readonly order: number
  /** The server that holds the request for its client. */
  readonly heldBy: number
  readonly replyTo: string | null
  readonly receivedAtMs: number | null
  /** The key that the request waits for; `null` while it is to be executed. */
  readonly tag: HeldRequest['tag']
  /** True while the leader has it. */
  readonly isHandedOver: boolean
}

/** The content of a request queue, as the inspector shows it: the field `held` of its context. */
export interface ShownHeld {
  readonly count: number
  readonly delayedCount: number
  /** The first of them: the ready requests in order, then those that were handed over, then the waiting ones. */
  readonly requests: readonly ShownRequest[]
}

function heldShownOf(held: RequestQueueContext['held']): ShownHeld {
  const { ready, handedOver, waiting, count, delayedCount } = held
  const waitingPlaces = firstValues(waiting, heldShown).flatMap((line) => placesOf(line, heldShown))
  const places = [
    ...placesOf(ready, heldShown),
    ...placesOf(handedOver, heldShown),
    ...waitingPlaces.slice(0, heldShown),
  ]
  const requests = places.flatMap(([, uid, seq]) => {
    const request = heldRequest(held, { uid, seq })
    return request === undefined ? [] : [shown(request)]
  })
  return { count, delayedCount, requests }
}

function shown(request: HeldRequest): ShownRequest {
  const { uid, seq, command, order, heldBy, replyTo, receivedAtMs, tag, handed } = request
  return {
    ...{ uid, seq, order, heldBy, replyTo, receivedAtMs, tag },
    command: command as unknown as Json,
    isHandedOver: handed !== null,
  }
}

/** The requests of a session, as the inspector shows them: the field `requests` of the context of a client. */
export interface ShownSession {
  /** Asked, and not answered. */
  readonly asked: number
  /** Held by the server: they are delayed. */
  readonly held: number
  /** Not asked yet. */
  readonly backlog: number
  /** The first of them, in the order of seqs. */
  readonly first: readonly ShownSessionRequest[]
}

export interface ShownSessionRequest {
  readonly seq: number
  readonly command: Json
  readonly isHeld: boolean
}

function sessionShownOf({ open, backlog, asked }: ClientContext['requests']): ShownSession {
  const first = [...open.slice(0, heldShown), ...backlog.slice(0, heldShown)]
  return {
    asked: asked.count,
    held: open.length - asked.count,
    backlog: backlog.length,
    first: first.slice(0, heldShown).map(shownOfSession),
  }
}

function shownOfSession(request: OpenRequest | BacklogRequest): ShownSessionRequest {
  const { seq, command } = request
  const isHeld = 'reaskAtMs' in request && request.reaskAtMs !== null
  return { seq, command: command as unknown as Json, isHeld }
}
