/**
 * The node: one server. It spawns the four roles once storage has told what they had said before the last stop, and lets
 * them speak only while storage can be trusted. `udp` and `storage` are filled by the runtime; everything else is here.
 */
import { assign, fromCallback, setup } from 'xstate'
import { type AcceptorInput, acceptorMachine } from './acceptor.ts'
import { type LearnerInput, learnerMachine } from './learner.ts'
import type { Write } from './outputs.ts'
import { type ProposerInput, proposerMachine } from './proposer.ts'
import { type RequestQueueInput, requestQueueMachine } from './request-queue.ts'
import { withEvent } from './with-event.ts'

/** What the roles begin with. */
export interface NodeInput {
  readonly acceptor: AcceptorInput
  readonly proposer: ProposerInput
  readonly learner: LearnerInput
  readonly requestQueue: RequestQueueInput
}

export interface NodeContext {
  /** Why it halted, or an empty text. */
  readonly reason: string
}

export type NodeEvent =
  /** Storage has been read, and the service has executed what was chosen. */
  | { readonly type: 'node.recovered'; readonly inputs: NodeInput }
  /** Somebody asked it to stop. */
  | { readonly type: 'node.stopping' }
  /** Nothing is under way any more, or there is no time to wait for it. */
  | { readonly type: 'node.stopped' }
  /** A write or a sync failed, an assertion was violated or the socket was lost. */
  | { readonly type: 'node.failed'; readonly reason: string }

/** Filled by the runtime: writes what it is sent. */
const storage = fromCallback<{ readonly type: 'persist'; readonly write: Write }>(() => undefined)
/** Filled by the runtime: owns the socket. */
const udp = fromCallback(() => undefined)

export const nodeMachine = setup({
  types: { context: {} as NodeContext, events: {} as NodeEvent },
  actors: {
    udp,
    storage,
    acceptor: acceptorMachine,
    proposer: proposerMachine,
    learner: learnerMachine,
    requestQueue: requestQueueMachine,
  },
  actions: {
    /** The roles first, so that the first datagram finds them. */
    spawnRolesAndUdp: assign(({ spawn }, { inputs }: { inputs: NodeInput }) => {
      const { acceptor, proposer, learner, requestQueue } = inputs
      spawn('acceptor', { id: 'acceptor', systemId: 'acceptor', input: acceptor })
      spawn('proposer', { id: 'proposer', systemId: 'proposer', input: proposer })
      spawn('learner', { id: 'learner', systemId: 'learner', input: learner })
      spawn('requestQueue', { id: 'requestQueue', systemId: 'requestQueue', input: requestQueue })
      spawn('udp', { id: 'udp', systemId: 'udp' })
      return {}
    }),
    recordReason: assign((_, { reason }: { reason: string }) => ({ reason })),
  },
}).createMachine({
  id: 'node',
  context: () => ({ reason: '' }),
  invoke: { src: 'storage', id: 'storage', systemId: 'storage' },
  initial: 'recovering',
  on: {
    'node.failed': { target: '.halted', actions: withEvent('recordReason') },
  },
  states: {
    recovering: {
      description: 'Storage is read and what was chosen is executed again. No role exists; nothing is said.',
      on: {
        'node.recovered': { target: 'running', actions: withEvent('spawnRolesAndUdp') },
        'node.stopping': 'stopped',
      },
    },
    running: {
      description: 'The roles are spawned, and datagrams are routed to them. Ends when it is asked to stop.',
      on: { 'node.stopping': 'stopping', 'node.stopped': 'stopped' },
    },
    stopping: {
      description: 'Takes no more requests and finishes what is under way.',
      on: { 'node.stopped': 'stopped' },
    },
    stopped: {
      type: 'final',
      description: 'Asked to stop, and nothing was under way.',
    },
    halted: {
      type: 'final',
      description: 'A write, a sync or an assertion failed: it says nothing more until it is started again.',
      meta: { paper: 'Paxos Made Simple, 2.5 (stable storage)' },
    },
  },
})
