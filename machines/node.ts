/**
 * The node: one server. It spawns the seven roles after storage has returned their state from before the last stop, and lets them
 * send only while storage works. The runtime provides `udp` and `storage`.
 */
import { assign, fromCallback, setup } from 'xstate'
import { type AcceptorInput, acceptorMachine } from './acceptor.ts'
import { type AuditorInput, auditorMachine } from './auditor.ts'
import { type LearnerInput, learnerMachine } from './learner.ts'
import type { Write } from './outputs.ts'
import { type ProposerInput, proposerMachine } from './proposer.ts'
import { type ReaderInput, readerMachine } from './reader.ts'
import { type RequestQueueInput, requestQueueMachine } from './request-queue.ts'
import { type TimekeeperInput, timekeeperMachine } from './timekeeper.ts'
import { withEvent } from './with-event.ts'

/** The inputs of the roles. */
export interface NodeInput {
  readonly acceptor: AcceptorInput
  readonly proposer: ProposerInput
  readonly learner: LearnerInput
  readonly requestQueue: RequestQueueInput
  readonly timekeeper: TimekeeperInput
  readonly auditor: AuditorInput
  readonly reader: ReaderInput
}

export interface NodeContext {
  /** The reason of a halt; otherwise empty. */
  readonly reason: string
}

export type NodeEvent =
  /** Storage was read, and the service has executed the chosen batches. */
  | { readonly type: 'node.recovered'; readonly inputs: NodeInput }
  /** The node was asked to stop. */
  | { readonly type: 'node.stopping' }
  /** Nothing is in progress, or there is no time to wait for it. */
  | { readonly type: 'node.stopped' }
  /** A write or a sync failed, an assertion was violated or the socket was lost. */
  | { readonly type: 'node.failed'; readonly reason: string }

/** Provided by the runtime: performs the writes. */
const storage = fromCallback<{ readonly type: 'persist'; readonly write: Write }>(() => undefined)
/** Provided by the runtime: owns the socket. */
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
    timekeeper: timekeeperMachine,
    auditor: auditorMachine,
    reader: readerMachine,
  },
  actions: {
    /** Spawns the roles before `udp`, so that they exist when the first datagram arrives. */
    spawnRolesAndUdp: assign(({ spawn }, { inputs }: { inputs: NodeInput }) => {
      const { acceptor, proposer, learner, requestQueue, timekeeper, auditor, reader } = inputs
      spawn('acceptor', { id: 'acceptor', systemId: 'acceptor', input: acceptor })
      spawn('proposer', { id: 'proposer', systemId: 'proposer', input: proposer })
      spawn('learner', { id: 'learner', systemId: 'learner', input: learner })
      spawn('requestQueue', { id: 'requestQueue', systemId: 'requestQueue', input: requestQueue })
      spawn('timekeeper', { id: 'timekeeper', systemId: 'timekeeper', input: timekeeper })
      spawn('auditor', { id: 'auditor', systemId: 'auditor', input: auditor })
      spawn('reader', { id: 'reader', systemId: 'reader', input: reader })
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
      description:
        'Storage is read and the chosen batches are executed again. No role exists, and nothing is sent.',
      on: {
        'node.recovered': { target: 'running', actions: withEvent('spawnRolesAndUdp') },
        'node.stopping': 'stopped',
      },
    },
    running: {
      description:
        'The roles are spawned, and datagrams are routed to them. Ends when the node is asked to stop.',
      on: { 'node.stopping': 'stopping', 'node.stopped': 'stopped' },
    },
    stopping: {
      description: 'Accepts no more requests and finishes the current ones.',
      on: { 'node.stopped': 'stopped' },
    },
    stopped: {
      type: 'final',
      description: 'The node was asked to stop, and nothing was in progress.',
    },
    halted: {
      type: 'final',
      description:
        'A write, a sync or an assertion failed: the node sends nothing until it is started again.',
      meta: { paper: 'Paxos Made Simple, 2.5 (stable storage)' },
    },
  },
})
