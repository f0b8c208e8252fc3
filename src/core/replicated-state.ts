import type { Batch, Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { RequestMessage } from '../../machines/messages.ts'
import type { Execution, Full, Outcome } from '../../machines/outcome.ts'

/** The replicated state of a node, as the core uses it. `Replica` in src/services/replica.ts implements it. */
export interface ReplicatedState {
  /** The members after all executed batches. */
  readonly members: readonly Member[]
  readonly firstUnexecuted: Instance
  /** The replicated clock. */
  readonly clockMs: number
  /** The servers that hold a delayed request. */
  readonly waitingNodes: readonly NodeId[]
  /** Executes the next chosen batch. Each batch is executed once. */
  execute(instance: Instance, batch: Batch): Execution
  /** The outcome of the request if it has ended, or that its session has no room; `null` otherwise. */
  recall(uid: string, seq: number, command?: RequestMessage['command']): Outcome | Full | null
  /** Equal states give equal bytes. */
  snapshot(): Uint8Array
  digest(): string
}
