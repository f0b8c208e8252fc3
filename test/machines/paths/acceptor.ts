import { type AcceptorContext, acceptorMachine } from '../../../machines/acceptor.ts'
import { type Ballot, sameBallot } from '../../../machines/ballot.ts'
import type { AcceptedRecord } from '../../../machines/batch.ts'
import type { AcceptorEvent } from '../../../machines/inbox.ts'
import { defaultLimits } from '../../../machines/limits.ts'
import { batch, members, sentBy } from '../../support/role.ts'
import { ballotsAround, batchOf, instancesAround, memberships } from './around.ts'
import type { Chart } from './chart.ts'

/** As a member; and with another directory, which knows this server or does not. */
function senders(node: number) {
  const stranger = sentBy(node, 'another')
  return [sentBy(node), stranger, { ...stranger, knowsUs: false }]
}

/** Rounds and instances that nobody has come to, and a second batch at a ballot. */
function strange(promised: Ballot | null, firstUnchosen: number): AcceptorEvent[] {
  const far = 2 ** 40
  const ballot = promised ?? { round: 1, node: 1 }
  const high = { round: far, node: 1 }
  const other = batch('another')
  return [
    { type: 'prepare', ballot: high, from: firstUnchosen, ...sentBy(1) },
    { type: 'prepare', ballot, from: far, ...sentBy(ballot.node) },
    { type: 'settled', ballot, instance: far, ...sentBy(ballot.node) },
    { type: 'accept', ballot: high, instance: firstUnchosen, batch: other, ...sentBy(1) },
    { type: 'accept', ballot, instance: far, batch: other, ...sentBy(ballot.node) },
    { type: 'accept', ballot, instance: firstUnchosen, batch: other, ...sentBy(ballot.node) },
  ]
}

function happenings({ promised, firstUnchosen, limits }: AcceptorContext): AcceptorEvent[] {
  const ballots = ballotsAround(promised ?? { round: 1, node: 1 })
  return [
    ...ballots.flatMap((ballot) =>
      instancesAround(firstUnchosen).flatMap((from) =>
        senders(ballot.node).map((sender) => ({ type: 'prepare', ballot, from, ...sender }) as const),
      ),
    ),
    ...strange(promised, firstUnchosen),
    ...ballots.flatMap((ballot) =>
      instancesAround(firstUnchosen, limits.acceptedWindow).flatMap((instance) => {
        const batch = batchOf(ballot, instance)
        return senders(ballot.node).map(
          (sender) => ({ type: 'accept', ballot, instance, batch, ...sender }) as const,
        )
      }),
    ),
    ...[...ballots, null].flatMap((ballot) =>
      instancesAround(firstUnchosen).flatMap((instance) =>
        senders(ballot?.node ?? 2).map(
          (sender) => ({ type: 'settled', ballot, instance, ...sender }) as const,
        ),
      ),
    ),
    { type: 'confirm', question: 1, ...sentBy(1) },
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
    limits: { ...defaultLimits, acceptedWindow: 2 },
    promised: null,
    accepted: [],
    firstUnchosen: 1,
  },
  happenings: ({ context }) => happenings(context),
  situation: ({ context }) => situation(context),
}
