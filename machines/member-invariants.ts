/** What `members.ts` states of the fields of a member, as checks. */
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

/** How `members` breaks an invariant of its members; `null` when it breaks none. */
export function membersFault(members: readonly Member[]): string | null {
  return memberInvariants.id(members) ?? memberInvariants.incarnation(members)
}
