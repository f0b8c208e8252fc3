import type { Address, Instance, NodeId } from '../../machines/batch.ts'
import type { Names, RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import type { Oddity, Respond, Write } from '../../machines/outputs.ts'
import type { DurableState } from './durable.ts'
import type { Fact } from './facts.ts'
import type { HeardFrom } from './reach.ts'

/** A message on its way to another server. */
export interface SentMessage {
  readonly to: NodeId
  readonly address: Address
  readonly names: Names
  readonly message: NodeMessage
}

/** A page of what was chosen, which the learner asks for: from the instance `from` on, for the directory `incarnation` of the server `to`. */
export interface PageRequest {
  readonly to: NodeId
  readonly incarnation: string
  readonly from: Instance
}

/**
 * What moves the roles of a node and surrounds them. There are two: src/node/runtime.ts runs them as live actors, with a socket and a
 * disk; src/stepped/node.ts moves them in steps, as values.
 */
export interface Driver {
  /** Gives an event to a role, which takes it before this returns. What the role asks for comes back by `NodeCore.carryOut`, in order. */
  deliver(role: RoleName, event: RoleEvent): void
  /** Sends to another server; it may be lost. */
  send(sent: SentMessage): void
  /** Answers a client; it may be lost. */
  respond(to: Address, message: Respond['message']): void
  /** Writes, in the order of the calls. When a write has ended well, the node takes the event `NodeCore.eventAfter(write)`. */
  persist(write: Write): void
  /** Reads a page; the node takes the event `pageRead(page, batches)`, now or later, or none when it cannot be read now. */
  read(page: PageRequest): void
  /** What the disk holds now, with all writes that have ended; `null` when this driver does not follow it. */
  durable(): DurableState | null
  /** A clock that does not go back, in milliseconds from any moment: the same for all that happens within one event. */
  nowMs(): number
  /** A server that is heard sent from the address in `last`. One that is no member is reached there from now on. */
  heard(sender: NodeId, last: HeardFrom, isMember: boolean): void
  /** What `heard` recorded last of a server that is no member. */
  lastHeard(id: NodeId): HeardFrom | undefined
  /** Receives each fact of this node when it happens. */
  observe(fact: Fact): void
  /** Counts what `sender` sent, which was dropped. */
  flag(oddity: Oddity, sender: NodeId): void
  /** Ends this node at once. */
  halt(reason: string): void
}
