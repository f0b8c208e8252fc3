import { describe, expect, test } from 'vitest'
import { heldBytes } from '../../../src/core/json.ts'
import { History } from '../../../src/inspect/hub/history.ts'
import { emptyPicture, type Picture, pictureAfter } from '../../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../../src/inspect/records/record.ts'
import { keyframe } from '../../support/hub.ts'
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

const swelling = (count: number) => Array.from({ length: count }, () => ({}))

/** A server with a context that takes 64 bytes for each three of its JSON. */
function swollen(node: number, clock: number): InspectorRecord {
  const { roles, ...rest } = keyframe(node)
  const acceptor = { state: 'listening', context: { junk: swelling(15_000) } }
  const record = { ...rest, clock, roles: { ...roles, acceptor } }
  return { kind: 'server', node, incarnation: `founder-${node}`, run: `r${node}`, record }
}

/** Of each server, what a page that comes later is told of where it stood. */
function standing({ servers }: Picture) {
  return servers.map(({ node, state, clock, firstUnexecuted, durable }) =>
    state === 'gone' ? { node, state } : { node, state, clock, firstUnexecuted, durable },
  )
}

describe('the history', () => {
  test('tells where all stood before the first record that it keeps, and no record twice', () => {
    const history = new History({ records: 200, characters: 100_000_000, bytes: 1_000_000_000 })
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
    const history = new History({ records: 20_000, characters: 60_000, bytes: 1_000_000_000 })
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

  test('keeps no more than takes so many bytes in memory, however few characters it has', () => {
    const history = new History({ records: 20_000, characters: 100_000_000, bytes: 10_000_000 })
    history.add(cluster)
    for (let clock = 1; clock <= 60; clock += 1) {
      history.add(swollen(clock % 3, clock))
      const kept = history.texts(0, 100).map((text) => JSON.parse(text))
      expect(heldBytes(kept)).toBeLessThanOrEqual(10_000_000)
    }
    expect(history.end - history.first).toBeGreaterThan(4)
  })

  test('tells a bounded amount of where all stood, first nothing more of servers that are gone', () => {
    const history = new History({ records: 20, characters: 100_000_000, bytes: 1_000_000_000 })
    history.add(cluster)
    for (let node = 0; node < 60; node += 1) history.add(swollen(node, node))
    for (let time = 0; time < 60; time += 1) history.add({ kind: 'links', timeMs: time, cut: [] })
    expect(heldBytes(history.head())).toBeLessThan(17 * 1024 * 1024)
    const told = history.head().reduce(pictureAfter, emptyPicture)
    expect(told.cluster).toEqual(cluster)

    const later = new History({ records: 20, characters: 100_000_000, bytes: 1_000_000_000 })
    later.add(cluster)
    for (let node = 0; node < 60; node += 1) {
      later.add(swollen(node, node))
      if (node > 2) later.add({ kind: 'process', node, timeMs: 1, state: 'gone', reason: null })
    }
    for (let time = 0; time < 60; time += 1) later.add({ kind: 'links', timeMs: time, cut: [] })
    const { servers } = later.head().reduce(pictureAfter, emptyPicture)
    expect(servers.filter(({ roles }) => roles !== null).map(({ node }) => node)).toEqual([0, 1, 2])
  })

  test('gives a page so many characters at once, and at least one record', () => {
    const history = new History({ records: 20_000, characters: 100_000_000, bytes: 1_000_000_000 })
    for (const length of [300, 300, 900, 2_000]) {
      history.add({ kind: 'links', timeMs: 1, cut: [] }, 'x'.repeat(length))
    }
    const counts = [0, 1, 2, 3].map((from) => history.texts(from, 10, 1_000).length)
    expect(counts).toEqual([2, 1, 1, 1])
  })
})
