/** The bounds of a search. Events without a bound here may happen any number of times, in any order, or never. */
import type { Command, Json, NodeId } from '../../machines/batch.ts'
import type { EndingSession } from '../schedule/cluster.ts'

/** A request that may arrive at each of `servers`, at any time and any number of times. */
export interface PossibleRequest {
  readonly client: string
  /** From 1 on. A client sends a request only after the answer to its previous one. */
  readonly seq: number
  readonly command: Command
  readonly servers: readonly NodeId[]
}

/** A read that may arrive at `server` at any time and any number of times. A client reads once. */
export interface PossibleRead {
  readonly client: string
  readonly server: NodeId
  readonly body: Json
}

export interface Bounds {
  /** Servers 0 to `servers - 1` are the founders. */
  readonly servers: number
  /** The number of running servers that are not members: a request may admit them. Their ids follow those of the founders. */
  readonly joining: number
  readonly requests: readonly PossibleRequest[]
  /**
   * By default nobody reads. A reader asks no more questions than there are reads. It draws the first question of a run at random, and a
   * search has no randomness: so the server of a read must not crash.
   */
  readonly reads?: readonly PossibleRead[]
  /** No proposer starts a ballot above this round. A proposer has one ballot for each round. */
  readonly rounds: number
  /** Messages about this instance or a higher one are lost. */
  readonly instances: number
  /** The number of crashes of all servers together. A server that is down may start again at any time. */
  readonly crashes: number
  /** The servers that may crash. */
  readonly crashing: readonly NodeId[]
  /** `atOnce`: a sync ends before the next event at its node. `anyTime`: other events may happen first. */
  readonly syncs: 'atOnce' | 'anyTime'
  /**
   * False when each client has just left a rival of the server that it asks, so that two servers that are asked compete: server 0
   * and the others hand no request over to each other. Of three that are asked, the others than server 0 still do.
   */
  readonly handsOver: boolean
  /** The client whose session ends by itself; by default none does. */
  readonly ending?: EndingSession
  /** A server takes a snapshot after this many requests; by default none does. */
  readonly snapshotEvery?: number
}

/**
 * The time that each batch adds to the replicated clock, in milliseconds, where a session ends: no real time passes in a search. So the
 * session ends a number of instances after its last sign of life.
 */
export const batchMs = 1_000

/** The greatest values that fit into the bits of a state. */
export const most = { requests: 8, servers: 8, crashes: 15 } as const

/** Throws a `RangeError` that names the fault when a search cannot use `bounds`. */
export function checkBounds(bounds: Bounds): void {
  const { servers, joining, requests, reads = [], rounds, instances, crashes, crashing } = bounds
  const all = servers + joining
  if (!(servers >= 1 && all <= most.servers))
    throw new RangeError(`${all} servers: must be from 1 to ${most.servers}`)
  if (requests.length > most.requests) {
    throw new RangeError(`${requests.length} requests: must be at most ${most.requests}`)
  }
  if (!(crashes >= 0 && crashes <= most.crashes)) {
    throw new RangeError(`${crashes} crashes: must be from 0 to ${most.crashes}`)
  }
  if (!(rounds >= 1)) throw new RangeError(`${rounds} rounds: must be at least 1`)
  if (!(instances >= 1)) throw new RangeError(`${instances} instances: must be at least 1`)
  const asked = [...requests.flatMap((request) => request.servers), ...reads.map(({ server }) => server)]
  for (const id of [...crashing, ...asked]) {
    if (!(id >= 0 && id < all)) throw new RangeError(`there is no server ${id} among ${all}`)
  }
  if (new Set(reads.map(({ client }) => client)).size < reads.length) {
    throw new RangeError(`a client has two of the ${reads.length} reads: each must have a client of its own`)
  }
  for (const { client, server } of reads) {
    if (crashes === 0 || !crashing.includes(server)) continue
    throw new RangeError(`the client ${client} reads at server ${server}, which may crash: it must not`)
  }
}

/** False when no request can wait for another, because all requests are for different locks. True in all other cases. */
export function mayWait({ requests }: Bounds): boolean {
  const bodies = requests.flatMap(({ command }) => (command.kind === 'service' ? [command.body] : []))
  const names = bodies.map((body) => (isLock(body) ? body.name : null))
  return names.includes(null) || new Set(names).size < names.length
}

function isLock(body: Json): body is { readonly action: 'lock'; readonly name: string } {
  const fields = body as { readonly action?: Json; readonly name?: Json } | null
  return fields?.action === 'lock' && typeof fields.name === 'string'
}
