/** The witnesses: situations that a search must reach. A search that misses them has verified little. */
import { heldRequest } from '../../machines/held-requests.ts'
import type { Member } from '../../machines/members.ts'
import { isOfRead } from '../../machines/outcome.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import type { Fact } from '../core/facts.ts'
import type { NodeState, NodeStep } from '../stepped/state.ts'

/** The marks of a step, one bit each. */
const marks = {
  chosen: 1,
  helped: 2,
  insisted: 4,
  taught: 8,
  woken: 16,
  changed: 32,
  ruled: 64,
  handedOver: 128,
  ended: 256,
  installed: 512,
  read: 1024,
  readLater: 2048,
} as const

type Executed = Extract<Fact, { type: 'executed' }>

/** The witnesses, in the order in which reports list them. */
export const witnesses = [
  { name: 'chosen', about: 'a batch is chosen', mark: marks.chosen, during: 'anything' },
  {
    name: 'duel',
    about: 'a proposer gets its batch chosen at a later round, while its rival backs off',
    mark: marks.insisted,
    during: 'rivalBacksOff',
  },
  {
    name: 'helping',
    about: "a proposer gets a batch chosen that was accepted at another proposer's ballot",
    mark: marks.helped,
    during: 'anything',
  },
  {
    name: 'catchUp',
    about: 'a server that asked learns the chosen batches',
    mark: marks.taught,
    during: 'anything',
  },
  {
    name: 'afterCrash',
    about: 'a batch is chosen after a server has crashed',
    mark: marks.chosen,
    during: 'afterCrash',
  },
  {
    name: 'catchUpAfterCrash',
    about: 'a server that asked learns the chosen batches after a server has crashed',
    mark: marks.taught,
    during: 'afterCrash',
  },
  { name: 'woken', about: 'a request that was delayed is executed', mark: marks.woken, during: 'anything' },
  {
    name: 'sessionEnded',
    about: 'a session ends at its deadline',
    mark: marks.ended,
    during: 'anything',
  },
  {
    name: 'handedOver',
    about: 'a request that was handed over to the leader is executed',
    mark: marks.handedOver,
    during: 'anything',
  },
  {
    name: 'installed',
    about: 'a snapshot replaces the state of a server that asked',
    mark: marks.installed,
    during: 'anything',
  },
  {
    name: 'read',
    about: 'a read is answered from a state with a batch, after a quorum has answered',
    mark: marks.read,
    during: 'anything',
  },
  {
    name: 'readLater',
    about: 'a read is answered that waited until its server had executed what a quorum had accepted',
    mark: marks.readLater,
    during: 'anything',
  },
  { name: 'newMembers', about: 'the members change', mark: marks.changed, during: 'anything' },
  {
    name: 'newQuorum',
    about: 'a batch is chosen by members that have changed',
    mark: marks.ruled,
    during: 'anything',
  },
] as const

export type WitnessName = (typeof witnesses)[number]['name']

/** The marks of a step from `before`, in a cluster with these founders. */
export function marksOf(before: NodeState, { facts }: NodeStep, founders: readonly Member[]): number {
  if (before.running === null) return 0
  let found = 0
  for (const fact of facts) {
    if (fact.type === 'executed') found |= marksOfExecution(before.running, fact, founders)
    if (fact.type === 'installed') found |= marks.installed
    if (fact.type === 'responded') found |= marksOfAnswer(before.running, fact)
  }
  return found
}

function marksOfAnswer(
  { roles }: NonNullable<NodeState['running']>,
  { message }: Extract<Fact, { type: 'responded' }>,
): number {
  if (message.type !== 'response') return 0
  const isRead = message.answers.some(({ outcome }) => isOfRead(outcome) && outcome.instance > 0)
  if (!isRead) return 0
  return marks.read | (roles.reader.matches('catchingUp') ? marks.readLater : 0)
}

function marksOfExecution(
  { roles, replica }: NonNullable<NodeState['running']>,
  { execution }: Executed,
  founders: readonly Member[],
): number {
  const { proposer, learner, requestQueue } = roles
  const { ballot }: ProposerContext = proposer.context
  const { held }: RequestQueueContext = requestQueue.context
  const isOwn = proposer.matches('accepting')
  const isWoken = execution.outcomes.some(
    (each) => each.outcome.kind === 'executed' && heldRequest(held, each)?.wasDelayed === true,
  )
  const isHandedOver = execution.outcomes.some(
    (each) => each.outcome.kind === 'executed' && (heldRequest(held, each)?.handed ?? null) !== null,
  )
  const hasRuled = !isSame(replica.members, founders)
  return (
    (isOwn ? marks.chosen : 0) |
    (proposer.matches({ accepting: 'helping' }) ? marks.helped : 0) |
    (isOwn && ballot.round > 1 ? marks.insisted : 0) |
    (learner.matches('catchingUp') ? marks.taught : 0) |
    (isWoken ? marks.woken : 0) |
    (isHandedOver ? marks.handedOver : 0) |
    (execution.endedSessions.length > 0 ? marks.ended : 0) |
    (execution.members === null ? 0 : marks.changed) |
    (isOwn && hasRuled ? marks.ruled : 0)
  )
}

function isSame(some: readonly Member[], others: readonly Member[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ id, incarnation }, place) => {
      return id === others[place]?.id && incarnation === others[place]?.incarnation
    })
  )
}
