import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keptRecords, Timeline } from '../../inspector/model/timeline.ts'
import { emptyPicture, pictureAfter } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { randomRecords } from '../support/records.ts'
import { keyframe, process, step, verdict } from './build.ts'

const records = [1, 2, 3].flatMap((seed) => randomRecords({ seed, events: 900, servers: 3 }))

describe('the timeline', () => {
  test('the picture at any record is what comes of all records below it, wherever the reader was before', () => {
    const all = [emptyPicture]
    for (const record of records) all.push(pictureAfter(all.at(-1)!, record))
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
        fc.array(fc.integer({ min: 0, max: records.length }), { minLength: 1 }),
        (chunks, visits) => {
          const timeline = new Timeline(1_000)
          let count = 0
          for (const size of [...chunks, records.length]) {
            timeline.add(records.slice(count, count + size))
            count = Math.min(records.length, count + size)
            for (const visit of visits) {
              const end = timeline.first + (visit % (timeline.end - timeline.first + 1))
              expect(timeline.pictureAt(end)).toEqual(all[end])
            }
          }
          expect(timeline.end).toBe(records.length)
          expect(timeline.end - timeline.first).toBeLessThanOrEqual(1_000)
        },
      ),
      { numRuns: 20 },
    )
  })

  test('it keeps its records under their numbers when it lets others go', () => {
    const timeline = new Timeline(1_000)
    timeline.add(records)
    expect(timeline.first).toBeGreaterThan(0)
    expect(timeline.record(timeline.first - 1)).toBeUndefined()
    expect(timeline.record(timeline.first)).toBe(records[timeline.first])
    expect(timeline.records(0, timeline.first + 2)).toEqual(records.slice(timeline.first, timeline.first + 2))
    expect(timeline.marks.length).toBeGreaterThan(0)
    expect(timeline.marks.every(({ number }) => number >= timeline.first)).toBe(true)
  })

  test('of large records it keeps fewer, and the last of them at any size', () => {
    const timeline = new Timeline(20_000, 100_000)
    const whole = new Timeline()
    whole.add(records)
    for (const from of records.keys()) {
      if (from % 20 === 0) timeline.add(records.slice(from, from + 20), 2_000)
      expect(timeline.end - timeline.first).toBeLessThanOrEqual(1_000)
    }
    expect(timeline.end - timeline.first).toBeGreaterThanOrEqual(600)
    expect(timeline.pictureAt(timeline.first + 150)).toEqual(whole.pictureAt(timeline.first + 150))
    timeline.add([step()], 1_000_000_000)
    expect(timeline.end - timeline.first).toBeGreaterThan(0)
    expect(timeline.record(timeline.end - 1)).toEqual(step())
    timeline.add([step({ clock: 9 })], 100)
    expect(timeline.latest.servers[0]?.clock).toBe(9)
  })

  test('records of which nothing can be made change nothing and are counted', () => {
    const timeline = new Timeline()
    const broken = { kind: 'server', node: 0, incarnation: '', run: '', record: { kind: 'step' } }
    timeline.add([keyframe(), broken as unknown as InspectorRecord, step({}, 1)])
    expect(timeline.unreadable).toBe(1)
    expect(timeline.pictureAt(2)).toEqual(timeline.pictureAt(1))
    expect(timeline.latest.servers.map(({ node }) => node)).toEqual([0, 1])
  })

  test('gaps, ends and the first breach of each invariant are marked', () => {
    const timeline = new Timeline()
    const gap: InspectorRecord = { kind: 'gap', node: 0, incarnation: 'founder', run: 'r1', count: 340 }
    timeline.add([keyframe(), verdict(), gap, process('gone'), verdict(3), verdict(3, 4), verdict(3, 4)])
    expect(timeline.marks).toEqual([
      { number: 2, kind: 'gap' },
      { number: 3, kind: 'gone' },
      { number: 4, kind: 'broken' },
      { number: 5, kind: 'broken' },
    ])
    expect(timeline.breaches.map(({ invariant, verdict }) => [invariant, verdict])).toEqual([
      [3, 4],
      [4, 5],
    ])
  })
})

test('time is counted from the first record that has one', () => {
  const timeline = new Timeline()
  timeline.add([step({ timeMs: 5_000 }), step({ timeMs: 6_000 })])
  expect(timeline.originMs).toBe(5_000)
})

test('a full timeline is made in the time that it takes to read its records as JSON', () => {
  const full = Array.from({ length: keptRecords }, (_, index) => records[index % records.length]!)
  const text = full.map((record) => JSON.stringify(record))
  const readMs = timed(() => {
    for (const line of text) JSON.parse(line)
  })
  const timeline = new Timeline()
  const foldMs = timed(() => timeline.add(full))
  expect(foldMs, `${foldMs} ms against ${readMs} ms`).toBeLessThan(3 * readMs + 50)
  const scrubMs = timed(() => {
    for (let end = 150; end < keptRecords; end += 1_000) timeline.pictureAt(end)
  })
  expect(scrubMs / (keptRecords / 1_000), 'a picture, in milliseconds').toBeLessThan(readMs / 10 + 5)
})

function timed(run: () => void): number {
  const beganMs = performance.now()
  run()
  return performance.now() - beganMs
}
