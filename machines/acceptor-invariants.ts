/** Checks of the invariants that `acceptor-context.ts` states. */
import type { AcceptorContext } from './acceptor-context.ts'
import { compareBallots } from './ballot.ts'
import type { Instance } from './batch.ts'
import { type Invariants, isUnchanged } from './invariant.ts'

export const acceptorInvariants: Invariants<AcceptorContext> = {
  promised: (step) => {
    if (isUnchanged(step, 'promised', 'accepted')) return null
    const { context, before } = step
    const { promised, accepted } = context
    if (before !== null && compareBallots(promised, before.context.promised) < 0) {
      return 'the promise has decreased'
    }
    const above = accepted.find(({ ballot }) => compareBallots(ballot, promised) > 0)
    return above === undefined ? null : `instance ${above.instance} is accepted above the promised ballot`
  },
  accepted: (step) => {
    if (isUnchanged(step, 'accepted', 'firstUnchosen')) return null
    const { accepted, firstUnchosen, limits } = step.context
    let above = firstUnchosen - 1
    for (const { instance } of accepted) {
      if (instance <= above)
        return `instance ${instance} is held below ${firstUnchosen}, out of order or twice`
      if (instance >= firstUnchosen + limits.acceptedWindow) {
        return `instance ${instance} is held beyond the window of ${limits.acceptedWindow} from ${firstUnchosen} on`
      }
      above = instance
    }
    return null
  },
  unsaved: (step) => {
    if (isUnchanged(step, 'unsaved', 'firstUnchosen')) return null
    const { unsaved, firstUnchosen } = step.context
    return unsaved.accepted.some((record) => isSettled(record, firstUnchosen))
      ? 'a settled instance is about to be persisted as accepted'
      : null
  },
  later: (step) => {
    if (isUnchanged(step, 'later', 'firstUnchosen')) return null
    const { later, firstUnchosen } = step.context
    return later.some(({ message }) => message.type === 'accepted' && isSettled(message, firstUnchosen))
      ? 'a settled instance is about to be reported as accepted'
      : null
  },
}

function isSettled({ instance }: { readonly instance: Instance }, firstUnchosen: Instance): boolean {
  return instance < firstUnchosen
}
