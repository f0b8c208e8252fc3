/** The events of a cluster in a search. */
import type { NodeId } from '../../machines/batch.ts'
import type { Names, RoleName } from '../../machines/inbox.ts'
import type { NodeMessage } from '../../machines/messages.ts'

export type CheckedEvent =
  /** A datagram arrives. It was sent before, and may have arrived before. */
  | {
      readonly type: 'deliver'
      readonly server: NodeId
      readonly from: NodeId
      readonly names: Names
      readonly message: NodeMessage
    }
  /** The request of a client arrives. */
  | { readonly type: 'request'; readonly server: NodeId; readonly client: string; readonly seq: number }
  /** The read of a client arrives. */
  | { readonly type: 'read'; readonly server: NodeId; readonly client: string }
  | { readonly type: 'timer'; readonly server: NodeId; readonly role: RoleName; readonly id: string }
  | { readonly type: 'sync'; readonly server: NodeId }
  | { readonly type: 'crash'; readonly server: NodeId; readonly survived: number }
  | { readonly type: 'start'; readonly server: NodeId }
