import type { Batch, Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { RequestMessage } from '../../machines/messages.ts'
import type { Execution, Full, Outcome } from '../../machines/outcome.ts'

/** The replicated state of a node, as the core uses it: `Replica` of src/services/replica.ts is one. */
export interface ReplicatedState {
  /** As they are after everything that was executed. */
  readonly members: readonly Member[]
  readonly firstUnexecuted: Instance
  /** The replicated clock. */
  readonly clockMs: number
  /** The servers at which a delayed request waits. */
  readonly waitingNodes: readonly NodeId[]
  /** Executes a chosen batch: the next one, each once. */
  execute(instance: Instance, batch: Batch): Execution
  /** How the request ended, if it has ended, or that there is no room for its session; `null` otherwise. */
  recall(uid: string, seq: number, command?: RequestMessage['command']): Outcome | Full | null
  /** The same bytes for the same state. */
  snapshot(): Uint8Array
  digest(): string
}
