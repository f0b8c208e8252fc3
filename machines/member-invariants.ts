/** Checks of the invariants that `members.ts` states. */
import { isDistinct } from './invariant.ts'
import { countedMembers, type Member } from './members.ts'

export const memberInvariants = {
  id: (members: readonly Member[]) =>
    isDistinct(members.map(({ id }) => id)) ? null : 'two members have one id',
  incarnation: (members: readonly Member[], counted = countedMembers(members)) =>
    members.some(({ id, incarnation }) => incarnation === null && counted.includes(id))
      ? 'a member with no incarnation is counted'
      : null,
} satisfies { readonly [Field in keyof Member]?: (members: readonly Member[]) => string | null }

/** How `members` violates an invariant; `null` when it violates none. */
export function membersFault(members: readonly Member[]): string | null {
  return memberInvariants.id(members) ?? memberInvariants.incarnation(members)
}
