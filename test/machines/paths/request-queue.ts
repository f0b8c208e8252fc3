import type { RequestQueueEvent } from '../../../machines/inbox.ts'
import { defaultLimits } from '../../../machines/limits.ts'
import { emptyLine, idsOf } from '../../../machines/line.ts'
import type { RequestOutcome } from '../../../machines/outcome.ts'
import { type RequestQueueContext, requestQueueMachine } from '../../../machines/request-queue.ts'
import { get, keysOf } from '../../../machines/table.ts'
import { executed, members, request } from '../../support/role.ts'
import { memberships } from './around.ts'
import type { Chart } from './chart.ts'

const uids = ['a', 'b'] as const

const position = { instance: 0, index: 0 }

/** How a request may end, or be delayed. */
const endings: readonly RequestOutcome['outcome'][] = [
  { kind: 'executed', result: null, ...position },
  { kind: 'cancelled', ...position },
  { kind: 'delayed', key: 'k' },
  { kind: 'delayed', key: null },
  { kind: 'full', of: 'waiting' },
]

/** Requests that are new, held or have ended; each alone or both executed; a key freed, or progress made. */
const happenings: readonly RequestQueueEvent[] = [
  ...[...uids, 'c'].flatMap((uid) =>
    [null, { kind: 'refused', reason: 'stale' } as const, { kind: 'full', of: 'sessions' } as const].map(
      (recorded) =>
        ({
          type: 'request',
          ...request(uid, 1),
          replyTo: uid,
          receivedAtMs: 1_000,
          commandBytes: 10,
          recorded,
        }) as const,
    ),
  ),
  ...uids.flatMap((uid) => endings.map((outcome) => executed(0, { outcomes: [{ uid, seq: 1, outcome }] }))),
  ...endings.map((outcome) => executed(0, { outcomes: uids.map((uid) => ({ uid, seq: 1, outcome })) })),
  executed(0, { freed: ['k'] }),
  executed(0, { progressed: true }),
  { type: 'batch.wanted' },
  { type: 'work.wanted' },
  { type: 'news.checked' },
  { type: 'node.stopping' },
  ...memberships.map((members) => ({ type: 'members.changed', members }) as const),
]

function situation(context: RequestQueueContext): unknown {
  const { members, self, held, offered, isWanted, askedAgain, isStopping } = context
  return {
    isMember: members.some(({ id }) => id === self),
    ready: idsOf(held.ready).length,
    waiting: keysOf(held.waiting).map((key) => idsOf(get(held.waiting, key) ?? emptyLine).length),
    offered: offered.length,
    isWanted,
    isAskedAgain: askedAgain.length > 0,
    isStopping,
  }
}

/** A request queue of two places, and all that may happen to it. */
export const requestQueueChart: Chart = {
  name: 'requestQueue',
  machine: requestQueueMachine,
  input: {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    limits: { ...defaultLimits, queueRequests: 2, batchRequests: 1 },
  },
  happenings: () => happenings,
  situation: ({ context }) => situation(context),
}
