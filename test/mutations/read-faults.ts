import { assign, enqueueActions } from 'xstate'
import { type AcceptorContext, acceptorMachine } from '../../machines/acceptor.ts'
import { chosenBelow } from '../../machines/confirmations.ts'
import { newReads, noReads, together, withReads } from '../../machines/held-reads.ts'
import type { Heard, ReadArrived } from '../../machines/inbox.ts'
import { addressedTo, type Member } from '../../machines/members.ts'
import type { Confirm } from '../../machines/messages.ts'
import { type ReaderContext, readerMachine } from '../../machines/reader.ts'
import { faultyRole, type Mutation } from './mutation.ts'

/** The reads join those of the question that is out, if one is. */
function joining({ asked, gathered }: ReaderContext, event: ReadArrived): Partial<ReaderContext> {
  const fresh = newReads(event, asked, gathered)
  return asked.count > 0
    ? { asked: withReads(asked, event, fresh) }
    : { gathered: withReads(gathered, event, fresh) }
}

function confirmedBelow({ members, firstUnchosen }: AcceptorContext, confirm: Heard<Confirm>) {
  const { question, sender, incarnation } = confirm
  const message = { type: 'confirmed' as const, question, firstUnchosen, acceptedBelow: firstUnchosen }
  return { type: 'send' as const, ...addressedTo(members, sender, incarnation), message }
}

export const readFaults: readonly Mutation[] = [
  faultyRole(
    'answers reads without asking a quorum',
    'reader',
    readerMachine.provide({ guards: { mayBeStale: () => true } }),
  ),
  faultyRole(
    'has a read join a question that was sent',
    'reader',
    readerMachine.provide({
      actions: { recordReads: assign(({ context }, event: ReadArrived) => joining(context, event)) },
    }),
  ),
  faultyRole(
    'answers reads before it has executed what may be chosen',
    'reader',
    readerMachine.provide({
      guards: {
        everythingNeededIsExecuted: ({ context: { members, answers } }) =>
          chosenBelow(members, answers) !== null,
      },
    }),
  ),
  faultyRole(
    'counts answers to an earlier question',
    'reader',
    readerMachine.provide({ guards: { isForAnotherQuestion: () => false } }),
  ),
  faultyRole(
    'keeps the answers of the members before',
    'reader',
    readerMachine.provide({
      actions: {
        recordMembers: enqueueActions(
          ({ context, enqueue }, { members }: { readonly members: readonly Member[] }) => {
            // The answers of those who are members no more are left out, and the others stay for the next question.
            const counted = context.answers.filter(({ node, incarnation }) =>
              members.some((member) => member.id === node && member.incarnation === incarnation),
            )
            const gathered = together(context.asked, context.gathered)
            enqueue.assign({ members, asked: noReads, gathered, answers: counted })
          },
        ),
        adoptGathered: assign(({ context }) => ({
          asked: context.gathered,
          gathered: noReads,
          question: context.question + 1,
          answers: context.answers,
          tries: 0,
          spread: 1,
        })),
      },
    }),
  ),
  faultyRole(
    'shows a reader only what it knows to be chosen',
    'acceptor',
    acceptorMachine.provide({
      actions: {
        sendConfirmed: enqueueActions(({ context, enqueue }, confirm: Heard<Confirm>) => {
          enqueue.emit(confirmedBelow(context, confirm))
        }),
      },
    }),
  ),
]
