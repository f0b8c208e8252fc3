/** Who is to be asked for what was chosen, and how a role says so to the learner of its node. */
import type { Instance, NodeId } from './batch.ts'
import type { Informant } from './inbox.ts'
import type { Tell } from './outputs.ts'

/** The sender of a message, as somebody to be asked. */
export function informantOf({
  sender,
  incarnation,
}: {
  readonly sender: NodeId
  readonly incarnation: string
}): Informant {
  return { id: sender, incarnation }
}

/** Tells the learner that `informant` knows what was chosen below `firstUnchosen`, and that it is needed here. */
export function noticeBehind(firstUnchosen: Instance, informant: Informant): Tell {
  return { type: 'tell', role: 'learner', event: { type: 'behind.noticed', firstUnchosen, informant } }
}
