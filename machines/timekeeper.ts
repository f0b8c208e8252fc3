/**
 * The timekeeper guarantees that the replicated clock reaches each deadline while a quorum runs: when a deadline has passed and
 * nothing else is proposed, it has an empty batch proposed, which adds the time that has passed. Without a deadline it is silent.
 */
import { timekeeperSetup } from './timekeeper-setup.ts'
import { withEvent } from './with-event.ts'

export type { TimekeeperContext, TimekeeperInput } from './timekeeper-context.ts'

export const timekeeperMachine = timekeeperSetup.createMachine({
  id: 'timekeeper',
  context: ({ input }) => input,
  initial: 'idle',
  on: {
    'deadline.reckoned': [
      { guard: withEvent('thereIsNone'), target: '.idle', actions: withEvent('recordDeadline') },
      { target: '.waiting', actions: withEvent('recordDeadline') },
    ],
    'members.changed': { actions: withEvent('recordMembers') },
  },
  states: {
    idle: {
      description: 'There is no deadline to keep. Ends when an execution sets one.',
      always: { guard: 'hasDeadline', target: 'waiting' },
    },
    waiting: {
      description:
        'The earliest deadline has not passed, by this server’s reckoning. Each execution begins the wait again.',
      after: {
        wait: [
          { guard: 'isDueAfterWait', target: 'yielding', actions: ['recordWait', 'notifyNewsWanted'] },
          { target: 'waiting', reenter: true, actions: 'recordWait' },
        ],
      },
    },
    yielding: {
      description:
        'The deadline has passed. The server that proposed last, and those before this one, have their turns first. This one asks whether it missed an execution. Ends with an execution, or with this server’s turn.',
      after: {
        turn: [
          // What it proposes could not be chosen. It may be counted at its next turn.
          { guard: 'isNotCounted', target: 'yielding', reenter: true },
          { target: 'proposing' },
        ],
      },
    },
    proposing: {
      description:
        'The request queue has an empty batch proposed, if nothing else is. Ends when a batch is executed.',
      meta: { paper: 'Paxos Made Simple, 3 (a no-op)' },
      entry: 'notifyTimeWanted',
    },
  },
})
