import { assign, enqueueActions } from 'xstate'
import { recordAt } from '../../machines/accepted-records.ts'
import { type AcceptorContext, acceptorMachine } from '../../machines/acceptor.ts'
import { compareBallots, sameBallot } from '../../machines/ballot.ts'
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Heard } from '../../machines/inbox.ts'
import { informantOf } from '../../machines/informant.ts'
import type { Accept, Settled } from '../../machines/messages.ts'
import type { Tell } from '../../machines/outputs.ts'
import { faultyRole, type Mutation } from './mutation.ts'

/** The batch that was accepted at `instance`, at any ballot. */
function acceptedAt({ accepted }: AcceptorContext, instance: Instance): Batch | null {
  return recordAt(accepted, instance)?.batch ?? null
}

/** Notifies the learner of what a message shows. */
function choiceImplied(
  heard: Heard<Accept> | Heard<Settled>,
  firstUnchosen: Instance,
  implied: Batch | null,
): Tell {
  const { instance, atMs } = heard
  const choice = { informant: informantOf(heard), heard: instance, firstUnchosen, implied, atMs }
  return { type: 'tell', role: 'learner', event: { type: 'choice.implied', ...choice } }
}

export const acceptorFaults: readonly Mutation[] = [
  faultyRole(
    'accepts below its promise',
    'acceptor',
    acceptorMachine.provide({
      guards: {
        // `promisedMore` is asked for a prepare and for an accept: only the second is answered wrongly.
        promisedMore: ({ context }, heard) =>
          !('batch' in heard) && compareBallots(heard.ballot, context.promised) < 0,
      },
      actions: {
        recordAccepted: assign(({ context }, { ballot, instance, batch, sender }) => ({
          accepted: [
            ...context.accepted.filter((other) => other.instance !== instance),
            { instance, ballot, batch },
          ],
          unsaved: { promised: true, accepted: [{ instance, ballot, batch }] },
          later: [...context.later, { to: sender, message: { type: 'accepted' as const, ballot, instance } }],
        })),
      },
    }),
  ),
  faultyRole(
    'says a promise that is not durable',
    'acceptor',
    acceptorMachine.provide({
      actions: {
        recordPromise: assign(({ context }, { ballot, from, sender }) => {
          const { firstUnchosen } = context
          const accepted = context.accepted.filter(({ instance }) => instance >= from)
          const message = { type: 'promise' as const, ballot, from, accepted, firstUnchosen }
          return { promised: ballot, later: [...context.later, { to: sender, message }] }
        }),
      },
    }),
  ),
  faultyRole(
    'an accept above the promise does not raise it',
    'acceptor',
    acceptorMachine.provide({
      actions: {
        recordAccepted: assign(({ context }, { ballot, instance, batch, sender }) => ({
          accepted: [
            ...context.accepted.filter((other) => other.instance !== instance),
            { instance, ballot, batch },
          ],
          unsaved: { ...context.unsaved, accepted: [{ instance, ballot, batch }] },
          later: [...context.later, { to: sender, message: { type: 'accepted' as const, ballot, instance } }],
        })),
      },
    }),
  ),
  faultyRole(
    'a promise leaves out the highest accepted',
    'acceptor',
    acceptorMachine.provide({
      actions: {
        recordPromise: assign(({ context }, { ballot, from, sender }) => {
          const { firstUnchosen } = context
          const accepted = context.accepted.filter(({ instance }) => instance >= from).slice(0, -1)
          const message = { type: 'promise' as const, ballot, from, accepted, firstUnchosen }
          return {
            promised: ballot,
            unsaved: { ...context.unsaved, promised: true },
            later: [...context.later, { to: sender, message }],
          }
        }),
      },
    }),
  ),
  faultyRole(
    'votes before it is admitted, from an empty disk',
    'acceptor',
    acceptorMachine.provide({ guards: { mayNotVote: () => false, isSettledAndMayNotVote: () => false } }),
  ),
  faultyRole(
    'takes what it accepted at another ballot for chosen',
    'acceptor',
    acceptorMachine.provide({
      actions: {
        notifyAcceptHeard: enqueueActions(({ context, enqueue }, heard) => {
          enqueue.emit(choiceImplied(heard, heard.instance, acceptedAt(context, heard.instance - 1)))
        }),
      },
    }),
  ),
  faultyRole(
    'takes what it accepted for chosen when a settled names another ballot',
    'acceptor',
    acceptorMachine.provide({
      actions: {
        notifySettled: enqueueActions(({ context, enqueue }, heard) => {
          const { instance, ballot } = heard
          const implied = ballot === null ? null : acceptedAt(context, instance)
          enqueue.emit(choiceImplied(heard, instance + 1, implied))
        }),
      },
    }),
  ),
  faultyRole(
    'takes what it accepted for chosen when a settled names no ballot',
    'acceptor',
    acceptorMachine.provide({
      actions: {
        notifySettled: enqueueActions(({ context, enqueue }, heard) => {
          const { instance, ballot } = heard
          const record = recordAt(context.accepted, instance)
          const isImplied = record !== undefined && (ballot === null || sameBallot(record.ballot, ballot))
          enqueue.emit(choiceImplied(heard, instance + 1, isImplied ? record.batch : null))
        }),
      },
    }),
  ),
  faultyRole(
    'persists and says as accepted what is settled',
    'acceptor',
    acceptorMachine.provide({
      actions: {
        forgetSettled: assign(({ context }, { firstUnchosen }) => ({
          firstUnchosen,
          accepted: context.accepted.filter(({ instance }) => instance >= firstUnchosen),
        })),
      },
    }),
  ),
  faultyRole(
    'keeps the lower ballot when a batch of a higher one takes its place',
    'acceptor',
    acceptorMachine.provide({
      actions: {
        recordAccepted: assign(({ context }, { ballot, instance, batch, sender }) => {
          const before = context.accepted.find((record) => record.instance === instance)
          const record = { instance, ballot: before?.ballot ?? ballot, batch }
          const others = context.accepted.filter((other) => other.instance !== instance)
          return {
            promised: ballot,
            accepted: [...others, record].sort((a, b) => a.instance - b.instance),
            unsaved: { promised: true, accepted: [...context.unsaved.accepted, record] },
            later: [
              ...context.later,
              { to: sender, message: { type: 'accepted' as const, ballot, instance } },
            ],
          }
        }),
      },
    }),
  ),
]
