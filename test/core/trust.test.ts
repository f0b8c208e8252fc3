import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Boot, contradict, nextBoot } from '../../machines/boot.ts'
import { distrusting, heardBoot, type Trust } from '../../src/core/trust.ts'
import { members } from '../support/role.ts'

/** The boots of a directory that is the only one. */
function history(starts: number, name = 'r', from: Boot | null = null): Boot[] {
  const boots: Boot[] = []
  for (let start = 0; start < starts; start += 1) {
    boots.push(nextBoot(boots.at(-1) ?? from, `${name}${start}`))
  }
  return boots
}

const sender = { node: 1, incarnation: 'founder-1' }

/** What follows from each message, in the order in which the messages arrive. */
function verdicts(boots: readonly (Boot | undefined)[]): string[] {
  let trust: Trust = []
  return boots.map((boot) => {
    const heard = heardBoot(trust, { ...sender, boot }, members(3))
    trust = heard.trust
    return heard.verdict
  })
}

const [first, second, third, fourth] = history(4) as [Boot, Boot, Boot, Boot]

describe('the boots of one directory', () => {
  test('count up, and each names the one before', () => {
    expect([first, second]).toEqual([
      { count: 1, random: 'r0', after: '' },
      { count: 2, random: 'r1', after: 'r0' },
    ])
  })

  test('late messages of earlier boots are dropped, and prove nothing', () => {
    expect(verdicts([first, second, first, second, fourth, third, first, fourth])).toEqual([
      'trusted',
      'trusted',
      'late',
      'trusted',
      'trusted',
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
          const latest = Math.max(...places.slice(0, at + 1))
          expect(verdict).toBe(places[at] === latest ? 'trusted' : 'late')
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
    expect(verdicts(boots)).toEqual(['trusted', 'exposed'])
  })

  test('an older copy whose boots are further behind is dropped as late', () => {
    const later = history(3, 'r', fourth).at(-1)
    expect(verdicts([later, fork[0]])).toEqual(['trusted', 'late'])
  })

  test('boots that are further apart say nothing of each other', () => {
    expect(contradict(third, fork[2]!)).toBe(false)
    expect(verdicts([third, fork[2]])).toEqual(['trusted', 'trusted'])
  })

  test('once exposed, neither is taken any more, in any boot and without one', () => {
    expect(verdicts([third, fork[0], third, fork[0], fork[1], fork[2], undefined])).toEqual([
      'trusted',
      'exposed',
      'distrusted',
      'distrusted',
      'distrusted',
      'distrusted',
      'distrusted',
    ])
  })
})

test('the reason names both boots', () => {
  const { trust } = heardBoot([], { ...sender, boot: second }, members(3))
  const exposed = heardBoot(trust, { ...sender, boot: { ...second, random: 'copy' } }, members(3))
  expect(exposed.trust).toEqual([
    { ...sender, boot: second, distrust: expect.stringMatching(/boot 2 \(r1\) .* boot 2 \(copy\)/) },
  ])
})

test('a directory that was removed is forgotten, and the one that takes its id is trusted', () => {
  const trust = distrusting([], sender, 'a copy', members(3))
  const replaced = members(3).map((member) => (member.id === 1 ? { ...member, incarnation: 'new' } : member))
  const heard = heardBoot(trust, { node: 1, incarnation: 'new', boot: first }, replaced)
  expect(heard).toEqual({
    verdict: 'trusted',
    trust: [{ node: 1, incarnation: 'new', boot: first, distrust: null }],
  })
})

test('an engine that counts no boots is trusted', () => {
  expect(verdicts([undefined, undefined])).toEqual(['trusted', 'trusted'])
})
