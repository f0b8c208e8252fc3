/** What the answers to a question of a reader show. */
import type { Instance, NodeId } from './batch.ts'
import type { Heard } from './inbox.ts'
import { countedMembers, type Member } from './members.ts'
import type { Confirmed } from './messages.ts'
import { isQuorum } from './quorum.ts'

/** The answer of one acceptor. */
export interface Confirmation {
  readonly node: NodeId
  readonly incarnation: string
  readonly firstUnchosen: Instance
  readonly acceptedBelow: Instance
}

/** The answers with one more. A later answer of a server to the same question shows no more that matters, and counts no second time. */
export function withConfirmation(
  answers: readonly Confirmation[],
  { sender: node, incarnation, firstUnchosen, acceptedBelow }: Heard<Confirmed>,
): readonly Confirmation[] {
  const others = answers.filter((answer) => answer.node !== node)
  return [...others, { node, incarnation, firstUnchosen, acceptedBelow }]
}

/**
 * The instance below which everything lies that was chosen before the question was sent; `null` without a quorum of answers. Each quorum
 * shares a server with the one that chose a batch, and that server had accepted the batch when it answered. So the highest `acceptedBelow`
 * of any quorum is such an instance, and the best quorum is that of the lowest ones. An accepted record that was never chosen, at few
 * servers, then delays no read.
 */
export function chosenBelow(members: readonly Member[], answers: readonly Confirmation[]): Instance | null {
  const counted = countedMembers(members)
  const asked: NodeId[] = []
  for (const { node, acceptedBelow } of answers.toSorted((a, b) => a.acceptedBelow - b.acceptedBelow)) {
    asked.push(node)
    if (isQuorum(counted, asked)) return acceptedBelow
  }
  return null
}

/** The answer of the server that knows the most chosen batches; `undefined` without an answer. */
export function bestInformedOf(answers: readonly Confirmation[]): Confirmation | undefined {
  return answers.toSorted((a, b) => b.firstUnchosen - a.firstUnchosen)[0]
}
