/**
 * The lease of a client guarantees that the client stops believing in its session before the cluster ends the session and gives what it
 * holds to others, as long as clock rates differ by less than 5 % from real time. It touches the session while the client holds
 * something or waits. An idle session lapses.
 */
import type { LeaseContext } from './lease-context.ts'
import { leaseSetup } from './lease-setup.ts'
import { withEvent } from './with-event.ts'

export type { LeaseContext, LeaseEmitted, LeaseEvent, LeaseInput, LossReason } from './lease-context.ts'

export const leaseMachine = leaseSetup.createMachine({
  id: 'lease',
  context: ({ input }): LeaseContext => ({
    ...input,
    nowMs: input.provenAtMs,
    isTouching: false,
    lostBecause: null,
  }),
  initial: 'unneeded',
  on: {
    'session.ended': { target: '.lost', actions: 'recordEnded' },
    'touch.answered': [
      { guard: withEvent('isRevoked'), target: '.lost', actions: 'recordRevoked' },
      { guard: withEvent('provesNothing'), target: '.lost', actions: 'recordUnproved' },
      { actions: withEvent('recordProof') },
    ],
  },
  states: {
    unneeded: {
      description: 'The client holds nothing in the session and waits for nothing. Ends when it does.',
      on: {
        'need.began': [
          { guard: withEvent('isOver'), target: 'lost', actions: 'recordUnproved' },
          { target: 'kept', actions: [withEvent('recordTime'), 'readClock'] },
        ],
      },
    },
    kept: {
      description:
        'The client believes that its session lives, and touches it. Ends when the client needs it no longer, or when no touch was answered in time.',
      after: { checkInterval: { target: 'kept', reenter: true, actions: 'readClock' } },
      on: {
        'clock.read': [
          { guard: withEvent('isOver'), target: 'lost', actions: 'recordUnproved' },
          { guard: withEvent('isNotNeeded'), target: 'unneeded', actions: withEvent('recordTime') },
          { guard: withEvent('touchIsDue'), target: 'kept', reenter: true, actions: withEvent('sendTouch') },
          { target: 'kept', reenter: true, actions: withEvent('recordTime') },
        ],
      },
    },
    lost: {
      description: 'The client must not believe in its session any more. What it held may belong to others.',
      entry: 'notifyLost',
      on: { 'touch.answered': {}, 'session.ended': {} },
    },
  },
})
