import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Boot,
  compareVoted,
  contradict,
  nextBoot,
  nothingVoted,
  type ShownBoot,
  type Voted,
  whyCopied,
} from '../../machines/boot.ts'
import { afterWrite, type DurableState, nothingDurable } from '../../src/core/durable.ts'
import {
  distrusting,
  exposuresOf,
  heardBoot,
  remembered,
  type Trust,
  votedBy,
  votedIn,
} from '../../src/core/trust.ts'
import { members } from '../support/role.ts'

/** The boots of a directory that is the only one. */
function history(starts: number, name = 'r', from: Boot | null = null): ShownBoot[] {
  const boots: ShownBoot[] = []
  for (let start = 0; start < starts; start += 1) {
    boots.push({ ...nextBoot(boots.at(-1) ?? from, `${name}${start}`), voted: nothingVoted })
  }
  return boots
}

const sender = { node: 1, incarnation: 'founder-1' }

/** What follows from each message, in the order in which the messages arrive. */
function verdicts(boots: readonly (ShownBoot | undefined)[]): string[] {
  let trust: Trust = []
  return boots.map((boot) => {
    const heard = heardBoot(trust, { ...sender, boot, voted: nothingVoted }, members(3))
    trust = heard.trust
    return heard.verdict
  })
}

const heardOf = (boot: ShownBoot) => ({ boot, voted: boot.voted })
const fork = history(1, 'fork')[0]!
const [first, second, third, fourth] = history(4) as [ShownBoot, ShownBoot, ShownBoot, ShownBoot]

describe('the boots of one directory', () => {
  test('count up, and each names the one before', () => {
    expect([first, second]).toEqual([
      { count: 1, random: 'r0', after: '', voted: nothingVoted },
      { count: 2, random: 'r1', after: 'r0', voted: nothingVoted },
    ])
  })

  test('late messages of earlier boots are dropped, and prove nothing', () => {
    expect(verdicts([first, second, first, second, fourth, third, first, fourth])).toEqual([
      'met',
      'met',
      'late',
      'trusted',
      'met',
      'late',
      'late',
      'trusted',
    ])
  })

  test('never expose the directory, in whatever order and how often their messages arrive', () => {
    const boots = history(6)
    const arrivals = fc.array(fc.nat({ max: boots.length - 1 }), { maxLength: 30 })
    fc.assert(
      fc.property(arrivals, (places) => {
        const heard = verdicts(places.map((place) => boots[place]))
        for (const [at, verdict] of heard.entries()) {
          const before = Math.max(-1, ...places.slice(0, at))
          const place = places[at] ?? 0
          expect(verdict).toBe(place > before ? 'met' : place === before ? 'trusted' : 'late')
        }
      }),
    )
  })
})

describe('two copies of a directory', () => {
  const fork = history(3, 'other', second)

  test.each([
    ['run at once, each in its first boot', [third, fork[0]]],
    ['run at once, and the earlier boot is heard later', [fork[0], third]],
    ['run at once, and one was started once more', [third, fork[1]]],
    ['are found by a message that comes late', [fork[1], third]],
    ['are found in the second boot of each', [fourth, fork[1]]],
  ])('%s: they are exposed', (_, boots) => {
    expect(verdicts(boots)).toEqual(['met', 'exposed'])
  })

  test('an older copy whose boots are further behind is dropped as late', () => {
    const later = history(3, 'r', fourth).at(-1)
    expect(verdicts([later, fork[0]])).toEqual(['met', 'late'])
  })

  test('boots that are further apart say nothing of each other', () => {
    expect(contradict(third, fork[2]!)).toBe(false)
    expect(verdicts([third, fork[2]])).toEqual(['met', 'met'])
  })

  test('once exposed, neither is taken any more, in any boot and without one', () => {
    expect(verdicts([third, fork[0], third, fork[0], fork[1], fork[2], undefined])).toEqual([
      'met',
      'exposed',
      'distrusted',
      'distrusted',
      'distrusted',
      'distrusted',
      'distrusted',
    ])
  })
})

test('the proof names both boots, and is what others are told', () => {
  const { trust } = heardBoot([], { ...sender, boot: second, voted: nothingVoted }, members(3))
  const exposed = heardBoot(
    trust,
    { ...sender, boot: { ...second, random: 'copy' }, voted: nothingVoted },
    members(3),
  )
  const proof = { one: heardOf(second), other: heardOf({ ...second, random: 'copy' }) }
  expect(exposed.trust).toEqual([{ ...sender, latest: heardOf(second), isMet: true, distrust: proof }])
  expect(whyCopied(proof)).toMatch(/boot 2 \(r1\) .* boot 2 \(copy\)/)
  expect(exposuresOf(exposed.trust)).toEqual([
    { type: 'exposure', node: 1, directory: sender.incarnation, ...proof },
  ])
})

test('a directory that was removed is forgotten, and the one that takes its id is trusted', () => {
  const trust = distrusting([], sender, { one: heardOf(first), other: heardOf(fork) }, members(3))
  const replaced = members(3).map((member) => (member.id === 1 ? { ...member, incarnation: 'new' } : member))
  const heard = heardBoot(trust, { node: 1, incarnation: 'new', boot: first, voted: nothingVoted }, replaced)
  expect(heard).toEqual({
    verdict: 'met',
    trust: [{ node: 1, incarnation: 'new', latest: heardOf(first), isMet: true, distrust: null }],
  })
})

describe('what was known in the run before', () => {
  const hear = (trust: Trust, boot: ShownBoot, voted = nothingVoted) =>
    heardBoot(trust, { ...sender, boot, voted }, members(3))
  const ballot = { round: 1, node: 0 }
  const before = remembered(hear(hear([], second).trust, second, { ballot, below: 7 }).trust)

  test('is met again, with what it had voted', () => {
    const met = hear(before, second)
    expect(met.verdict).toBe('met')
    expect(hear(met.trust, second)).toEqual({ trust: met.trust, verdict: 'trusted' })
    expect(met.trust[0]?.latest?.voted).toEqual({ ballot, below: 7 })
    expect(hear(before, third).verdict, 'it began without these votes').toBe('exposed')
  })

  test('an earlier boot is late, and another of the same count exposes the directory', () => {
    expect(hear(before, first).verdict).toBe('late')
    expect(hear(before, { ...second, random: 'copy' }).verdict).toBe('exposed')
  })

  test('a directory that was exposed stays exposed', () => {
    const { trust } = hear(before, { ...second, random: 'copy' })
    expect(hear(remembered(trust), third).verdict).toBe('distrusted')
    expect(exposuresOf(remembered(trust))).toEqual(exposuresOf(trust))
  })
})

test('an engine that counts no boots is trusted', () => {
  expect(verdicts([undefined, undefined])).toEqual(['trusted', 'trusted'])
})

describe('an older copy that is put back, of the same history', () => {
  const votes = (round: number, below: number): Voted => ({ ballot: { round, node: 0 }, below })

  /** What follows from messages of boots that began with some votes, each of which shows a vote. */
  function after(messages: readonly (readonly [boot: Boot, began: Voted, voted: Voted])[]): string[] {
    let trust: Trust = []
    return messages.map(([boot, began, voted]) => {
      const heard = heardBoot(trust, { ...sender, boot: { ...boot, voted: began }, voted }, members(3))
      trust = heard.trust
      return heard.verdict
    })
  }

  test.each<[string, Voted, Voted]>([
    ['an accepted batch', votes(3, 6), votes(3, 5)],
    ['a promise', votes(4, 0), votes(3, 9)],
    ['all votes', votes(1, 0), nothingVoted],
  ])('is exposed by its boot when it has forgotten %s', (_, sent, began) => {
    expect(
      after([
        [second, nothingVoted, sent],
        [third, began, nothingVoted],
      ]),
    ).toEqual(['met', 'exposed'])
    // The vote of the earlier boot may arrive late.
    expect(
      after([
        [third, began, nothingVoted],
        [second, nothingVoted, sent],
      ]),
    ).toEqual(['met', 'exposed'])
    // So may all of its messages but one, and boots between are not heard.
    expect(
      after([
        [first, nothingVoted, sent],
        [fourth, began, nothingVoted],
      ]),
    ).toEqual(['met', 'exposed'])
  })

  test('is not taken for one when its votes go on', () => {
    const [few, more, most] = [votes(3, 5), votes(3, 6), votes(4, 2)]
    expect(
      after([
        [first, nothingVoted, few],
        [second, few, few],
        [second, few, more],
        [second, few, few],
        [first, nothingVoted, few],
        [third, more, most],
        [second, few, more],
        [fourth, most, nothingVoted],
      ]),
    ).toEqual(['met', 'met', 'trusted', 'trusted', 'late', 'met', 'late', 'met'])
  })

  test('the reason names the votes', () => {
    const heard = heardBoot([], { ...sender, boot: second, voted: votes(3, 6) }, members(3))
    const exposed = heardBoot(heard.trust, { ...sender, boot: third, voted: nothingVoted }, members(3))
    const proof = exposed.trust[0]?.distrust
    expect(proof && whyCopied(proof)).toBe(
      'an older copy of its directory was put back: boot 2 (r1) voted up to ballot 3.0, instance 5, and boot 3 (r2) began with votes up to none',
    )
  })
})

describe('how far a directory has voted', () => {
  test('is shown by promises and accepted batches', () => {
    const ballot = { round: 2, node: 1 }
    expect(votedBy({ type: 'promise', ballot, from: 4, accepted: [], firstUnchosen: 4 })).toEqual({
      ballot,
      below: 0,
    })
    expect(votedBy({ type: 'accepted', ballot, instance: 4 })).toEqual({ ballot, below: 5 })
    expect(votedBy({ type: 'learn', from: 4 })).toEqual(nothingVoted)
  })

  test('is in the durable state, whatever the learner has written, lost or not', () => {
    const round = fc.nat({ max: 3 })
    const step = fc.oneof(
      fc.record({ by: fc.constant('promise' as const), round }),
      fc.record({ by: fc.constant('accept' as const), round, ahead: fc.nat({ max: 3 }) }),
      fc.record({ by: fc.constant('chosen' as const), isLost: fc.boolean() }),
    )
    const batch = { node: 0, elapsedMs: 0, groups: [] }
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let durable: DurableState = nothingDurable
        let sent: Voted = nothingVoted
        let firstUnchosen = 0
        for (const next of steps) {
          if (next.by === 'chosen') {
            // What the learner writes may be lost until the acceptor's next write is synced.
            const instance = durable.firstUnchosen
            firstUnchosen = Math.max(firstUnchosen, instance + 1)
            if (!next.isLost)
              durable = afterWrite(durable, { by: 'learner', chosen: [{ instance, batch }] }, () => undefined)
            continue
          }
          const ballot = { round: Math.max(next.round, durable.promised?.round ?? 0), node: 0 }
          const instance = firstUnchosen + (next.by === 'accept' ? next.ahead : 0)
          const accepted = next.by === 'accept' ? [{ instance, ballot, batch }] : []
          durable = afterWrite(durable, { by: 'acceptor', promised: ballot, accepted }, () => undefined)
          const voted = next.by === 'accept' ? { ballot, below: instance + 1 } : { ballot, below: 0 }
          const seen = heardBoot(
            [{ ...sender, latest: { boot: first, voted: sent }, isMet: true, distrust: null }],
            { ...sender, boot: { ...second, voted: votedIn(durable) }, voted },
            members(3),
          )
          expect(seen.verdict).toBe('met')
          if (compareVoted(voted, sent) > 0) sent = voted
        }
      }),
    )
  })
})
