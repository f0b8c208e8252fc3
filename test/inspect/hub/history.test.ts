import { describe, expect, test } from 'vitest'
import { History } from '../../../src/inspect/hub/history.ts'
import { emptyPicture, type Picture, pictureAfter } from '../../../src/inspect/picture.ts'
import type { InspectorRecord } from '../../../src/inspect/record.ts'
import { randomRecords } from '../../support/records.ts'

const cluster: InspectorRecord = {
  kind: 'cluster',
  cluster: 'c',
  service: 'lock',
  founders: [],
  allowsFaults: false,
}
const records = [cluster, ...randomRecords({ seed: 4, events: 1_200, servers: 3 })]
const pictures: Picture[] = [emptyPicture]
for (const record of records) pictures.push(pictureAfter(pictures.at(-1)!, record))

/** Of each server, what a page that comes later is told of where it stood. */
function standing({ servers }: Picture) {
  return servers.map(({ node, state, clock, firstUnexecuted, durable }) =>
    state === 'gone' ? { node, state } : { node, state, clock, firstUnexecuted, durable },
  )
}

describe('the history', () => {
  test('tells where all stood before the first record that it keeps, and no record twice', () => {
    const history = new History({ records: 200, characters: 100_000_000 })
    const firsts = new Set<number>()
    for (const [number, record] of records.entries()) {
      history.add(record)
      expect(history.end).toBe(number + 1)
      expect(history.end - history.first).toBeLessThanOrEqual(200)
      if (firsts.has(history.first)) continue
      firsts.add(history.first)
      const told = history.head().reduce(pictureAfter, emptyPicture)
      expect(standing(told)).toEqual(standing(pictures[history.first]!))
      expect(history.texts(0, 1)).toEqual([JSON.stringify(records[history.first])])
    }
    expect(firsts.size).toBeGreaterThan(5)
    expect(history.end - history.first).toBeGreaterThan(150)
  })

  test('keeps no more characters than it may, of however large records', () => {
    const history = new History({ records: 20_000, characters: 60_000 })
    for (const record of records) {
      history.add(record)
      const kept = history.texts(0, records.length)
      expect(kept.reduce((sum, text) => sum + text.length, 0)).toBeLessThanOrEqual(60_000)
    }
    history.add({ kind: 'links', timeMs: 1, cut: [] }, 'x'.repeat(100_000))
    expect(history.texts(0, records.length)).toEqual([])
    const told = history.head().reduce(pictureAfter, emptyPicture)
    expect(standing(told)).toEqual(standing(pictures.at(-1)!))
  })
})
