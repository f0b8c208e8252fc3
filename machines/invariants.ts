/**
 * What must hold of the fields of each role after every step: what stands after the word *Invariant* at the fields, as functions.
 * Engines that check call `roleFault` after each step. A live server does not: a role that broke one has a fault, and no
 * message that another server sends can make it do so.
 */
import type { AcceptorContext } from './acceptor.ts'
import { compareBallots } from './ballot.ts'
import type { NodeId } from './batch.ts'
import type { RoleName } from './inbox.ts'
import type { LearnerContext } from './learner.ts'
import { countedMembers, isCounted } from './members.ts'
import { highestAccepted } from './promises.ts'
import type { ProposerContext } from './proposer.ts'

/** By role: a sentence that says what is broken, or `null`. */
const faults: Readonly<Partial<Record<RoleName, (context: never, state: string) => string | null>>> = {
  acceptor: acceptorFault,
  proposer: proposerFault,
  learner: learnerFault,
}

/** How the context of a role that is in `state` breaks an invariant of its fields; `null` when it breaks none. */
export function roleFault(role: RoleName, context: unknown, state: string): string | null {
  return faults[role]?.(context as never, state) ?? null
}

function acceptorFault(context: AcceptorContext): string | null {
  const { promised, accepted, firstUnchosen, limits } = context
  let above = firstUnchosen - 1
  for (const { instance, ballot } of accepted) {
    if (instance <= above) return `instance ${instance} is held below ${firstUnchosen}, out of order or twice`
    if (instance >= firstUnchosen + limits.acceptedWindow) {
      return `instance ${instance} is held beyond the window of ${limits.acceptedWindow} from ${firstUnchosen} on`
    }
    if (compareBallots(ballot, promised) > 0) return `instance ${instance} is accepted above what is promised`
    above = instance
  }
  return null
}

function proposerFault(context: ProposerContext, state: string): string | null {
  const { ballot, highestRound, promises, accepts, members, isChosen, batch, firstUnexecuted } = context
  if (highestRound < ballot.round) return `the highest round is ${highestRound}, below that of its ballot`
  if (new Set(promises.map(({ node }) => node)).size < promises.length) return 'a server has promised twice'
  if (new Set(accepts).size < accepts.length) return 'a server has accepted twice'
  const stranger = promises.find(({ node, incarnation }) => !isCounted(members, node, incarnation))
  if (stranger !== undefined) return `the promise of ${stranger.node} is kept, which is not counted`
  if (accepts.some((id) => !countedMembers(members).includes(id))) {
    return 'a server that is not counted has accepted'
  }
  if (isChosen && batch === null) return 'nothing is proposed, and it is chosen'
  const isFree = state === 'leading' || state === 'accepting.proposing'
  return isFree && highestAccepted(promises) >= firstUnexecuted
    ? `it proposes a batch of its own, and a promise shows one at or above instance ${firstUnexecuted}`
    : null
}

function learnerFault({ answered, members, self, contradiction }: LearnerContext): string | null {
  const isDistinct = (servers: readonly NodeId[]) => new Set(servers).size === servers.length
  if (!isDistinct(answered)) return 'a server has answered the inquiry twice'
  const counted = [...countedMembers(members), self]
  if (answered.some((id) => !counted.includes(id))) return 'a server that is not counted has answered'
  const by = contradiction?.by ?? []
  return isDistinct(by) ? null : 'a server has contradicted twice'
}
