import type { TimekeeperEvent } from '../../../machines/inbox.ts'
import { type TimekeeperContext, timekeeperMachine } from '../../../machines/timekeeper.ts'
import { defaultTiming } from '../../../machines/timing.ts'
import { members } from '../../support/role.ts'
import { memberships } from './around.ts'
import type { Chart } from './chart.ts'

const happenings: readonly TimekeeperEvent[] = [
  ...[null, 0, 50, 2 ** 30 + 50].flatMap((dueInMs) =>
    [0, 1].map((proposedBy) => ({ type: 'deadline.reckoned', dueInMs, proposedBy }) as const),
  ),
  ...memberships.map((members) => ({ type: 'members.changed', members }) as const),
]

function situation({ members, self, firstInTurn, dueInMs }: TimekeeperContext): unknown {
  return {
    isMember: members.some(({ id }) => id === self),
    isFirst: firstInTurn === self,
    dueInMs,
  }
}

/** A timekeeper, and all that may happen to it. */
export const timekeeperChart: Chart = {
  name: 'timekeeper',
  machine: timekeeperMachine,
  input: {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    timing: defaultTiming,
    firstInTurn: null,
    dueInMs: 50,
  },
  happenings: () => happenings,
  situation: ({ context }) => situation(context),
}
