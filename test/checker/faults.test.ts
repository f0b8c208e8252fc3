/**
 * Planted faults are found, by a schedule than which there is none shorter, and whole nodes that go through that schedule show
 * the same violation. The first three are the classic ones that small bounds miss.
 */
import { expect, test } from 'vitest'
import { assign } from 'xstate'
import { acceptorMachine } from '../../machines/acceptor.ts'
import type { Heard } from '../../machines/inbox.ts'
import { countedMembers } from '../../machines/members.ts'
import type { Accept, Accepted, PromiseMessage } from '../../machines/messages.ts'
import { withPromise } from '../../machines/promises.ts'
import { type ProposerContext, proposerMachine } from '../../machines/proposer.ts'
import type { Bounds } from '../../src/checker/bounds.ts'
import { check } from '../../src/checker/check.ts'
import type { Adapt } from '../../src/checker/cluster.ts'
import { Search } from '../../src/checker/search.ts'
import { runTranscript } from '../../src/transcript/file.ts'
import { smallest, three } from './bounds.ts'

function withAcceptor(parts: Parameters<typeof acceptorMachine.provide>[0]): Adapt {
  const acceptor = acceptorMachine.provide(parts)
  return (settings) => ({ ...settings, machines: { ...settings.machines, acceptor } })
}

function withProposer(parts: Parameters<typeof proposerMachine.provide>[0]): Adapt {
  const proposer = proposerMachine.provide(parts)
  return (settings) => ({ ...settings, machines: { ...settings.machines, proposer } })
}

function isHalf({ members }: ProposerContext, answered: readonly number[]): boolean {
  return new Set(answered).size >= countedMembers(members).length / 2
}

const halfIsEnough = withProposer({
  guards: {
    completesAccepts: ({ context }, { sender }: Heard<Accepted>) =>
      isHalf(context, [...context.accepts, sender]),
    completesPromises: ({ context }, heard: Heard<PromiseMessage>) =>
      isHalf(
        context,
        withPromise(context.promises, heard).map(({ node }) => node),
      ),
  },
})

interface Fault {
  readonly adapt: Adapt
  readonly bounds: Bounds
  readonly broken: string
}

const faults: Readonly<Record<string, Fault>> = {
  'an accept does not raise the promise': {
    adapt: withAcceptor({
      actions: {
        recordAccepted: assign(({ context }, { ballot, instance, batch, sender }: Heard<Accept>) => {
          const record = { ballot, instance, batch }
          const message = { type: 'accepted' as const, ballot, instance }
          return {
            accepted: [record],
            unsaved: { ...context.unsaved, accepted: [record] },
            later: [...context.later, { to: sender, message }],
          }
        }),
      },
    }),
    bounds: three,
    broken: 'instance 0 is accepted above the promised ballot',
  },
  'votes of several ballots are added up': {
    adapt: withProposer({ guards: { isForAnotherBallot: () => false } }),
    bounds: three,
    broken: 'invariant 1',
  },
  'half of two servers are a quorum': {
    adapt: halfIsEnough,
    bounds: smallest,
    broken: 'no quorum of the members has promised it',
  },
  'half of four servers are a quorum': {
    adapt: halfIsEnough,
    bounds: { ...three, servers: 4 },
    broken: 'no quorum of the members has promised it',
  },
  'an accept below the promise is accepted': {
    adapt: withAcceptor({ guards: { promisedMore: () => false } }),
    bounds: three,
    broken: 'the promise has decreased',
  },
  'a batch that may be chosen is not helped': {
    adapt: withProposer({ guards: { somethingMayBeChosen: () => false } }),
    bounds: three,
    broken: 'it proposes a batch of its own, and a promise shows one',
  },
  'a promise of an earlier ballot counts': {
    adapt: withProposer({ guards: { isForAnotherPrepare: () => false } }),
    bounds: three,
    broken: 'a promise for another prepare is counted',
  },
}

test.each(Object.entries(faults))('%s', (_, { adapt, bounds, broken }) => {
  const report = check({ bounds, reaches: [], adapt })
  expect(report.verdict).toBe('broken')
  expect(report.broken?.message).toContain(broken)

  const again = runTranscript(report.broken?.transcript ?? '', { adapt })
  expect(again.failure).toContain(report.broken?.message)
})

test.each([
  'an accept does not raise the promise',
  'half of four servers are a quorum',
])('without reductions there is no shorter schedule either: %s', (name) => {
  const { adapt, bounds } = faults[name] as Fault
  const plain = new Search({ bounds, adapt, isPlain: true })
  while (!plain.run(100));
  expect(plain.violation?.events.length).toBe(check({ bounds, reaches: [], adapt }).broken?.events)
})

test('half of three servers are a quorum all the same: with an odd number it is no fault', () => {
  const report = check({ bounds: { ...three, rounds: 1 }, reaches: [], adapt: halfIsEnough })
  expect(report.verdict).toBe('holds')
})
