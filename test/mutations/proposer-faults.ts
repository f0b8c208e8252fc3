import { type AnyStateMachine, assign, createMachine, enqueueActions } from 'xstate'
import { compareBallots, sameBallot } from '../../machines/ballot.ts'
import { type AcceptedRecord, type Batch, type NodeId, requestsOf } from '../../machines/batch.ts'
import { countedMembers, type Member } from '../../machines/members.ts'
import { batchToHelp } from '../../machines/promises.ts'
import { type ProposerContext, type ProposerInput, proposerMachine } from '../../machines/proposer.ts'
import { changeMembers } from '../../src/services/membership.ts'
import { faultyRole, type Mutation } from './mutation.ts'

/** So many answers, wherever they are from. */
function isHalf({ members }: ProposerContext, answers: number): boolean {
  return answers >= countedMembers(members).length / 2
}

function distinct(ids: readonly NodeId[]): number {
  return new Set(ids).size
}

/** The proposer, begun as if its acceptor had never promised anything. */
function withoutPast(): AnyStateMachine {
  const { config, implementations } = proposerMachine
  const begin = config.context as (args: { input: ProposerInput }) => ProposerContext
  return createMachine(
    {
      ...config,
      context: (args: { input: ProposerInput }) =>
        begin({ ...args, input: { ...args.input, promised: null } }),
    } as never,
    implementations as never,
  )
}

function lowest(records: readonly AcceptedRecord[]): AcceptedRecord | null {
  return records.reduce<AcceptedRecord | null>(
    (low, record) => (low === null || compareBallots(record.ballot, low.ballot) < 0 ? record : low),
    null,
  )
}

/** The members that the first request of `batch` will have made, if it can be done. */
function membersAfter({ members }: ProposerContext, batch: Batch): readonly Member[] {
  const command = requestsOf(batch)[0]?.command
  if (command?.kind !== 'members') return members
  try {
    return changeMembers(members, command.change)
  } catch {
    return members
  }
}

export const proposerFaults: readonly Mutation[] = [
  faultyRole(
    'counts a duplicate as a vote',
    'proposer',
    proposerMachine.provide({
      guards: { completesAccepts: ({ context }) => context.accepts.length + 1 > context.members.length / 2 },
      actions: {
        recordAccepted: assign(({ context }, { sender }) => ({ accepts: [...context.accepts, sender] })),
      },
    }),
  ),
  faultyRole(
    'adopts the batch of the lowest ballot',
    'proposer',
    proposerMachine.provide({
      actions: {
        adoptBatchToHelp: assign(({ context: { promises, firstUnexecuted } }) => {
          const shown = promises.flatMap(({ accepted }) => accepted)
          const batch = lowest(shown.filter(({ instance }) => instance === firstUnexecuted))?.batch ?? null
          return { batch, accepts: [], isChosen: false, tries: 0 }
        }),
      },
    }),
  ),
  faultyRole(
    'skips helping',
    'proposer',
    proposerMachine.provide({ guards: { somethingMayBeChosen: () => false } }),
  ),
  faultyRole(
    'starts the next instance early',
    'proposer',
    proposerMachine.provide({
      actions: {
        broadcastAccept: enqueueActions(({ context, enqueue }) => {
          const { ballot, batch, firstUnexecuted } = context
          if (batch === null) return
          for (const instance of [firstUnexecuted, firstUnexecuted + 1]) {
            const message = { type: 'accept' as const, ballot, instance, batch }
            for (const to of countedMembers(context.members)) enqueue.emit({ type: 'send', to, message })
          }
        }),
      },
    }),
  ),
  faultyRole(
    'sends settled before a quorum accepted',
    'proposer',
    proposerMachine.provide({
      actions: {
        broadcastAccept: enqueueActions(({ context, enqueue }) => {
          const { ballot, batch, firstUnexecuted: instance } = context
          if (batch === null) return
          for (const to of countedMembers(context.members)) {
            enqueue.emit({ type: 'send', to, message: { type: 'accept', ballot, instance, batch } })
            enqueue.emit({ type: 'send', to, message: { type: 'settled', ballot, instance } })
          }
        }),
      },
    }),
  ),
  faultyRole('uses a ballot again after a restart', 'proposer', withoutPast()),
  faultyRole(
    'takes a promise for an older ballot of its own',
    'proposer',
    proposerMachine.provide({ guards: { isForAnotherPrepare: () => false } }),
  ),
  faultyRole(
    'adds up votes for different ballots',
    'proposer',
    proposerMachine.provide({
      guards: {
        isForAnotherBallot: ({ context }, heard) =>
          'promised' in heard && !sameBallot(heard.ballot, context.ballot),
      },
    }),
  ),
  faultyRole(
    'takes half of the members for a quorum',
    'proposer',
    proposerMachine.provide({
      guards: {
        completesPromises: ({ context: { promises, ...context } }, { sender }) =>
          isHalf({ promises, ...context }, distinct([...promises.map(({ node }) => node), sender])),
        completesAccepts: ({ context }, { sender }) =>
          isHalf(context, distinct([...context.accepts, sender])),
      },
    }),
  ),
  faultyRole(
    'applies a change of members one instance early',
    'proposer',
    proposerMachine.provide({
      actions: {
        adoptOwnBatch: assign(({ context }, { batch }) => {
          return { batch, members: membersAfter(context, batch), accepts: [], isChosen: false, tries: 0 }
        }),
      },
    }),
  ),
  faultyRole(
    'goes on at its ballot where a rival had its batch chosen',
    'proposer',
    proposerMachine.provide({ guards: { batchIsChosenAtThisBallot: () => true } }),
  ),
  faultyRole(
    'proposes without catching up',
    'proposer',
    proposerMachine.provide({ guards: { somebodyKnowsMore: () => false } }),
  ),
  faultyRole(
    'counts votes by id alone, of any directory',
    'proposer',
    proposerMachine.provide({
      guards: {
        senderIsNotCounted: ({ context }, { sender }) => !countedMembers(context.members).includes(sender),
      },
    }),
  ),
  faultyRole(
    'helps what was accepted above a hole',
    'proposer',
    proposerMachine.provide({ guards: { somethingIsVoid: () => false } }),
  ),
  faultyRole(
    'waits for ever for what somebody knew to be chosen',
    'proposer',
    proposerMachine.provide({ guards: { hasWaitedEnough: () => false } }),
  ),
  faultyRole(
    'gives a batch that it helps another elapsedMs',
    'proposer',
    proposerMachine.provide({
      actions: {
        adoptBatchToHelp: assign(({ context: { promises, firstUnexecuted } }) => {
          const batch = batchToHelp(promises, firstUnexecuted)
          return {
            batch: batch && { ...batch, elapsedMs: batch.elapsedMs + 1 },
            ...{ accepts: [], isChosen: false, tries: 0, offeredAtMs: null },
          }
        }),
      },
    }),
  ),
]
