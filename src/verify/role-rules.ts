/**
 * What must hold of the roles beyond the fields of one (`checkRole` in src/core/roles.ts): between a state and the next one, and between the
 * roles of one node. Asserted after every step by the engines that check.
 */
import type { AnyMachineSnapshot } from 'xstate'
import type { AcceptorContext } from '../../machines/acceptor.ts'
import { type Ballot, sameBallot } from '../../machines/ballot.ts'
import type { Instance } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { LearnerContext } from '../../machines/learner.ts'
import { countedMembers, isCounted } from '../../machines/members.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import { isQuorum } from '../../machines/quorum.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'

interface Step {
  readonly before: AnyMachineSnapshot
  readonly event: { readonly type: string }
  readonly after: AnyMachineSnapshot
}

const rules: Readonly<Record<RoleName, (step: Step) => string | null>> = {
  acceptor: acceptorFault,
  proposer: proposerFault,
  learner: learnerFault,
  requestQueue: requestQueueFault,
}

/** Throws when a role took a step that it may not take. */
export function checkStep(role: RoleName, step: Step): void {
  const fault = rules[role](step)
  if (fault !== null) throw new Error(`the ${role} breaks an invariant of its steps: ${fault}`)
}

/** Throws when the roles of a node contradict each other, between two events of the node. */
export function checkNode(roles: Readonly<Record<RoleName, AnyMachineSnapshot>>): void {
  const { accepted } = roles.acceptor.context as AcceptorContext
  const { highestHeard } = roles.learner.context as LearnerContext
  const highest = accepted.at(-1)?.instance ?? -1
  if (highest <= highestHeard) return
  throw new Error(
    `an invariant of a node is broken: the acceptor holds something at instance ${highest}, and its learner has heard of nothing above ${highestHeard}`,
  )
}

/** What is settled is the learner's: the acceptor has nothing to persist or to say of it any more. */
function acceptorFault({ after }: Step): string | null {
  const { unsaved, later, firstUnchosen } = after.context as AcceptorContext
  const isSettled = ({ instance }: { readonly instance: Instance }) => instance < firstUnchosen
  if (unsaved.accepted.some(isSettled)) return 'what is settled is about to be persisted as accepted'
  const isSaid = later.some(({ message }) => message.type === 'accepted' && isSettled(message))
  return isSaid ? 'what is settled is about to be said to be accepted' : null
}

function proposerFault({ before, event, after }: Step): string | null {
  const was = before.context as ProposerContext
  const is = after.context as ProposerContext
  if (is.highestRound < was.highestRound) return 'the highest round has come down'
  if (event.type === 'promise' && is.promises !== was.promises) {
    const { ballot, from } = event as unknown as { readonly ballot: Ballot; readonly from: Instance }
    if (!sameBallot(ballot, was.ballot) || from !== was.preparedFrom) {
      return 'a promise for another prepare is counted'
    }
  }
  // For one rival the wait begins anew, so that it can finish; for every one it might never end.
  if (
    before.matches('backingOff') &&
    after.matches('backingOff') &&
    was.hasYielded &&
    is.denials > was.denials
  ) {
    return 'its wait begins anew for a second rival'
  }
  if (is.members !== was.members && proposes(after))
    return 'the members have changed, and it keeps its ballot'
  // With the quorum that ends it, its ballot is prepared, whatever comes next.
  const isPrepared = before.matches('preparing') && (proposes(after) || after.matches('catchingUp'))
  if (!isPrepared) return null
  const givers = is.promises.map(({ node }) => node)
  if (!givers.includes(is.self)) return 'its ballot is prepared, and its own acceptor has not promised it'
  if (isQuorum(countedMembers(is.members), givers)) return null
  return 'its ballot is prepared, and no quorum of the members has promised it'
}

/** Its ballot is prepared, and it proposes at it or is about to. */
function proposes(proposer: AnyMachineSnapshot): boolean {
  return proposer.matches('leading') || proposer.matches('accepting')
}

function learnerFault({ before, after }: Step): string | null {
  const was = before.context as LearnerContext
  const is = after.context as LearnerContext
  if (is.firstUnchosen < was.firstUnchosen) return 'it knows less of what was chosen than before'
  if (after.matches('inquiring') && !before.matches('inquiring')) {
    if (is.answered.some((id) => id !== is.self)) return 'an inquiry begins with the answers to another one'
  }
  if (is.members === was.members || is.informant === null) return null
  const { id } = is.informant
  const isRemoved =
    was.members.some((member) => member.id === id) && is.members.every((member) => member.id !== id)
  return isRemoved ? `server ${id} is to be asked for what was chosen, and it was removed` : null
}

/** A server that is not counted can have nothing chosen: its clients have been sent elsewhere. */
function requestQueueFault({ after }: Step): string | null {
  const { members, self, incarnation, held } = after.context as RequestQueueContext
  if (held.count === 0 || isCounted(members, self, incarnation)) return null
  return `it holds ${held.count} requests and is not counted`
}
