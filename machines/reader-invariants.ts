/** Checks of the invariants that `reader-context.ts` and `held-reads.ts` state. */
import { type HeldReads, readsByClient } from './held-reads.ts'
import { type Invariants, isDistinct, isIn, isUnchanged } from './invariant.ts'
import { isCounted } from './members.ts'
import type { ReaderContext } from './reader-context.ts'

export const readerInvariants: Invariants<ReaderContext> = {
  gathered: (step) => {
    const { gathered } = step.context
    if (isIn(step, 'idle') && gathered.count > 0) return `it is idle and has gathered ${gathered.count} reads`
    return isUnchanged(step, 'gathered') ? null : readsFault(gathered)
  },
  asked: (step) => {
    const { asked } = step.context
    if (isIn(step, 'idle') !== (asked.count === 0)) {
      return asked.count === 0
        ? 'it asks, and for no read'
        : `it is idle and has asked for ${asked.count} reads`
    }
    return isUnchanged(step, 'asked') ? null : readsFault(asked)
  },
  question: ({ context, before }) =>
    before !== null && context.question < before.context.question
      ? 'the number of its question has decreased'
      : null,
  answers: (step) => {
    if (isUnchanged(step, 'answers', 'members')) return null
    const { answers, members } = step.context
    if (!isDistinct(answers.map(({ node }) => node))) return 'a server has answered twice'
    const stranger = answers.find(({ node, incarnation }) => !isCounted(members, node, incarnation))
    return stranger === undefined ? null : `the answer of ${stranger.node} is kept, which is not counted`
  },
}

function readsFault(held: HeldReads): string | null {
  const clients = readsByClient(held)
  for (const { uid, reads } of clients) {
    if (reads.length === 0) return `the client ${uid} has no read`
    if (!isDistinct(reads.map(({ seq }) => seq))) return `two reads of the client ${uid} have one seq`
  }
  const reads = clients.flatMap((client) => client.reads)
  const bytes = reads.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)
  return reads.length === held.count && bytes === held.bytes ? null : 'a read is not counted'
}
