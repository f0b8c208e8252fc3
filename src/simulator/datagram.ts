import type { NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { ClientMessage, NodeMessage, ServerMessage } from '../../machines/messages.ts'

/** A datagram of the simulated network: a message and its sender. `sender` is `null` for a client. */
export interface SimulatedDatagram {
  readonly sender: NodeId | null
  /** Present on messages between servers. */
  readonly names?: Names
  readonly message: NodeMessage | ClientMessage | ServerMessage
}

/** The name of every simulated cluster. */
export const simulatedCluster = 'simulated'
