import { type AnyStateMachine, assign, createMachine, enqueueActions } from 'xstate'
import { type LearnerContext, type LearnerInput, learnerMachine } from '../../machines/learner.ts'
import { peersOf } from '../../machines/members.ts'
import { faultyRole, type Mutation } from './mutation.ts'

/** The learner, begun as if its acceptor held nothing. */
function withoutAcceptor(): AnyStateMachine {
  const { config, implementations } = learnerMachine
  const begin = config.context as (args: { input: LearnerInput }) => LearnerContext
  return createMachine(
    {
      ...config,
      context: (args: { input: LearnerInput }) =>
        begin({ ...args, input: { ...args.input, highestHeard: -1 } }),
    } as never,
    implementations as never,
  )
}

export const learnerFaults: readonly Mutation[] = [
  faultyRole(
    'does not know after a restart that its own acceptor holds something',
    'learner',
    withoutAcceptor(),
  ),
  faultyRole(
    'asks an informant that was removed',
    'learner',
    learnerMachine.provide({
      actions: { recordMembers: assign((_, { members }) => ({ members })) },
    }),
  ),
  faultyRole(
    'keeps the answers to the inquiry before',
    'learner',
    learnerMachine.provide({
      actions: {
        broadcastLearn: enqueueActions(({ context, enqueue }) => {
          const { self, members, answered, highestHeard, firstUnchosen } = context
          const peers = peersOf(members, self)
          const unsettled = highestHeard >= firstUnchosen
          enqueue.assign({ asked: peers, answered: [...new Set([...answered, self])], unsettled })
          for (const to of peers) {
            enqueue.emit({ type: 'send', to, message: { type: 'learn', from: firstUnchosen } })
          }
        }),
      },
    }),
  ),
  faultyRole(
    'counts the answers of servers that are no members',
    'learner',
    learnerMachine.provide({
      actions: {
        recordAnswer: assign(({ context }, { sender, unsettled }) => ({
          answered: [...new Set([...context.answered, sender])],
          unsettled: context.unsettled || unsettled,
        })),
      },
    }),
  ),
]
