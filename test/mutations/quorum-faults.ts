/** What a proposer may count wrongly, and how it may forget what it has to remember of ballots. */
import { assign } from 'xstate'
import { sameBallot } from '../../machines/ballot.ts'
import type { NodeId } from '../../machines/batch.ts'
import { countedMembers } from '../../machines/members.ts'
import { type ProposerContext, proposerMachine } from '../../machines/proposer.ts'
import { isQuorum } from '../../machines/quorum.ts'
import { faultyRole, type Mutation } from './mutation.ts'

function withId(ids: readonly NodeId[], id: NodeId): readonly NodeId[] {
  return ids.includes(id) ? ids : [...ids, id]
}

function givers({ promises }: ProposerContext): readonly NodeId[] {
  return promises.map(({ node }) => node)
}

function isQuorumOfAll({ members }: ProposerContext, answered: readonly NodeId[]): boolean {
  return isQuorum(
    members.map(({ id }) => id),
    answered,
  )
}

export const quorumFaults: readonly Mutation[] = [
  faultyRole(
    'counts a quorum among all members, admitted or not',
    'proposer',
    proposerMachine.provide({
      guards: {
        completesPromises: ({ context }, { sender }) => {
          const answered = withId(givers(context), sender)
          return answered.includes(context.self) && isQuorumOfAll(context, answered)
        },
        completesAccepts: ({ context }, { sender }) =>
          isQuorumOfAll(context, withId(context.accepts, sender)),
      },
    }),
  ),
  faultyRole(
    'is prepared without its own promise',
    'proposer',
    proposerMachine.provide({
      guards: {
        completesPromises: ({ context }, { sender }) =>
          isQuorum(countedMembers(context.members), withId(givers(context), sender)),
      },
    }),
  ),
  faultyRole(
    'counts a late promise for an earlier prepare of the same ballot',
    'proposer',
    proposerMachine.provide({
      guards: { isForAnotherPrepare: ({ context }, { ballot }) => !sameBallot(ballot, context.ballot) },
    }),
  ),
  faultyRole(
    "takes a rival's lower round for the highest seen",
    'proposer',
    proposerMachine.provide({
      actions: {
        recordRival: assign(({ context }, { ballot }) => ({
          highestRound: Math.max(context.ballot.round, ballot?.round ?? 0),
        })),
      },
    }),
  ),
  faultyRole(
    'keeps its ballot although a rival changed the members',
    'proposer',
    proposerMachine.provide({
      guards: { changesMembers: ({ context }, { members }) => members !== null && context.isChosen },
      actions: {
        advance: assign(({ context }, { instance, members }) => ({
          firstUnexecuted: instance + 1,
          members: members ?? context.members,
          batch: null,
          accepts: [],
          isChosen: false,
          tries: 0,
        })),
      },
    }),
  ),
]
