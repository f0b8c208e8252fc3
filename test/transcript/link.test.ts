import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isPlaygroundLink, linkFragment, parseLink } from '../../src/transcript/link.ts'

const count = fc.option(fc.nat(1e9), { nil: null })

test('a link says again what was put into it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.option(fc.string({ unit: 'grapheme', maxLength: 900 }), { nil: null }),
      count,
      count,
      async (schedule, at, seed) => {
        const link = await linkFragment({ schedule, at, seed })
        expect(link).toMatch(/^#playground[!-~]*$/)
        // What the commands know two ways to write comes back in one of them.
        const read = await parseLink(link)
        expect({ ...read, schedule: read.schedule?.replaceAll('->', '→') ?? null }).toEqual({
          schedule: schedule?.replaceAll('->', '→') ?? null,
          at,
          seed,
          plan: null,
        })
      },
    ),
  )
})

test('a short schedule stands in it to be read, a long one is packed', async () => {
  expect(await linkFragment({ schedule: 'servers 3\nsync 0', at: 1, seed: null })).toBe(
    '#playground&at=1&t=servers%203%0Async%200',
  )
  const long = 'deliver 0→1 accepted\n'.repeat(200)
  const link = await linkFragment({ schedule: long, at: null, seed: 7 })
  expect(link).toMatch(/^#playground&seed=7&z=[\w-]+$/)
  expect(link.length).toBeLessThan(200)
  expect((await parseLink(link)).schedule).toBe(long)
})

test.each([
  ['#playgrounds', 'the link does not begin with #playground'],
  ['#playground&t=%E0%A4%A', 'is damaged'],
  ['#playground&z=AAAA', 'is damaged'],
  ['#playground&z=!!!', 'is damaged'],
  ['#playground&at=-1', 'at is "-1" in the link: it must be a whole number'],
  ['#playground&seed=x', 'seed is "x"'],
])('%s: %s', async (fragment, expected) => {
  await expect(parseLink(fragment)).rejects.toThrow(expected)
})

test('what would fill the memory is not unpacked', async () => {
  const bomb = deflateRawSync(Buffer.alloc(50_000_000)).toString('base64url')
  await expect(parseLink(`#playground&z=${bomb}`)).rejects.toThrow('more than 2000000 bytes')
})

test('a link is told from the other fragments of a page', () => {
  expect(['#playground', '#playground&t=x', '', '#token=1', '#playgroundx'].map(isPlaygroundLink)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
})
