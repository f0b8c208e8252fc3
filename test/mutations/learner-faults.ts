import { type AnyStateMachine, assign, createMachine, enqueueActions } from 'xstate'
import { type LearnerContext, type LearnerInput, learnerMachine } from '../../machines/learner.ts'
import { addressedTo, peersOf } from '../../machines/members.ts'
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
    'installs a snapshot that is older than what it knows',
    'learner',
    learnerMachine.provide({
      guards: {
        isOffer: () => true,
        isTakenUp: ({ context: { fetching } }) => fetching === null || fetching.resumedBytes !== null,
        knowsTheSnapshot: ({ context }) => context.fetching === null,
      },
    }),
  ),
  faultyRole(
    'answers a question below its snapshot with the batches above it',
    'learner',
    learnerMachine.provide({
      actions: {
        readChosen: enqueueActions(({ context, enqueue }, { from, sender, incarnation }) => {
          enqueue.assign({ askedFrom: from } as object)
          const first = Math.max(from, context.snapshot?.instance ?? 0)
          enqueue.emit({ type: 'read', from: first, to: sender, incarnation })
        }),
        sendChosen: enqueueActions(({ context, enqueue }, { to, incarnation, from, batches }) => {
          const { members, firstUnchosen } = context
          const first = Math.min(from, Number(Object(context).askedFrom ?? from))
          enqueue.emit({
            type: 'send',
            ...addressedTo(members, to, incarnation),
            message: { type: 'chosen', from: first, batches: batches ?? [], firstUnchosen, unsettled: false },
          })
        }),
      },
    }),
  ),
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
