/** Faults that only cost datagrams or time: all that is chosen is right. */
import { enqueueActions } from 'xstate'
import { countedMembers } from '../../machines/members.ts'
import { proposerMachine } from '../../machines/proposer.ts'
import { faultyRole, type Mutation } from './mutation.ts'

export const costFaults: readonly Mutation[] = [
  faultyRole(
    'sends every accept twice',
    'proposer',
    proposerMachine.provide({
      actions: {
        broadcastAccept: enqueueActions(({ context, enqueue }) => {
          const { ballot, batch, firstUnexecuted: instance, members } = context
          if (batch === null) return
          const message = { type: 'accept' as const, ballot, instance, batch }
          for (const to of countedMembers(members)) {
            for (let copy = 0; copy < 2; copy += 1) enqueue.emit({ type: 'send', to, message })
          }
        }),
      },
    }),
  ),
  faultyRole(
    'begins its wait anew for every rival',
    'proposer',
    proposerMachine.provide({ guards: { mayYield: () => true } }),
  ),
  faultyRole(
    'gives up its ballot after every instance',
    'proposer',
    proposerMachine.provide({
      guards: { batchIsChosenAtThisBallot: () => false, batchIsChosenBelowAnother: () => false },
    }),
  ),
  faultyRole(
    'tells every server what was chosen',
    'proposer',
    proposerMachine.provide({
      actions: {
        sendSettledToConcerned: enqueueActions(({ context, enqueue }, { instance }) => {
          const { batch, isChosen, ballot, members, self } = context
          if (batch === null || !isChosen || instance !== context.firstUnexecuted) return
          const message = { type: 'settled' as const, ballot, instance }
          for (const to of countedMembers(members)) {
            if (to !== self) enqueue.emit({ type: 'send', to, message })
          }
        }),
      },
    }),
  ),
]
