/** What happens to a node from outside, in every engine. */
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names, RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { NodeMessage, RequestMessage } from '../../machines/messages.ts'

export type NodeEvent =
  /** It starts, from what its disk holds. */
  | { readonly type: 'start'; readonly randomSeed: number }
  /** A server's message arrives, from the address `from`. */
  | {
      readonly type: 'hear'
      readonly sender: NodeId
      readonly names: Names
      readonly from: Address
      readonly message: NodeMessage
    }
  /** A client's request arrives, at `timeMs` of this server's wall clock. */
  | {
      readonly type: 'request'
      readonly message: RequestMessage
      readonly replyTo: Address
      readonly timeMs: number
      readonly commandBytes: number
    }
  /** A timer that is armed fires. */
  | { readonly type: 'timer'; readonly role: RoleName; readonly id: string }
  /** The sync under way ends well. */
  | { readonly type: 'synced' }
  /** The sync under way fails, and with it the node; the first `survived` of its unsynced writes got there. */
  | { readonly type: 'sync.failed'; readonly survived: number }
  /** It is gone at once; the first `survived` of its unsynced writes got there. */
  | { readonly type: 'crash'; readonly survived: number }
  /** Another part of the server tells a role something, as when it joins or is about to stop. */
  | { readonly type: 'tell'; readonly role: RoleName; readonly event: RoleEvent }
