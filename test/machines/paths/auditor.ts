import { type AuditorContext, auditorMachine } from '../../../machines/auditor.ts'
import type { AuditorEvent } from '../../../machines/inbox.ts'
import { defaultTiming } from '../../../machines/timing.ts'
import { copiedBoots } from '../../support/copied-boots.ts'
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
  ...[1, 2, 7].flatMap((sender) => [
    { type: 'exposure', node: 0, directory: 'founder-0', ...copiedBoots, ...sentBy(sender) } as const,
  ]),
  { type: 'exposure', node: 1, directory: 'founder-1', ...copiedBoots, ...sentBy(2) },
  {
    type: 'exposure.wanted',
    to: [1],
    exposures: [{ type: 'exposure', node: 2, directory: 'founder-2', ...copiedBoots }],
  },
  ...memberships.map((members) => ({ type: 'members.changed', members }) as const),
  // One is left: a quorum of one has its digest.
  ...[0, 1].map((left) => {
    return { type: 'members.changed', members: members(3).filter(({ id }) => id === left) } as const
  }),
]

function situation({
  members,
  instance,
  concluded,
  answers,
  tries,
  reporters,
  dispute,
  timing,
}: AuditorContext): unknown {
  return {
    members: members.map(({ id }) => id),
    instance,
    concluded,
    answers: answers.map(({ node, digests }) => [node, digests.at(-1)]),
    hasAskedEnough: tries >= timing.patientTries,
    reporters,
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
