import type { AnyMachineSnapshot } from 'xstate'
import type { LearnerEvent } from '../../../machines/inbox.ts'
import { type LearnerContext, learnerMachine } from '../../../machines/learner.ts'
import { defaultTiming } from '../../../machines/timing.ts'
import { members } from '../../support/role.ts'
import { chosenAt, instancesAround, memberships } from './around.ts'
import type { Chart } from './chart.ts'

/** Pages that begin earlier, here and later, with nothing to two batches, of somebody who knows that or more. */
function pages({ firstUnchosen }: LearnerContext): LearnerEvent[] {
  return [1, 2].flatMap((sender) =>
    instancesAround(firstUnchosen).flatMap((from) =>
      [0, 1, 2].flatMap((count) =>
        [0, 1].flatMap((more) =>
          [false, true].map((unsettled) => {
            const batches = Array.from({ length: count }, (_, place) => chosenAt(from + place))
            return {
              type: 'chosen',
              from,
              batches,
              firstUnchosen: from + count + more,
              unsettled,
              sender,
            } as const
          }),
        ),
      ),
    ),
  )
}

function happenings(context: LearnerContext): LearnerEvent[] {
  const instances = instancesAround(context.firstUnchosen)
  return [
    ...instances.map((from) => ({ type: 'learn', from, sender: 1 }) as const),
    ...instances.map((from) => ({ type: 'chosen.read', to: 1, from, batches: [chosenAt(from)] }) as const),
    ...pages(context),
    ...instances.map((instance) => ({ type: 'batch.chosen', instance, batch: chosenAt(instance) }) as const),
    ...instances.flatMap((instance) =>
      [null, chosenAt(instance - 1)].map(
        (implied) => ({ type: 'accept.heard', sender: 1, instance, implied }) as const,
      ),
    ),
    ...instances.map((firstUnchosen) => ({ type: 'behind.noticed', firstUnchosen, peer: 2 }) as const),
    { type: 'news.wanted' },
    ...memberships.map((members) => ({ type: 'members.changed', members }) as const),
  ]
}

function situation({ value, context }: AnyMachineSnapshot): unknown {
  const { firstUnchosen, highestHeard, target, answered, unsettled, unsettledAt } = context as LearnerContext
  return {
    missing: Math.min(2, Math.max(0, target - firstUnchosen)),
    hasHeardMore: highestHeard >= firstUnchosen,
    inquiry: value === 'inquiring' && [answered.length, unsettled],
    wasUnsettledHere: unsettledAt === firstUnchosen,
  }
}

/** The learner of server 0 of three, and all that may happen to it. */
export const learnerChart: Chart = {
  name: 'learner',
  machine: learnerMachine,
  input: { self: 0, members: members(3), timing: defaultTiming, firstUnchosen: 1, highestHeard: 0 },
  happenings: ({ context }) => happenings(context),
  situation,
}
