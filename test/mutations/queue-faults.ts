import { assign, enqueueActions } from 'xstate'
import { withRequest } from '../../machines/held-requests.ts'
import { requestQueueMachine } from '../../machines/request-queue.ts'
import { faultyRole, type Mutation } from './mutation.ts'

export const queueFaults: readonly Mutation[] = [
  faultyRole(
    'answers before it is executed',
    'requestQueue',
    requestQueueMachine.provide({
      actions: {
        recordRequest: enqueueActions(({ context, enqueue }, event) => {
          const { uid, seq, replyTo: to } = event
          const outcome = { kind: 'executed', result: null, instance: 0, index: 0 } as const
          enqueue.emit({ type: 'respond', to, message: { type: 'response', uid, seq, outcome } })
          enqueue.assign({ held: withRequest(context.held, event) })
        }),
      },
    }),
  ),
  faultyRole(
    'keeps the requests of its clients in silence when it is removed',
    'requestQueue',
    requestQueueMachine.provide({
      actions: { recordMembers: assign((_, { members }) => ({ members })) },
    }),
  ),
]
