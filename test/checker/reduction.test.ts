/**
 * The reductions lose nothing: a search with them and one without meet the same knowledge of the invariants, which holds every
 * vote, every choice and every execution, and reach the same situations by ways of the same length.
 */
import { expect, test } from 'vitest'
import type { Bounds } from '../../src/checker/bounds.ts'
import { Search, type SearchOptions } from '../../src/checker/search.ts'
import { asked, onLock, read, smallest, three } from './bounds.ts'

function searched(options: SearchOptions): Search {
  const search = new Search(options)
  while (!search.run(10_000));
  expect(search.violation).toBeNull()
  return search
}

function lengths(search: Search): Record<string, number> {
  return Object.fromEntries([...search.witnesses.values()].map(({ what, events }) => [what, events.length]))
}

const removal = asked('m', { kind: 'members', change: { action: 'remove', id: 0 } }, [0])
const one = asked('a', onLock('lock'), [0])

const cases: Readonly<Record<string, Bounds>> = {
  'two instances, two ballots each': { ...smallest, rounds: 2, instances: 2 },
  'a crash': { ...smallest, rounds: 2, crashes: 1, crashing: [0] },
  'a crash of the other': { ...smallest, crashes: 1, crashing: [1], instances: 2 },
  'syncs at any time': { ...smallest, syncs: 'anyTime' },
  'syncs at any time, and a crash': {
    ...smallest,
    syncs: 'anyTime',
    crashes: 1,
    crashing: [0],
    instances: 2,
  },
  'one proposer that crashes and begins a ballot anew': {
    ...smallest,
    requests: [one],
    rounds: 2,
    syncs: 'anyTime',
    crashes: 1,
    crashing: [0],
  },
  'delayed requests': {
    ...smallest,
    requests: [one, asked('b', onLock('lock'), [0]), asked('a', onLock('unlock'), [0], 2)],
    instances: 3,
  },
  'a proposer is removed': {
    ...smallest,
    requests: [removal, asked('b', onLock('lock'), [1])],
    rounds: 2,
    instances: 2,
  },
  'three servers': { ...three, rounds: 1 },
  'two reads': { ...smallest, requests: [one], instances: 2, reads: [read('r', 1), read('s', 1)] },
  'a read at the proposer, and a crash of the other': {
    ...smallest,
    requests: [one],
    reads: [read('r', 0)],
    crashes: 1,
    crashing: [1],
  },
  'requests that are handed over': { ...smallest, rounds: 2, handsOver: true },
  'requests that are handed over, and a crash': {
    ...smallest,
    crashes: 1,
    crashing: [0],
    handsOver: true,
  },
}

test.each(Object.entries(cases))('with and without reductions: %s', (_, bounds) => {
  const reduced = searched({ bounds })
  const plain = searched({ bounds, isPlain: true })
  expect(reduced.stats.states).toBeLessThan(plain.stats.states)
  expect([...reduced.knowledge].sort()).toEqual([...plain.knowledge].sort())
  expect(lengths(reduced)).toEqual(lengths(plain))
})

test('servers and clients that are alike are tried in one order only, and the same is reached', () => {
  const alike: Bounds = { ...three, requests: [one], crashes: 1, crashing: [0] }
  const swapped = {
    ...smallest,
    requests: [asked('a', onLock('lock'), [0, 1]), asked('b', onLock('lock'), [0, 1])],
  }
  for (const bounds of [alike, swapped]) {
    const reduced = searched({ bounds })
    const plain = searched({ bounds, isPlain: true })
    const known = new Set(plain.knowledge)
    expect(reduced.knowledge.every((knowledge) => known.has(knowledge))).toBe(true)
    expect(reduced.knowledge.length).toBeLessThan(known.size)
    expect(lengths(reduced)).toEqual(lengths(plain))
  }
})
