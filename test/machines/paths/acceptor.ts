import { type AcceptorContext, acceptorMachine } from '../../../machines/acceptor.ts'
import { sameBallot } from '../../../machines/ballot.ts'
import type { AcceptedRecord } from '../../../machines/batch.ts'
import type { AcceptorEvent } from '../../../machines/inbox.ts'
import { defaultLimits } from '../../../machines/limits.ts'
import { members } from '../../support/role.ts'
import { ballotsAround, batchOf, instancesAround, memberships } from './around.ts'
import type { Chart } from './chart.ts'

function happenings({ promised, firstUnchosen, limits }: AcceptorContext): AcceptorEvent[] {
  const ballots = ballotsAround(promised ?? { round: 1, node: 1 })
  return [
    ...ballots.flatMap((ballot) =>
      instancesAround(firstUnchosen).map(
        (from) => ({ type: 'prepare', ballot, from, sender: ballot.node }) as const,
      ),
    ),
    ...ballots.flatMap((ballot) =>
      instancesAround(firstUnchosen, limits.acceptedRecords).map((instance) => {
        const batch = batchOf(ballot, instance)
        return { type: 'accept', ballot, instance, batch, sender: ballot.node } as const
      }),
    ),
    { type: 'persisted' },
    { type: 'firstUnchosen.advanced', firstUnchosen: firstUnchosen + 1 },
    ...memberships.map((members) => ({ type: 'members.changed', members }) as const),
  ]
}

function situation(context: AcceptorContext): unknown {
  const { members, promised, accepted, firstUnchosen, unsaved, later } = context
  const held = (records: readonly AcceptedRecord[]) =>
    records.map(({ instance, ballot }) => [instance - firstUnchosen, sameBallot(ballot, promised)])
  return {
    isMember: [0, 1].map((server) => members.some(({ id }) => id === server)),
    hasPromised: promised !== null,
    accepted: held(accepted),
    unsaved: [unsaved.promised, unsaved.accepted.length > 0],
    hasToSay: later.length > 0,
  }
}

/** An acceptor of three, which may hold two accepted records, and all that may happen to it. */
export const acceptorChart: Chart = {
  name: 'acceptor',
  machine: acceptorMachine,
  input: {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    limits: { ...defaultLimits, acceptedRecords: 2 },
    promised: null,
    accepted: [],
    firstUnchosen: 1,
  },
  happenings: ({ context }) => happenings(context),
  situation: ({ context }) => situation(context),
}
