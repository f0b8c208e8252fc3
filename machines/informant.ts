/** The server to ask for chosen batches, and the event that names it to the learner. */
import type { Instance, NodeId } from './batch.ts'
import type { Informant } from './inbox.ts'
import type { Tell } from './outputs.ts'

/** The sender of a message as an informant. */
export function informantOf({
  sender,
  incarnation,
}: {
  readonly sender: NodeId
  readonly incarnation: string
}): Informant {
  return { id: sender, incarnation }
}

/**
 * Notifies the learner that `informant` knows everything chosen below `firstUnchosen`, and that this server needs it. `atMs` is the
 * present time of the monotonic clock; `null` when the role does not know it.
 */
export function noticeBehind(firstUnchosen: Instance, informant: Informant, atMs: number | null): Tell {
  const event = { type: 'behind.noticed', firstUnchosen, informant, atMs } as const
  return { type: 'tell', role: 'learner', event }
}
