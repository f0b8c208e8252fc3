/**
 * What is seen of a run from outside the roles: what invariants are judged by, whichever engine runs. Each engine reports
 * the same facts in the order in which they happen.
 */
import type { Address, Batch, Instance, NodeId, Request } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { Respond } from '../../machines/outputs.ts'
import type { DurableState } from './durable.ts'

export type Fact =
  /** A client, whoever it is, sent the request for the first time, to whichever server: changes of members too. */
  | { readonly type: 'requested'; readonly request: Request }
  /**
   * A server began: from this disk, with these members after executing what is chosen on it. Comes before anything that it
   * says or syncs; before or after the `executed` of what was stored.
   */
  | {
      readonly type: 'started'
      readonly node: NodeId
      readonly incarnation: string
      readonly durable: DurableState
      readonly members: readonly Member[]
    }
  /** A server is gone, or has halted: it says nothing until it begins again. */
  | { readonly type: 'crashed'; readonly node: NodeId }
  /** A role said a message to a server, itself included; it may be lost on the way. */
  | { readonly type: 'said'; readonly node: NodeId; readonly to: NodeId; readonly message: NodeMessage }
  /** The disk holds this now, whatever happens. */
  | { readonly type: 'synced'; readonly node: NodeId; readonly durable: DurableState }
  /**
   * The replica executed a batch; also at a start, for what was stored. `digest` is that of the whole replicated state after
   * it, `null` where an engine takes none at this instance.
   */
  | {
      readonly type: 'executed'
      readonly node: NodeId
      readonly instance: Instance
      readonly batch: Batch
      readonly execution: Execution
      readonly digest: string | null
    }
  /** A server answered a client. */
  | {
      readonly type: 'responded'
      readonly node: NodeId
      readonly to: Address
      readonly message: Respond['message']
    }
