/** What a request queue does with requests that arrive: which are new, which it holds already, and which have ended. */
import type { Address, NodeId, RequestGroup } from './batch.ts'
import {
  type HeldRequest,
  type HeldRequests,
  isReadyFull,
  type NewRequest,
  requestWith,
  withChanged,
  withRequests,
} from './held-requests.ts'
import type { HandOverArrived, Recalled, RequestArrived } from './inbox.ts'
import type { Limits } from './limits.ts'
import { get } from './table.ts'

/** A group of requests that arrives, from a client or from another server. */
export interface Arriving {
  readonly group: RequestGroup
  readonly commandBytes: readonly number[]
  readonly recalled: Recalled
  readonly heldBy: NodeId
  readonly replyTo: Address | null
  readonly avoid: NodeId | null
  readonly receivedAtMs: number | null
}

/** The requests of a client, which this server, `self`, holds for it. */
export function fromClient(event: RequestArrived, self: NodeId): Arriving {
  const { commandBytes, recalled, replyTo, receivedAtMs, avoid = null } = event
  return { group: event, commandBytes, recalled, heldBy: self, replyTo, avoid, receivedAtMs }
}

/** The requests that another server hands over. */
export function fromServer(event: HandOverArrived): readonly Arriving[] {
  const { groups, commandBytes, recalled, sender } = event
  return groups.map((group, place) => ({
    group,
    commandBytes: commandBytes[place] ?? [],
    recalled: recalled[place] ?? { ended: [], isFull: false },
    heldBy: sender,
    replyTo: null,
    avoid: null,
    receivedAtMs: null,
  }))
}

/** The held requests of the session, up to the last that can be among those that arrive: most often none. */
function knownOf(held: HeldRequests, { group }: Arriving): readonly HeldRequest[] {
  const requests = get(held.sessions, group.uid)?.requests ?? []
  const last = requests.at(-1)?.seq ?? -1
  return group.requests.some(({ seq }) => seq <= last) ? requests : []
}

/** The held requests among those that arrive. */
export function heldAmong(held: HeldRequests, arriving: Arriving): HeldRequest[] {
  const known = knownOf(held, arriving)
  if (known.length === 0) return []
  return arriving.group.requests.flatMap(({ seq }) => requestWith(known, seq) ?? [])
}

/** True when each of the requests that arrive is held or has ended. */
export function nothingIsNew(held: HeldRequests, arriving: Arriving): boolean {
  const { group, recalled } = arriving
  const known = knownOf(held, arriving)
  if (known.length + recalled.ended.length < group.requests.length) return false
  return newAmong(held, arriving).length === 0
}

/** The requests that arrive, are not held and have not ended, in order of seq. */
export function newAmong(held: HeldRequests, arriving: Arriving): NewRequest[] {
  const { group, commandBytes, recalled, heldBy, replyTo, avoid, receivedAtMs } = arriving
  const { uid, requests } = group
  const ended = recalled.ended.length === 0 ? null : new Set(recalled.ended.map(({ seq }) => seq))
  const known = knownOf(held, arriving)
  const fresh: NewRequest[] = []
  let isInOrder = true
  requests.forEach(({ seq, command }, place) => {
    if (ended?.has(seq) || (known.length > 0 && requestWith(known, seq) !== undefined)) return
    const last = fresh.at(-1)
    if (last !== undefined && last.seq >= seq) isInOrder = false
    fresh.push({
      ...{ uid, seq, command, heldBy, replyTo, avoid, receivedAtMs },
      commandBytes: commandBytes[place] ?? 0,
    })
  })
  return isInOrder ? fresh : inOrderOfSeq(fresh)
}

/** A client sends each seq of a message once, in order. A forged message may not. */
function inOrderOfSeq(requests: readonly NewRequest[]): NewRequest[] {
  const sorted = requests.toSorted((a, b) => a.seq - b.seq)
  return sorted.filter(({ seq }, place) => sorted[place + 1]?.seq !== seq)
}

/** The new requests for which there is room, added, and the others. */
export function admitted(
  held: HeldRequests,
  { group }: Arriving,
  fresh: readonly NewRequest[],
  limits: Limits,
): { readonly held: HeldRequests; readonly refused: readonly NewRequest[] } {
  let { count, readyBytes } = held
  let room = 0
  for (const { commandBytes } of fresh) {
    if (isReadyFull({ ...held, count, readyBytes }, limits)) break
    room += 1
    count += 1
    readyBytes += commandBytes
  }
  const taken = room === fresh.length ? fresh : fresh.slice(0, room)
  return { held: withRequests(held, group, taken), refused: fresh.slice(room) }
}

/**
 * Updates the address from which a client asked last, and the server that it left. A request that another server had handed over
 * is held here from now on, because its client asks here.
 */
export function withReplyTo(
  held: HeldRequests,
  { heldBy, replyTo, avoid }: Arriving,
  again: readonly HeldRequest[],
): HeldRequests {
  if (replyTo === null) return held
  const changed = again.filter(
    (request) => request.replyTo !== replyTo || request.avoid !== avoid || request.heldBy !== heldBy,
  )
  return withChanged(
    held,
    changed.map((request) => ({ ...request, replyTo, avoid, heldBy })),
  )
}
