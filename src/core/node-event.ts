/** The external events of a node, the same in every engine. */
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names, RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { ClientAsk, NodeMessage } from '../../machines/messages.ts'

export type NodeEvent =
  /** The node starts from the state of its disk. */
  | { readonly type: 'start'; readonly randomSeed: number }
  /** A message of a server arrives from the address `from`. */
  | {
      readonly type: 'hear'
      readonly sender: NodeId
      readonly names: Names
      readonly from: Address
      readonly message: NodeMessage
    }
  /** Requests or reads of a client arrive. `timeMs` is the time of this server's wall clock. */
  | {
      readonly type: 'request'
      readonly message: ClientAsk
      readonly replyTo: Address
      readonly timeMs: number
    }
  /** An armed timer fires. */
  | { readonly type: 'timer'; readonly role: RoleName; readonly id: string }
  /** The current sync succeeds. */
  | { readonly type: 'synced' }
  /** The current sync fails, and the node stops. The disk keeps the first `survived` of the unsynced writes. */
  | { readonly type: 'sync.failed'; readonly survived: number }
  /** The node crashes. The disk keeps the first `survived` of the unsynced writes. */
  | { readonly type: 'crash'; readonly survived: number }
  /** Another part of the server sends an event to a role, for example when the server joins or prepares to stop. */
  | { readonly type: 'tell'; readonly role: RoleName; readonly event: RoleEvent }
