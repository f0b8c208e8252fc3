import type { AnyMachineSnapshot } from 'xstate'
import type { Heard, LearnerEvent } from '../../../machines/inbox.ts'
import { type LearnerContext, learnerMachine } from '../../../machines/learner.ts'
import { foundingIncarnation } from '../../../machines/members.ts'
import type { Chosen } from '../../../machines/messages.ts'
import { defaultTiming } from '../../../machines/timing.ts'
import { batch, informant, members, sentBy } from '../../support/role.ts'
import { chosenAt, instancesAround, memberships } from './around.ts'
import type { Chart } from './chart.ts'

/** When the pages of a server arrive. Those of the second come later than a leader may be silent. */
const arrivals = [0, 10_000] as const

/** Pages that begin earlier, here and later, with nothing to two batches, of somebody who knows that or more. */
function pages({ firstUnchosen }: LearnerContext): Heard<Chosen>[] {
  return arrivals.flatMap((atMs, before) =>
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
              ...sentBy(before + 1),
              atMs,
            } as const
          }),
        ),
      ),
    ),
  )
}

/** Other batches than those that are known. */
const contradicting = { batches: [batch('another'), batch('another')] }

function happenings(context: LearnerContext): LearnerEvent[] {
  const instances = instancesAround(context.firstUnchosen)
  return [
    ...instances.map((from) => ({ type: 'learn', from, ...sentBy(1) }) as const),
    ...instances.map(
      (from) =>
        ({
          type: 'chosen.read',
          to: 1,
          incarnation: foundingIncarnation(1),
          from,
          batches: [chosenAt(from)],
        }) as const,
    ),
    ...pages(context),
    ...pages(context).map((page) => ({ ...page, ...sentBy(1, 'another') })),
    ...pages(context).map((page) => ({ ...page, ...contradicting })),
    ...instances.map((instance) => ({ type: 'batch.chosen', instance, batch: chosenAt(instance) }) as const),
    ...instances.map((instance) => ({ type: 'batch.chosen', instance, batch: batch('another') }) as const),
    ...instances.flatMap((instance) =>
      [null, chosenAt(instance - 1)].map(
        (implied) =>
          ({
            type: 'choice.implied',
            informant: informant(1),
            heard: instance,
            firstUnchosen: instance,
            implied,
            atMs: 0,
          }) as const,
      ),
    ),
    ...instances.map(
      (firstUnchosen) =>
        ({ type: 'behind.noticed', firstUnchosen, informant: informant(2), atMs: 0 }) as const,
    ),
    { type: 'news.wanted' },
    ...memberships.map((members) => ({ type: 'members.changed', members }) as const),
  ]
}

function situation({ value, context }: AnyMachineSnapshot): unknown {
  const learner = context as LearnerContext
  const { firstUnchosen, highestHeard, target, answered, unsettled, unsettledSince } = learner
  return {
    missing: Math.min(2, Math.max(0, target - firstUnchosen)),
    hasHeardMore: highestHeard >= firstUnchosen,
    inquiry: value === 'inquiring' && [answered.length, unsettled],
    wasUnsettledHere: unsettledSince?.instance === firstUnchosen,
    knowsTheLast: learner.lastChosen !== null,
    isContradicted: learner.contradiction?.by.length ?? 0,
    asked: value === 'catchingUp' && [learner.asked.length, Math.min(learner.tries, 3)],
  }
}

/** The learner of server 0 of three, and all that may happen to it. */
export const learnerChart: Chart = {
  name: 'learner',
  machine: learnerMachine,
  input: {
    self: 0,
    members: members(3),
    timing: { ...defaultTiming, patientTries: 1 },
    firstUnchosen: 1,
    highestHeard: 0,
  },
  happenings: ({ context }) => happenings(context),
  situation,
}
