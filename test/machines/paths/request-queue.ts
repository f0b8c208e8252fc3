import type { RequestQueueEvent } from '../../../machines/inbox.ts'
import { defaultLimits } from '../../../machines/limits.ts'
import { emptyLine, placesOf } from '../../../machines/line.ts'
import type { RequestOutcome } from '../../../machines/outcome.ts'
import { type RequestQueueContext, requestQueueMachine } from '../../../machines/request-queue.ts'
import { get, keysOf } from '../../../machines/table.ts'
import { defaultTiming } from '../../../machines/timing.ts'
import { ask, askAll, groupOf, handedOverBy, leads } from '../../support/request-queue.ts'
import { executed, members } from '../../support/role.ts'
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
      (recorded) => ask(uid, { recorded }),
    ),
  ),
  ask('a', { avoid: 1 }),
  // A message with two requests, of which one has ended.
  askAll('a', [1, 2], { ended: [{ seq: 2, outcome: { kind: 'refused', reason: 'stale' } }] }),
  ...[1, 7].map((sender) => handedOverBy(sender, [groupOf('c', [1])])),
  handedOverBy(1, [groupOf('c', [1, 2])], {
    ended: [[{ seq: 2, outcome: { kind: 'refused', reason: 'stale' } }]],
  }),
  ...[0, 1].map(leads),
  ...uids.flatMap((uid) => endings.map((outcome) => executed(0, { outcomes: [{ uid, seq: 1, outcome }] }))),
  ...endings.map((outcome) => executed(0, { outcomes: uids.map((uid) => ({ uid, seq: 1, outcome })) })),
  executed(0, { freed: ['k'] }),
  executed(0, { progressed: true }),
  { type: 'state.replaced', firstUnexecuted: 5, members: members(3) },
  ...uids.map(
    (uid) =>
      ({
        type: 'requests.recalled',
        ended: [{ uid, seq: 1, outcome: { kind: 'cancelled', ...position } }],
      }) as const,
  ),
  { type: 'leader.answered', leader: 1 },
  { type: 'batch.wanted' },
  { type: 'work.wanted' },
  { type: 'time.wanted' },
  { type: 'news.checked' },
  { type: 'node.stopping' },
  ...[true, false].map((isLow) => ({ type: 'space.changed', isLow }) as const),
  ...memberships.map((members) => ({ type: 'members.changed', members }) as const),
]

function situation(context: RequestQueueContext): unknown {
  const { members, self, held, offered, isWanted, isTimeWanted, askedAgain, isStopping, leader, silentMs } =
    context
  const { wasAnswered, isLowOnSpace } = context
  return {
    isMember: members.some(({ id }) => id === self),
    ready: placesOf(held.ready).length,
    waiting: keysOf(held.waiting).map((key) => placesOf(get(held.waiting, key) ?? emptyLine).length),
    handedOver: placesOf(held.handedOver).length,
    handsOver: leader === 1,
    isSilent: silentMs > 0,
    wasAnswered: wasAnswered && placesOf(held.handedOver).length > 0,
    offered: offered.length,
    isWanted,
    isTimeWanted,
    isAskedAgain: keysOf(askedAgain).length > 0,
    // What it does when it stops does not depend on what it holds, if it holds something.
    isStopping: isStopping && held.count < 2,
    isLowOnSpace: isLowOnSpace && !isStopping && held.count < 2,
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
    timing: { ...defaultTiming, leaderPatienceMs: 60, leaderPatienceLimitMs: 60 },
    leader: null,
  },
  happenings: () => happenings,
  situation: ({ context }) => situation(context),
}
