/** How far a search goes. What is not bounded here may happen any number of times, in any order, or never. */
import type { Command, Json, NodeId } from '../../machines/batch.ts'

/** A request that may arrive at each of `servers`, at any moment and again and again. */
export interface PossibleRequest {
  readonly client: string
  /** From 1 on. A client's request comes after the answer to its one before. */
  readonly seq: number
  readonly command: Command
  readonly servers: readonly NodeId[]
}

export interface Bounds {
  /** Servers 0 to `servers - 1` found the cluster. */
  readonly servers: number
  /** How many more servers run and are no members: a request may admit them. Their ids follow. */
  readonly joining: number
  readonly requests: readonly PossibleRequest[]
  /** No ballot above this round is begun. A proposer has one ballot a round. */
  readonly rounds: number
  /** What is said of instances from this on is lost. */
  readonly instances: number
  /** Crashes of all servers together. A server that is down may start again at any moment. */
  readonly crashes: number
  /** The servers that may crash. */
  readonly crashing: readonly NodeId[]
  /** `atOnce`: a sync ends before anything else happens to its node. `anyTime`: other things may come first. */
  readonly syncs: 'atOnce' | 'anyTime'
}

/** More than these would not fit into the bits that a state has for them. */
export const most = { requests: 8, servers: 8, crashes: 15 } as const

/** Throws a `RangeError`, with what is wrong, when a search cannot keep to `bounds`. */
export function checkBounds(bounds: Bounds): void {
  const { servers, joining, requests, rounds, instances, crashes, crashing } = bounds
  const all = servers + joining
  if (!(servers >= 1 && all <= most.servers))
    throw new RangeError(`${all} servers: from 1 to ${most.servers}`)
  if (requests.length > most.requests) {
    throw new RangeError(`${requests.length} requests: ${most.requests} at most`)
  }
  if (!(crashes >= 0 && crashes <= most.crashes)) {
    throw new RangeError(`${crashes} crashes: from 0 to ${most.crashes}`)
  }
  if (!(rounds >= 1)) throw new RangeError(`${rounds} rounds: at least 1`)
  if (!(instances >= 1)) throw new RangeError(`${instances} instances: at least 1`)
  for (const id of [...crashing, ...requests.flatMap((request) => request.servers)]) {
    if (!(id >= 0 && id < all)) throw new RangeError(`there is no server ${id} among ${all}`)
  }
}

/** True unless it is plain that no request ever waits for another: no two ask for one lock. */
export function mayWait({ requests }: Bounds): boolean {
  const bodies = requests.flatMap(({ command }) => (command.kind === 'service' ? [command.body] : []))
  const names = bodies.map((body) => (isLock(body) ? body.name : null))
  return names.includes(null) || new Set(names).size < names.length
}

function isLock(body: Json): body is { readonly action: 'lock'; readonly name: string } {
  const fields = body as { readonly action?: Json; readonly name?: Json } | null
  return fields?.action === 'lock' && typeof fields.name === 'string'
}
