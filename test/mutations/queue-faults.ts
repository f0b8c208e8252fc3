import { assign, enqueueActions } from 'xstate'
import { fromClient, newAmong } from '../../machines/admission.ts'
import { answersOf, response } from '../../machines/answers.ts'
import { handedOver, otherLeader } from '../../machines/hand-over.ts'
import { afterExecution } from '../../machines/held-execution.ts'
import { requestsIn } from '../../machines/held-groups.ts'
import {
  allHeld,
  type HeldRequest,
  type HeldRequests,
  withAllChanged,
  withRequests,
} from '../../machines/held-requests.ts'
import { type RequestQueueContext, requestQueueMachine } from '../../machines/request-queue.ts'
import { execution } from '../support/facts.ts'
import { faultyRole, type Mutation } from './mutation.ts'

/** Hands over the ready requests for which `mayGo` is true, and changes them with `change`. */
function handingOver(
  mayGo: (request: HeldRequest, context: RequestQueueContext) => boolean,
  change: (
    held: HeldRequests,
    requests: readonly HeldRequest[],
    context: RequestQueueContext,
  ) => HeldRequests = (held) => held,
) {
  const going = (context: RequestQueueContext) =>
    requestsIn(context.held, context.held.ready).filter(
      (request) => !context.offered.includes(request.order) && mayGo(request, context),
    )
  return requestQueueMachine.provide({
    guards: {
      anotherServerLeads: ({ context }) => otherLeader(context) !== null && going(context).length > 0,
    },
    actions: {
      sendHandOver: enqueueActions(({ context, enqueue }) => {
        const to = otherLeader(context)
        if (to === null) return
        const requests = going(context)
        const { held, messages } = handedOver(context.held, requests, { ...context, atMs: null })
        enqueue.assign({ held: change(held, requests, context) })
        for (const message of messages) enqueue.emit({ type: 'send', to, message })
      }),
    },
  })
}

/** Removes `requests` as if they had been cancelled. */
function without(held: HeldRequests, requests: readonly HeldRequest[], { limits }: RequestQueueContext) {
  const outcome = { kind: 'cancelled', instance: 0, index: 0 } as const
  const outcomes = requests.map(({ uid, seq }) => ({ uid, seq, outcome }))
  return afterExecution(held, execution(0, outcomes), limits).held
}

function mayGo({ heldBy, avoid }: HeldRequest, { self, leader }: RequestQueueContext): boolean {
  return heldBy === self && avoid !== leader
}

/** An address to which the responses go of requests that another server holds. */
const nowhere = '192.0.2.1:1'

/** Gives requests that another server holds the address `nowhere`. */
function asClients(held: HeldRequests): HeldRequests {
  const others = allHeld(held).filter(({ replyTo }) => replyTo === null)
  return withAllChanged(
    held,
    others.map((request) => ({ ...request, replyTo: nowhere })),
  )
}

/** Takes the address `nowhere` away again. */
function asOthers(held: HeldRequests): HeldRequests {
  const others = allHeld(held).filter(({ replyTo }) => replyTo === nowhere)
  return withAllChanged(
    held,
    others.map((request) => ({ ...request, replyTo: null })),
  )
}

export const queueFaults: readonly Mutation[] = [
  faultyRole(
    'answers before it is executed',
    'requestQueue',
    requestQueueMachine.provide({
      actions: {
        recordRequests: enqueueActions(({ context, enqueue }, event) => {
          const arriving = fromClient(event, context.self)
          const fresh = newAmong(context.held, arriving)
          const outcome = { kind: 'executed', result: null, instance: 0, index: 0 } as const
          const answers = fresh.map(({ seq }) => ({ seq, outcome }))
          enqueue.emit(response(event.replyTo, event.uid, answers))
          enqueue.assign({ held: withRequests(context.held, event, fresh) })
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
  faultyRole(
    'hands on what was handed over',
    'requestQueue',
    handingOver(({ avoid }, { leader }) => avoid !== leader),
  ),
  faultyRole(
    'hands over to the server that the client left',
    'requestQueue',
    handingOver(({ heldBy }, { self }) => heldBy === self),
  ),
  faultyRole('drops a request when it is handed over', 'requestQueue', handingOver(mayGo, without)),
  faultyRole(
    'keeps a delayed request that another server holds',
    'requestQueue',
    requestQueueMachine.provide({
      actions: {
        recordExecution: enqueueActions(({ context, enqueue }, execution) => {
          const { held, due } = afterExecution(asClients(context.held), execution, context.limits)
          for (const answer of answersOf(due, null)) if (answer.to !== nowhere) enqueue.emit(answer)
          const ready = requestsIn(held, held.ready).map(({ order }) => order)
          const offered = context.offered.filter((order) => ready.includes(order))
          enqueue.assign({ held: asOthers(held), offered, tries: 0, silentMs: 0, givenUp: 0 })
        }),
      },
    }),
  ),
  faultyRole(
    'never competes with a silent leader',
    'requestQueue',
    requestQueueMachine.provide({ guards: { leaderIsSilent: () => false } }),
  ),
]
