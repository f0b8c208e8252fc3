import type { Batch, Instance, Request } from '../../machines/batch.ts'
import type { Recalled } from '../../machines/inbox.ts'
import type { Member } from '../../machines/members.ts'
import type { Execution } from '../../machines/outcome.ts'

/** The replicated state of a node, as the core uses it. `Replica` in src/services/replica.ts implements it. */
export interface ReplicatedState {
  /** The members after all executed batches. */
  readonly members: readonly Member[]
  readonly firstUnexecuted: Instance
  /** The replicated clock. */
  readonly clockMs: number
  /** The earliest deadline on the replicated clock that the servers keep; `null` when there is none. */
  readonly deadlineMs: number | null
  /** Executes the next chosen batch. Each batch is executed once. */
  execute(instance: Instance, batch: Batch): Execution
  /** What it knows about requests of a session before they are proposed. */
  recall(uid: string, requests: readonly Request[]): Recalled
  /** Equal states give equal bytes. */
  snapshot(): Uint8Array
  digest(): string
}
