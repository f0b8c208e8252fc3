/** Checks of the invariants that `learner-context.ts` states. */
import { areIn, type Invariants, isDistinct, isIn, isUnchanged } from './invariant.ts'
import type { LearnerContext } from './learner-context.ts'
import { countedMembers } from './members.ts'

export const learnerInvariants: Invariants<LearnerContext> = {
  firstUnchosen: ({ context, before }) =>
    before !== null && context.firstUnchosen < before.context.firstUnchosen
      ? 'it has lost chosen batches'
      : null,
  contradiction: (step) => {
    if (isUnchanged(step, 'contradiction', 'members')) return null
    const { contradiction, members } = step.context
    const by = contradiction?.by ?? []
    if (!isDistinct(by)) return 'a server has contradicted twice'
    return areIn(by, countedMembers(members)) ? null : 'a server that is not counted has contradicted'
  },
  target: (step) => {
    const isBehind = isIn(step, 'behind') || isIn(step, 'catchingUp')
    const { target, firstUnchosen } = step.context
    return isBehind && target <= firstUnchosen
      ? `it catches up to instance ${target}, and knows everything below ${firstUnchosen}`
      : null
  },
  informant: ({ context, before }) => {
    const { informant, members } = context
    if (informant === null || before === null || members === before.context.members) return null
    const isIn = (some: LearnerContext['members']) => some.some(({ id }) => id === informant.id)
    return isIn(before.context.members) && !isIn(members)
      ? `server ${informant.id} is the informant, and it was removed`
      : null
  },
  answered: (step) => {
    const { context, before } = step
    const { answered, members, self } = context
    if (isIn(step, 'inquiring') && before !== null && !isIn(before, 'inquiring')) {
      if (answered.some((id) => id !== self)) return 'an inquiry begins with the answers to another one'
    }
    if (isUnchanged(step, 'answered', 'members')) return null
    if (!isDistinct(answered)) return 'a server has answered the inquiry twice'
    return areIn(answered, [...countedMembers(members), self])
      ? null
      : 'a server that is not counted has answered'
  },
}
