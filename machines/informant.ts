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

/** Notifies the learner that `informant` knows everything chosen below `firstUnchosen`, and that this server needs it. */
export function noticeBehind(firstUnchosen: Instance, informant: Informant): Tell {
  return { type: 'tell', role: 'learner', event: { type: 'behind.noticed', firstUnchosen, informant } }
}
