import type { Difference } from '../../machines/auditing.ts'
import type { Address, Instance, NodeId } from '../../machines/batch.ts'
import type { Names, RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import type { KeepChunk, Oddity, Respond, Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import type { DurableState } from './durable.ts'
import type { Fact } from './facts.ts'
import type { HeardFrom } from './reach.ts'
import type { Capture, Installation } from './replicated-state.ts'
import type { Trust } from './trust.ts'

/** An outbound message to another server. */
export interface SentMessage {
  readonly to: NodeId
  readonly address: Address
  readonly names: Names
  readonly message: NodeMessage
}

/**
 * A request of the learner for a page of chosen batches. The page begins at the instance `from` and goes to the directory
 * `incarnation` of the server `to`.
 */
export interface PageRequest {
  readonly to: NodeId
  readonly incarnation: string
  readonly from: Instance
}

/** A question of another server for chunks of a snapshot, from `offsetBytes` on. */
export interface ChunkRequest {
  readonly to: NodeId
  readonly incarnation: string
  readonly snapshot: SnapshotName
  readonly offsetBytes: number
}

/** A chunk of a snapshot that another server sends, in base64. */
export type ReceivedChunk = Omit<KeepChunk, 'type'>

/**
 * The environment of a node's roles. Two classes implement it: src/node/runtime.ts runs the roles as live actors with a socket
 * and a disk, and src/stepped/node.ts runs them step by step as values.
 */
export interface Driver {
  /**
   * Delivers an event to a role, which handles it before this call returns. The outputs of the role return through
   * `NodeCore.carryOut`, in order.
   */
  deliver(role: RoleName, event: RoleEvent): void
  /** Sends a message to another server. The network may lose it. */
  send(sent: SentMessage): void
  /** Answers a client. The network may lose the answer. */
  respond(to: Address, message: Respond['message']): void
  /**
   * Persists writes in the order of the calls. After a successful write, the driver gives the event `NodeCore.eventAfter(write)`
   * to the node.
   */
  persist(write: Write): void
  /**
   * Reads a page. The driver gives the event `pageRead(page, batches)` to the node, now or later, or no event when it cannot read
   * the page now. `batches` is `null` when the batch at the instance `from` was deleted.
   */
  read(page: PageRequest): void
  /**
   * Draws a picture of the replicated state, slice by slice, and makes its bytes durable. Then the driver gives the event
   * `snapshotDrawn(snapshot)` to the node, or `snapshotDrawn(null)` when the picture cannot be drawn.
   */
  takeSnapshot(capture: Capture): void
  /**
   * Reads up to `chunksAtOnce` chunks of a snapshot. The driver gives the event `chunksRead(request, chunks)` to the node, now or
   * later, or no event when it cannot read them now. `chunks` is `null` when storage does not hold the snapshot.
   */
  readChunks(request: ChunkRequest): void
  /**
   * Prepares to keep a snapshot: goes on with what an earlier process kept of this very snapshot, and drops what was kept of any other.
   * Then the driver gives the event `snapshotResumed(snapshot, keptBytes)` to the node. `begin` begins to read the snapshot.
   */
  resumeSnapshot(snapshot: SnapshotName, begin: () => Installation): void
  /**
   * Keeps a chunk of that snapshot. Chunks come in order, after what is kept. Then the driver gives the event `chunkKept(chunk)` to the
   * node.
   */
  keepChunk(chunk: ReceivedChunk): void
  /**
   * Makes the kept snapshot durable, and checks its length, its digest and its contents. Drops it when it is not sound. Then the driver
   * gives the event `snapshotChecked(snapshot, isSound)` to the node.
   */
  checkSnapshot(snapshot: SnapshotName): void
  /** The sound snapshot, completely read and ended. `begin` begins to read it, if the driver has not. */
  checked(snapshot: SnapshotName, begin: () => Installation): Installation
  /** The state on disk after all writes that have ended; `null` when this driver does not track it. */
  durable(): DurableState | null
  /** A monotonic clock, in milliseconds since an arbitrary moment. Its value is constant within one event. */
  nowMs(): number
  /**
   * Records that a message from `sender` was accepted, and that it came from the address in `last`. If the sender is not a
   * member, messages to it go to that address from now on.
   */
  heard(sender: NodeId, last: HeardFrom, isMember: boolean): void
  /** The last value that `heard` recorded for a server that is not a member. */
  lastHeard(id: NodeId): HeardFrom | undefined
  /** Receives each fact of this node when it happens. */
  observe(fact: Fact): void
  /** Counts a dropped message of `sender`. */
  flag(oddity: Oddity, sender: NodeId): void
  /** Stores what is known of the boots of members, now or a little later. A crash may lose the latest; then less is known. */
  keepTrust(trust: Trust): void
  /**
   * Reports where the servers differ without a quorum that agrees, and what this server executed there; or with `null` that a quorum
   * agrees again.
   */
  disputed(dispute: Difference | null, executed: string): void
  /** Makes sure that this node sends nothing more, in later runs either, and reports why. */
  withdrawn(reason: string): void
  /** Stops this node at once; with `isForEver`, no server may start with its directory again. */
  halt(reason: string, isForEver: boolean): void
}
