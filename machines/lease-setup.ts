/** The delays, guards and actions of the lease's chart. */
import { assign, emit, enqueueActions, setup } from 'xstate'
import type { LeaseContext, LeaseEmitted, LeaseEvent, LeaseInput, LossReason } from './lease-context.ts'

/** The client believes in its session for this share of the ttl: a margin for clocks whose rates differ by up to 5 % from real time. */
const provenShare = 0.9

/** A touch is due after this share of the ttl. */
const touchShare = 1 / 3

/** The clock is read at least so often, in milliseconds: the wall clock moves while a machine sleeps, and its timers do not. */
const longestCheckMs = 1_000

type At = { readonly atMs: number }
type Touched = Extract<LeaseEvent, { type: 'touch.answered' }>

function later(context: LeaseContext, { atMs }: At): number {
  return Math.max(context.nowMs, atMs)
}

/** When the client must stop believing in its session, unless a later sign of life is acknowledged before. */
export function endsAtMs({ provenAtMs, ttlMs }: LeaseInput): number {
  return provenAtMs + provenShare * ttlMs
}

function touchAtMs({ provenAtMs, ttlMs }: LeaseContext): number {
  return provenAtMs + touchShare * ttlMs
}

function isOver(context: LeaseContext, at: At): boolean {
  return later(context, at) >= endsAtMs(context)
}

function lost(context: LeaseContext, reason: LossReason): Pick<LeaseContext, 'lostBecause'> {
  return { lostBecause: context.lostBecause ?? reason }
}

export const leaseSetup = setup({
  types: {
    context: {} as LeaseContext,
    events: {} as LeaseEvent,
    emitted: {} as LeaseEmitted,
    input: {} as LeaseInput,
  },
  delays: {
    checkInterval: ({ context }) => {
      const nextMs = context.isTouching ? endsAtMs(context) : touchAtMs(context)
      return Math.ceil(Math.max(1, Math.min(longestCheckMs, nextMs - context.nowMs)))
    },
  },
  guards: {
    isOver: ({ context }, event: At) => isOver(context, event),
    isNotNeeded: (_, { isNeeded }: { readonly isNeeded: boolean }) => !isNeeded,
    touchIsDue: ({ context }, event: At) =>
      !context.isTouching && later(context, event) >= touchAtMs(context),
    isRevoked: (_, { isRevoked }: Touched) => isRevoked,
    /** The answer came too late: the client has stopped believing, or must now. */
    provesNothing: ({ context }, event: Touched) =>
      isOver({ ...context, provenAtMs: Math.max(context.provenAtMs, event.sentAtMs) }, event),
  },
  actions: {
    recordTime: assign(({ context }, event: At) => ({ nowMs: later(context, event) })),
    recordProof: assign(({ context }, event: Touched) => ({
      provenAtMs: Math.max(context.provenAtMs, event.sentAtMs),
      nowMs: later(context, event),
      isTouching: false,
    })),
    recordUnproved: assign(({ context }) => lost(context, 'unproved')),
    recordRevoked: assign(({ context }) => lost(context, 'revoked')),
    recordEnded: assign(({ context }) => lost(context, 'ended')),
    readClock: emit({ type: 'clock' } as const),
    sendTouch: enqueueActions(({ enqueue }, event: At) => {
      enqueue.assign(({ context }) => ({ nowMs: later(context, event), isTouching: true }))
      enqueue.emit({ type: 'touch' })
    }),
    notifyLost: enqueueActions(({ context, enqueue }) => {
      enqueue.emit({ type: 'lost', reason: context.lostBecause ?? 'unproved' })
    }),
  },
})
