import { type AuditorContext, auditorMachine } from '../../../machines/auditor.ts'
import type { AuditorEvent } from '../../../machines/inbox.ts'
import { defaultTiming } from '../../../machines/timing.ts'
import { members, sentBy } from '../../support/role.ts'
import { memberships } from './around.ts'
import type { Chart } from './chart.ts'

const digests = ['d', 'e', 'f']

const happenings: readonly AuditorEvent[] = [
  ...[0, 1].map((instance) => ({ type: 'difference.noticed', instance, own: ['d'] }) as const),
  ...[1, 2, 7].flatMap((sender) =>
    digests.flatMap((digest) => [
      { type: 'compare', instance: 1, digest, own: ['d'], ...sentBy(sender) } as const,
      { type: 'compared', instance: 1, digests: [digest], ...sentBy(sender) } as const,
    ]),
  ),
  { type: 'compare', instance: 1, digest: 'e', own: null, ...sentBy(1) },
  { type: 'compared', instance: 0, digests: ['e'], ...sentBy(1) },
  ...memberships.map((members) => ({ type: 'members.changed', members }) as const),
]

function situation({ members, instance, answers, tries, dispute, timing }: AuditorContext): unknown {
  return {
    members: members.map(({ id }) => id),
    instance,
    answers: answers.map(({ node, digests }) => [node, digests.at(-1)]),
    hasAskedEnough: tries >= timing.patientTries,
    isDisputed: dispute !== null,
  }
}

/** An auditor, and all that may happen to it. */
export const auditorChart: Chart = {
  name: 'auditor',
  machine: auditorMachine,
  input: {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    timing: { ...defaultTiming, patientTries: 1 },
  },
  happenings: () => happenings,
  situation: ({ context }) => situation(context),
}
