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
  snapshot: ({ context: { snapshot, firstUnchosen }, before }) => {
    const instance = snapshot?.instance ?? 0
    if (instance > firstUnchosen) return `it holds a snapshot of instance ${instance}, above ${firstUnchosen}`
    const earlier = before?.context.snapshot?.instance ?? 0
    return instance < earlier ? `it held the snapshot of instance ${earlier}, and holds an older one` : null
  },
  writing: ({ context: { writing, snapshot } }) =>
    writing !== null && writing.instance <= (snapshot?.instance ?? -1)
      ? `it writes the snapshot of instance ${writing.instance}, and holds a later one`
      : null,
  fetching: ({ context: { fetching } }) => {
    if (fetching === null) return null
    const { snapshot, resumedBytes, receivedBytes, keptBytes } = fetching
    if (resumedBytes === null && receivedBytes > 0) return 'bytes arrived before storage said what it kept'
    const counts = [resumedBytes ?? 0, keptBytes, receivedBytes, snapshot.lengthBytes]
    return counts.every((count, place) => count >= (counts[place - 1] ?? 0))
      ? null
      : `of ${snapshot.lengthBytes} bytes of a snapshot ${receivedBytes} are received, ${keptBytes} kept, and ${resumedBytes} from before a restart`
  },
  target: (step) => {
    const isBehind = isIn(step, 'behind') || isIn(step, 'catchingUp') || isIn(step, 'installingSnapshot')
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
  askedAhead: ({ context: { askedAhead } }) =>
    askedAhead === null
      ? null
      : `it asked for the page from ${askedAhead} on, and has not adopted the one before`,
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
