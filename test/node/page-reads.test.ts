import { expect, it } from 'vitest'
import { PageReads } from '../../src/node/page-reads.ts'
import { maxPagesForStrangers } from '../../src/wire/limits.ts'

/** Reads that end when a test says so. */
function waiting() {
  const ends: (() => void)[] = []
  let begun = 0
  const read = () => {
    begun += 1
    return new Promise<void>((resolve) => ends.push(resolve))
  }
  return { read, ends, begun: () => begun }
}

it('one page is read at a time for a server, however often it asks', async () => {
  const pages = new PageReads(() => true)
  const { read, ends, begun } = waiting()
  const first = pages.read(1, 'i', read)
  for (let times = 0; times < 40_000; times += 1) await pages.read(1, 'i', read)
  expect(begun()).toBe(1)
  expect(pages.counters).toEqual({ reading: 1, refused: 40_000 })
  ends[0]?.()
  await first
  void pages.read(1, 'i', read)
  expect(begun()).toBe(2)
})

it('servers that are no members share a few, and members have their own', async () => {
  const pages = new PageReads((id) => id < 3)
  const { read, begun } = waiting()
  for (let id = 100; id < 200; id += 1) void pages.read(id, 'i', read)
  expect(begun()).toBe(maxPagesForStrangers)
  for (const id of [0, 1, 2]) void pages.read(id, 'i', read)
  expect(begun()).toBe(maxPagesForStrangers + 3)
})

it('a read that fails is over', async () => {
  const pages = new PageReads(() => true)
  await expect(pages.read(1, 'i', () => Promise.reject(new Error('damaged')))).rejects.toThrow('damaged')
  expect(pages.counters.reading).toBe(0)
})
