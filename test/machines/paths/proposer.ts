import type { AnyMachineSnapshot } from 'xstate'
import type { Ballot } from '../../../machines/ballot.ts'
import type { AcceptedRecord, Instance } from '../../../machines/batch.ts'
import type { Heard, ProposerEvent } from '../../../machines/inbox.ts'
import type { PromiseMessage } from '../../../machines/messages.ts'
import { type ProposerContext, proposerMachine } from '../../../machines/proposer.ts'
import { defaultTiming } from '../../../machines/timing.ts'
import { batch, executed, members, sentBy } from '../../support/role.ts'
import { ballotsAround, instancesAround, memberships, othersAround, recordOf } from './around.ts'
import type { Chart } from './chart.ts'

const servers = [0, 1, 2] as const

/**
 * What an acceptor may show: nothing, or what it accepted from the first instance on that it does not know to be chosen.
 * Instances are serial, so there is no gap.
 */
function promises({ ballot, preparedFrom, firstUnexecuted }: ProposerContext): ProposerEvent[] {
  return servers.flatMap((sender) =>
    [firstUnexecuted, firstUnexecuted + 1].flatMap((known) =>
      [0, 1, 2].map((count) => {
        const lower = { round: ballot.round - 1, node: sender }
        const accepted = Array.from({ length: count }, (_, place) => recordOf(lower, known + place))
        return {
          type: 'promise',
          ballot,
          from: preparedFrom,
          accepted,
          firstUnchosen: known,
          ...sentBy(sender),
        } as const
      }),
    ),
  )
}

function strayPromises({ ballot, preparedFrom, firstUnexecuted }: ProposerContext): ProposerEvent[] {
  const stray = (changes: {
    readonly ballot?: Ballot
    readonly from?: number
    readonly accepted?: AcceptedRecord[]
  }): Heard<PromiseMessage> => ({
    type: 'promise',
    ballot,
    from: preparedFrom,
    accepted: [],
    firstUnchosen: firstUnexecuted,
    ...sentBy(1),
    ...changes,
  })
  const stranger = sentBy(1, 'another')
  return [
    ...othersAround(ballot).map((other) => stray({ ballot: other })),
    stray({ from: preparedFrom + 1 }),
    { ...stray({}), ...stranger },
    { ...stray({}), ...stranger, knowsUs: false },
    // Nothing at the first unexecuted instance, and something above it.
    stray({ accepted: [recordOf({ round: ballot.round - 1, node: 1 }, firstUnexecuted + 1)] }),
  ]
}

function happenings(context: ProposerContext): ProposerEvent[] {
  const { ballot, firstUnexecuted } = context
  const others = othersAround(ballot)
  const denial = (denied: Ballot, promised: Ballot | null, known: Instance) =>
    ({
      type: 'denial',
      ballot: denied,
      instance: firstUnexecuted,
      promised,
      firstUnchosen: known,
      ...sentBy(1),
    }) as const
  return [
    ...promises(context),
    ...strayPromises(context),
    ...instancesAround(firstUnexecuted).flatMap((instance) =>
      servers.map((sender) => ({ type: 'accepted', ballot, instance, ...sentBy(sender) }) as const),
    ),
    ...others.map(
      (ballot) => ({ type: 'accepted', ballot, instance: firstUnexecuted, ...sentBy(1) }) as const,
    ),
    { type: 'accepted', ballot, instance: firstUnexecuted, ...sentBy(1, 'another') },
    { ...denial(ballot, null, firstUnexecuted + 1), ...sentBy(1, 'another') },
    denial(ballot, { round: 2 ** 40, node: 1 }, firstUnexecuted),
    ...[null, ballot, ...others].flatMap((promised) =>
      instancesAround(firstUnexecuted).map((known) => denial(ballot, promised, known)),
    ),
    ...others.map((other) => denial(other, { round: ballot.round + 1, node: 1 }, firstUnexecuted + 1)),
    { type: 'requests.ready' },
    { type: 'batch.offered', batch: batch('own'), atMs: 0 },
    { type: 'settle.wanted' },
    ...ballotsAround(ballot).map((ballot) => ({ type: 'rival.promised', ballot }) as const),
    { type: 'server.exposed', sender: 1 } as const,
    ...memberships.map(
      (members) => ({ type: 'state.replaced', firstUnexecuted: firstUnexecuted + 1, members }) as const,
    ),
    ...[null, ...memberships].map((members) => executed(firstUnexecuted, { members, concerned: [0, 2] })),
  ]
}

/** How often it was tried or denied only makes a wait longer. */
function situation({ value, context }: AnyMachineSnapshot): unknown {
  const { members, self, firstUnexecuted, promises, batch, accepts, isChosen, hasYielded, tries } =
    context as ProposerContext
  const shown = promises.map(({ node, accepted, firstUnchosen: known }) => [
    node === self,
    known > firstUnexecuted,
    accepted.some(({ instance }) => instance >= firstUnexecuted),
  ])
  return {
    isMember: members.some(({ id }) => id === self),
    promises: value === 'preparing' || value === 'catchingUp' ? shown.sort() : 'not weighed now',
    somethingAbove: promises.some(({ accepted }) =>
      accepted.some(({ instance }) => instance > firstUnexecuted),
    ),
    proposes: batch !== null,
    accepts: accepts.length,
    isChosen,
    hasYielded,
    hasTried: tries > 0,
  }
}

/** Server 0 as the proposer of three, and all that may happen to it. */
export const proposerChart: Chart = {
  name: 'proposer',
  machine: proposerMachine,
  input: {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    timing: { ...defaultTiming, patientTries: 1, newsTries: 1 },
    randomSeed: 1,
    promised: { round: 1, node: 1 },
    firstUnexecuted: 1,
  },
  happenings: ({ context }) => happenings(context),
  situation,
}
