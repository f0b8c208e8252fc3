/** The delays, guards and actions of the timekeeper's chart. */
import { assign, emit, enqueueActions, setup } from 'xstate'
import type { DeadlineReckoned, TimekeeperEvent } from './inbox.ts'
import { countedMembers, isCounted, type Member } from './members.ts'
import type { Output } from './outputs.ts'
import type { TimekeeperContext, TimekeeperInput } from './timekeeper-context.ts'

/** The longest wait of one timer, in milliseconds: a timer of Node.js takes at most 2^31 - 1. */
const longestWaitMs = 2 ** 30

function waitMs({ dueInMs }: TimekeeperContext): number {
  return Math.min(dueInMs ?? 0, longestWaitMs)
}

function isMember({ members, self, incarnation }: TimekeeperContext): boolean {
  return isCounted(members, self, incarnation)
}

/**
 * The number of servers that may propose before this one: first the one that proposed last, then the others in order of id. A server that
 * is not counted only looks again after its turn, so it must not be the first.
 */
function turnsBefore(context: TimekeeperContext): number {
  const { members, self, firstInTurn } = context
  const others = countedMembers(members).filter((id) => id === firstInTurn || id < self)
  const before = firstInTurn === self ? 0 : others.length
  return isMember(context) ? before : Math.max(1, before)
}

export const timekeeperSetup = setup({
  types: {
    context: {} as TimekeeperContext,
    events: {} as TimekeeperEvent,
    emitted: {} as Output,
    input: {} as TimekeeperInput,
  },
  delays: {
    wait: ({ context }) => waitMs(context),
    turn: ({ context }) => turnsBefore(context) * context.timing.deadlineGraceMs,
  },
  guards: {
    hasDeadline: ({ context }) => context.dueInMs !== null,
    thereIsNone: (_, { dueInMs }: DeadlineReckoned) => dueInMs === null,
    isDueAfterWait: ({ context }) => (context.dueInMs ?? 0) <= longestWaitMs,
    isNotCounted: ({ context }) => !isMember(context),
  },
  actions: {
    recordDeadline: assign((_, { dueInMs, proposedBy }: DeadlineReckoned) => ({
      dueInMs,
      firstInTurn: proposedBy,
    })),
    recordWait: assign(({ context }) => ({ dueInMs: (context.dueInMs ?? 0) - waitMs(context) })),
    recordMembers: assign((_, { members }: { members: readonly Member[] }) => ({ members })),
    /** An execution that this server missed may have moved the deadline: then it has nothing to propose. */
    notifyNewsWanted: enqueueActions(({ context, enqueue }) => {
      if (turnsBefore(context) === 0) return
      enqueue.emit({ type: 'tell', role: 'learner', event: { type: 'news.wanted' } })
    }),
    notifyTimeWanted: emit({ type: 'tell', role: 'requestQueue', event: { type: 'time.wanted' } } as const),
  },
})
