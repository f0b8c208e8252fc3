import type { ReaderEvent } from '../../../machines/inbox.ts'
import { defaultLimits } from '../../../machines/limits.ts'
import { type ReaderContext, readerMachine } from '../../../machines/reader.ts'
import { defaultTiming } from '../../../machines/timing.ts'
import { executed, members, sentBy } from '../../support/role.ts'
import { instancesAround, memberships } from './around.ts'
import type { Chart } from './chart.ts'

function happenings({ question, firstUnexecuted }: ReaderContext): readonly ReaderEvent[] {
  const read = { type: 'read', uid: 'a', replyTo: 'here', atMs: 5, bodyBytes: [10] } as const
  const stranger = sentBy(1, 'another')
  return [
    ...[1, 2, 3].map((seq) => ({ ...read, reads: [{ seq, body: 'x' }], stale: false })),
    { ...read, reads: [{ seq: 1, body: 'x' }], stale: true },
    ...[question - 1, question].flatMap((question) =>
      instancesAround(firstUnexecuted).flatMap((acceptedBelow) =>
        [sentBy(0), sentBy(1), sentBy(2), stranger].map(
          (sender) =>
            ({
              type: 'confirmed',
              ...{ question, acceptedBelow, firstUnchosen: Math.min(acceptedBelow, firstUnexecuted + 1) },
              ...sender,
            }) as const,
        ),
      ),
    ),
    executed(firstUnexecuted),
    { type: 'state.replaced', firstUnexecuted: firstUnexecuted + 1, members: members(3) },
    { type: 'node.stopping' },
    ...memberships.map((members) => ({ type: 'members.changed', members }) as const),
  ]
}

function situation(context: ReaderContext): unknown {
  const { members, self, gathered, asked, answers, firstUnexecuted, tries, timing, isStopping } = context
  return {
    isMember: members.some(({ id }) => id === self),
    others: members.length,
    hasGathered: gathered.count > 0,
    hasAsked: asked.count > 0,
    answers: answers
      .map(({ node, acceptedBelow }) => `${node} ${acceptedBelow > firstUnexecuted}`)
      .toSorted(),
    isPatient: tries < timing.newsTries,
    tries: Math.min(tries, timing.newsTries),
    isStopping,
  }
}

/** A reader, and all that may happen to it. */
export const readerChart: Chart = {
  name: 'reader',
  machine: readerMachine,
  input: {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    timing: { ...defaultTiming, newsTries: 1 },
    limits: { ...defaultLimits, queueRequests: 2 },
    randomSeed: 1,
    firstUnexecuted: 4,
  },
  happenings: ({ context }) => happenings(context),
  situation: ({ context }) => situation(context),
}
