/** How a learner fetches a snapshot from another server, chunk by chunk. */
import type { Heard } from './inbox.ts'
import type { LearnerContext } from './learner-context.ts'
import { isTaken } from './learning.ts'
import { instanceStep } from './limits.ts'
import type { Chunk, Compacted } from './messages.ts'
import { type SnapshotName, sameSnapshot } from './snapshot-name.ts'

/** The most bytes of a chunk. */
export const chunkBytes = 24_576

/** The chunks that a learner asks for at once. It asks for the next ones when it has kept these. */
export const chunksAtOnce = 4

/** The progress of a fetch. */
export interface Fetching {
  readonly snapshot: SnapshotName
  /** The bytes that storage kept of it before a restart of this server; `null` until storage has said how many. */
  readonly resumedBytes: number | null
  /** The bytes that arrived, in order and without a gap. */
  readonly receivedBytes: number
  /** The bytes that storage has kept. */
  readonly keptBytes: number
  /** The chunks that storage has kept since the last question. */
  readonly keptChunks: number
}

/** True when an asked server offers a snapshot that brings this server forward. */
export function isOffer(context: LearnerContext, heard: Heard<Compacted>): boolean {
  const { instance } = heard.snapshot
  return (
    isTaken(context, heard) &&
    instance > context.firstUnchosen &&
    instance <= context.firstUnchosen + instanceStep
  )
}

/**
 * True when the offer is taken up. Storage prepares one snapshot at a time: an offer of another one that arrives meanwhile is missed,
 * and the server is asked again.
 */
export function isTakenUp(context: LearnerContext, heard: Heard<Compacted>): boolean {
  const { fetching } = context
  const isPreparing = fetching !== null && fetching.resumedBytes === null
  return isOffer(context, heard) && (!isPreparing || isOfFetch(fetching, heard))
}

/** True when the offered snapshot is being fetched: that goes on where it was, also from another server. */
export function isOfFetch(fetching: Fetching | null, { snapshot }: Compacted): boolean {
  return fetching !== null && sameSnapshot(fetching.snapshot, snapshot)
}

/** The progress before storage has said what it kept. */
export function offered(snapshot: SnapshotName): Fetching {
  return { snapshot, resumedBytes: null, receivedBytes: 0, keptBytes: 0, keptChunks: 0 }
}

/** True when storage has kept the whole snapshot. */
export function isWhole({ snapshot, keptBytes }: Fetching): boolean {
  return keptBytes === snapshot.lengthBytes
}

/** True when storage has kept all chunks that were asked for, after one more is kept. */
export function endsQuestion({ keptChunks }: Fetching): boolean {
  return keptChunks + 1 >= chunksAtOnce
}

/** True for the chunk that continues the fetch. Any other chunk is asked for again later. */
export function isNextChunk(context: LearnerContext, heard: Heard<Chunk>): boolean {
  const { fetching } = context
  if (fetching === null || !isTaken(context, heard) || !sameSnapshot(fetching.snapshot, heard.snapshot)) {
    return false
  }
  const lengthBytes = bytesOf(heard.bytes)
  const endBytes = fetching.receivedBytes + lengthBytes
  return (
    heard.offsetBytes === fetching.receivedBytes &&
    lengthBytes > 0 &&
    endBytes <= fetching.snapshot.lengthBytes
  )
}

/** The number of bytes that a base64 text contains. */
export function bytesOf(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  return (base64.length / 4) * 3 - padding
}
