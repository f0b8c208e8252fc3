/** What a search promises: bounds that are kept to, nothing tried twice, ways that can be gone again. */
import { expect, test } from 'vitest'
import { readerMachine } from '../../machines/reader.ts'
import { check } from '../../src/checker/check.ts'
import type { Adapt } from '../../src/checker/cluster.ts'
import { differences } from '../../src/checker/counts.ts'
import { namedBounds } from '../../src/checker/named-bounds.ts'
import { Search } from '../../src/checker/search.ts'
import { runTranscript } from '../../src/transcript/file.ts'
import { read, smallest, three } from './bounds.ts'
import { expectRecorded } from './recorded.ts'

/** Those that a slow machine searches within seconds, with those of walks.test.ts; `npm run check` searches all. */
const quick = ['single', 'delayed', 'admission']

test.each(namedBounds.filter(({ name }) => quick.includes(name)))('$name: $about', ({
  bounds,
  reaches,
  counted,
}) => {
  expectRecorded(check({ bounds, reaches }), counted)
})

test('a search that finds something else than is recorded says what', () => {
  const found = { states: 10, depth: 4, ways: { chosen: 5, duel: 8 } }
  expect(differences(found, found)).toEqual([])
  expect(differences({ states: 11, depth: 4, ways: { chosen: 5, helping: 7 } }, found)).toEqual([
    'states 10 in place of 11',
    'events to duel 8 in place of none',
    'events to helping none in place of 7',
  ])
})

test('the same bounds are the same search', () => {
  const [once, again] = [0, 1].map(() => check({ bounds: three, reaches: [] }))
  expect(again).toEqual(once)
})

test('every witness is a transcript that whole nodes go through, and that shows what it says', () => {
  const { reached } = check({ bounds: { ...three, crashes: 1, crashing: [0] }, reaches: [] })
  const transcripts = Object.fromEntries(reached.map(({ name, transcript }) => [name, transcript]))
  for (const transcript of Object.values(transcripts)) {
    const { text, failure } = runTranscript(transcript)
    expect(failure).toBeNull()
    expect(text).toBe(transcript)
  }
  expect(transcripts.helping).toContain('accepting.helping')
  expect(transcripts.duel).toContain('→ backingOff')
  expect(transcripts.catchUp).toContain('learn from instance 0')
  expect(transcripts.afterCrash).toMatch(/^crash 0/m)
})

test('a read that waits is a transcript too, and so is one that breaks its invariant', () => {
  const bounds = { ...smallest, requests: smallest.requests.slice(0, 1), reads: [read('r', 1)] }
  const { reached } = check({ bounds, reaches: ['readLater'] })
  const { transcript = '' } = reached.find(({ name }) => name === 'readLater') ?? {}
  expect(transcript).toContain('read r→1')
  expect(transcript).toContain('reader → catchingUp')
  expect(runTranscript(transcript)).toMatchObject({ text: transcript, failure: null })

  const reader = readerMachine.provide({ guards: { mayBeStale: () => true } })
  const adapt: Adapt = (settings) => ({ ...settings, machines: { ...settings.machines, reader } })
  const { broken } = check({ bounds, reaches: [], adapt })
  expect(broken?.message).toContain('invariant 16')
  expect(runTranscript(broken?.transcript ?? '', { adapt }).failure).toContain('invariant 16')
})

test('a search stops near the number of states that it may come to, also where there are few', () => {
  const { bounds } = namedBounds.find(({ name }) => name === 'delayed') ?? { bounds: three }
  const { verdict, stats } = check({ bounds, reaches: [], mostStates: 10 })
  expect(verdict).toBe('unfinished')
  expect(stats.states).toBeLessThan(100)
})

test('a search that is stopped does not say that nothing breaks', () => {
  const { verdict, stats } = check({ bounds: { ...three, rounds: 3 }, reaches: [], mostStates: 1_000 })
  expect(verdict).toBe('unfinished')
  expect(stats.expanded).toBeLessThan(stats.states)
})

test('what is not reached is told: nobody is helped where nobody takes over', () => {
  const bounds = { ...three, requests: three.requests.slice(0, 1), rounds: 1 }
  const { verdict, missing } = check({ bounds, reaches: ['chosen', 'helping'] })
  expect({ verdict, missing }).toEqual({ verdict: 'unreached', missing: ['helping'] })
})

test('no ballot is begun above the rounds of the bounds', () => {
  const reach = (rounds: number) => {
    const search = new Search({ bounds: { ...smallest, rounds } })
    while (!search.run(10_000));
    const promised = search.knowledge.flatMap((text) => [...text.matchAll(/"round":(\d+)/g)])
    return Math.max(...promised.map(([, round]) => Number(round)))
  }
  expect([1, 2, 3].map(reach)).toEqual([1, 2, 3])
})

test.each([
  { ...smallest, servers: 0 },
  { ...smallest, servers: 5, joining: 4 },
  { ...smallest, crashing: [2] },
  { ...smallest, crashes: 16 },
  { ...smallest, rounds: 0 },
  { ...smallest, instances: 0 },
  { ...smallest, reads: [read('r', 2)] },
  { ...smallest, reads: [read('r', 0), read('r', 1)] },
  { ...smallest, reads: [read('r', 1)], crashes: 1, crashing: [1] },
  { ...smallest, requests: Array.from({ length: 9 }, () => three.requests[0] as never) },
])('bounds that cannot be kept to are refused: %o', (bounds) => {
  expect(() => new Search({ bounds })).toThrow(RangeError)
})
