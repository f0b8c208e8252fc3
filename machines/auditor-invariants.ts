/** Checks of the invariants that `auditor-context.ts` states. */
import type { AuditorContext } from './auditor-context.ts'
import { areIn, type Invariants, isDistinct, isIn, isUnchanged } from './invariant.ts'
import { countedMembers } from './members.ts'

export const auditorInvariants: Invariants<AuditorContext> = {
  concluded: ({ context, before }) =>
    before !== null && context.concluded < before.context.concluded
      ? 'it forgets which instances were compared'
      : null,
  answers: (step) => {
    if (isUnchanged(step, 'answers', 'members')) return null
    const { answers, members, self } = step.context
    const nodes = answers.map(({ node }) => node)
    if (!isDistinct(nodes)) return 'a server has answered the comparison twice'
    return areIn(nodes, [...countedMembers(members), self])
      ? null
      : 'a server that is not counted has answered the comparison'
  },
  reporters: (step) => {
    const { reporters } = step.context
    if (!isDistinct(reporters)) return 'a server has exposed this one twice'
    return reporters.length === 0 && (isIn(step, 'reported') || isIn(step, 'exposed'))
      ? 'nobody has exposed this server'
      : null
  },
  dispute: (step) =>
    isIn(step, 'disputed') && step.context.dispute === null
      ? 'it refuses requests, and nothing differs'
      : null,
}
