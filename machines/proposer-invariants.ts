/** Checks of the invariants that `proposer-context.ts` states. */
import { type Ballot, sameBallot } from './ballot.ts'
import type { Instance } from './batch.ts'
import { areIn, type Invariants, isDistinct, isIn, isUnchanged, type Moment, type Step } from './invariant.ts'
import { countedMembers, isCounted } from './members.ts'
import { highestAccepted, isPrepared } from './promises.ts'
import type { ProposerContext } from './proposer-context.ts'

export const proposerInvariants: Invariants<ProposerContext> = {
  members: ({ context, before, ...after }) =>
    before !== null && context.members !== before.context.members && isProposing(after)
      ? 'the members have changed, and it keeps its ballot'
      : null,
  highestRound: ({ context: { ballot, highestRound }, before }) => {
    if (highestRound < ballot.round) return `the highest round is ${highestRound}, below that of its ballot`
    return before !== null && highestRound < before.context.highestRound
      ? 'the highest round has decreased'
      : null
  },
  promises: (step) =>
    (isUnchanged(step, 'promises', 'members') ? null : giversFault(step.context)) ??
    anotherPrepareFault(step) ??
    preparedFault(step),
  batch: (step) => {
    const isFree = step.value === 'leading' || isProposingItsOwn(step)
    const { promises, firstUnexecuted } = step.context
    return isFree && highestAccepted(promises) >= firstUnexecuted
      ? `it proposes a batch of its own, and a promise shows one at or above instance ${firstUnexecuted}`
      : null
  },
  accepts: (step) => {
    if (isUnchanged(step, 'accepts', 'members')) return null
    const { accepts, members } = step.context
    if (!isDistinct(accepts)) return 'a server has accepted twice'
    return areIn(accepts, countedMembers(members)) ? null : 'a server that is not counted has accepted'
  },
  isChosen: ({ context: { isChosen, batch } }) =>
    isChosen && batch === null ? 'a batch is chosen, and none is proposed' : null,
  tries: ({ context: { tries, timing }, ...moment }) =>
    isIn(moment, 'catchingUp') && tries > timing.patientTries
      ? `it has waited ${tries} times for what somebody knew`
      : null,
  hasYielded: ({ context, before, ...after }) =>
    before?.context.hasYielded &&
    isIn(before, 'backingOff') &&
    isIn(after, 'backingOff') &&
    context.backoffs > before.context.backoffs
      ? 'its wait restarts for a second rival'
      : null,
}

/** True when its ballot is prepared, and it proposes at it or is about to. */
function isProposing(moment: Pick<Moment<unknown>, 'value'>): boolean {
  return isIn(moment, 'leading') || isIn(moment, 'accepting')
}

function isProposingItsOwn({ value }: Moment<unknown>): boolean {
  return typeof value === 'object' && value.accepting === 'proposing'
}

function giversFault({ promises, members }: ProposerContext): string | null {
  if (!isDistinct(promises.map(({ node }) => node))) return 'a server has promised twice'
  const stranger = promises.find(({ node, incarnation }) => !isCounted(members, node, incarnation))
  return stranger === undefined ? null : `the promise of ${stranger.node} is kept, which is not counted`
}

function anotherPrepareFault({ context, before, event }: Step<ProposerContext>): string | null {
  if (before === null || event.type !== 'promise' || context.promises === before.context.promises) return null
  const { ballot, from } = event as unknown as { readonly ballot: Ballot; readonly from: Instance }
  const isForThisOne = sameBallot(ballot, before.context.ballot) && from === before.context.preparedFrom
  return isForThisOne ? null : 'a promise for another prepare is counted'
}

/** The event that ends `preparing` with a prepared ballot completes the promises, in each state that may follow. */
function preparedFault({ context, before, value }: Step<ProposerContext>): string | null {
  const ends = isProposing({ value }) || isIn({ value }, 'catchingUp')
  if (before === null || !isIn(before, 'preparing') || !ends) return null
  const { members, self, promises } = context
  if (!promises.some(({ node }) => node === self)) {
    return 'its ballot is prepared, and its own acceptor has not promised it'
  }
  return isPrepared(members, self, promises)
    ? null
    : 'its ballot is prepared, and no quorum of the members has promised it'
}
