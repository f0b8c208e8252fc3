import { describe, expect, test } from 'vitest'
import { Timeline } from '../../inspector/model/timeline.ts'
import { History } from '../../src/inspect/hub/history.ts'
import { keptMilestones, keptSessionEnds } from '../../src/inspect/records/milestones.ts'
import { emptyPicture, pictureAfter } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord, ServerRecord } from '../../src/inspect/records/record.ts'
import { batchOf, executed, execution } from '../support/facts.ts'
import { founders, keyframe, step } from '../support/hub.ts'

const cluster: InspectorRecord = {
  kind: 'cluster',
  cluster: 'c',
  service: 'lock',
  founders,
  allowsFaults: false,
}

const seen = (
  state: Extract<InspectorRecord, { kind: 'process' }>['state'],
  timeMs: number,
  reason: string | null = null,
): InspectorRecord => ({ kind: 'process', node: 0, timeMs, state, reason })

const of = (node: number, record: ServerRecord, run = 'r1'): InspectorRecord => ({
  kind: 'server',
  node,
  incarnation: `founder-${node}`,
  run,
  record,
})

const gap: InspectorRecord = { kind: 'gap', node: 0, incarnation: 'founder-0', run: 'r1', count: 9 }

const started = step(1, { cause: { type: 'start' }, roles: keyframe(0).roles })

const added = [...founders, { id: 3, address: 'there:3', incarnation: 'x' }]

function changes(node: number, instance: number, members = added): InspectorRecord {
  return of(node, step(5, { facts: [executed(node, batchOf(), execution(instance, [], { members }))] }))
}

const milestonesOf = (records: readonly InspectorRecord[]) =>
  records.reduce(pictureAfter, emptyPicture).milestones.map(({ what, node, text }) => [what, node, text])

describe('milestones', () => {
  test('are that a server comes, ends, is paused and goes on, each told once', () => {
    const records = [
      cluster,
      seen('up', 1),
      of(0, started),
      of(0, keyframe(0)),
      seen('paused', 2, 'it does not answer'),
      seen('paused', 3),
      seen('resumed', 4),
      seen('resumed', 5),
      of(0, { kind: 'ended', clock: 6, timeMs: 6, reason: 'the disk is full' }),
      seen('gone', 7, 'its connection ended'),
      seen('up', 8),
      of(0, started, 'r2'),
      seen('gone', 9, 'its connection ended'),
    ]
    expect(milestonesOf(records)).toEqual([
      ['up', 0, null],
      ['paused', 0, 'it does not answer'],
      ['resumed', 0, null],
      ['gone', 0, 'the disk is full'],
      ['up', 0, null],
      ['gone', 0, 'its connection ended'],
    ])
  })

  test('are the starts of servers of which nothing else tells', () => {
    const ended = of(0, { kind: 'ended', clock: 3, timeMs: 3, reason: null })
    expect(milestonesOf([cluster, of(0, started), of(0, step(2)), ended, of(0, started, 'r2')])).toEqual([
      ['up', 0, null],
      ['gone', 0, 'it was stopped'],
      ['up', 0, null],
    ])
  })

  test('are changes of the members, once for all servers, also where records were left out', () => {
    const records = [cluster, changes(0, 4), changes(1, 4), of(2, keyframe(2, { firstUnexecuted: 3 }))]
    expect(milestonesOf(records)).toEqual([['members', null, '0 1 2 3: 3 added']])
    const unseen = [...records, of(1, keyframe(1, { firstUnexecuted: 90, members: added.slice(1) }))]
    expect(milestonesOf(unseen).at(-1)).toEqual(['members', null, '1 2 3: 0 removed'])
    // A server that is late shows those of before.
    expect(
      milestonesOf([...unseen, of(2, keyframe(2, { firstUnexecuted: 80, members: added }))]),
    ).toHaveLength(2)
  })

  test('are ends of sessions, once for all servers, of which the latest are kept', () => {
    const ends = (node: number, instance: number, ...endedSessions: string[]) =>
      of(node, step(5, { facts: [executed(node, batchOf(), execution(instance, [], { endedSessions }))] }))
    const records = [cluster, ends(0, 4, 'a@1.0', 'b@3.1'), ends(1, 4, 'a@1.0', 'b@3.1'), ends(1, 6, 'c@5.0')]
    // Server 0 is late.
    expect(milestonesOf([...records, ends(0, 6, 'c@5.0')])).toEqual([
      ['sessionEnded', null, '1.0 of a'],
      ['sessionEnded', null, '3.1 of b'],
      ['sessionEnded', null, '5.0 of c'],
    ])
    const many = Array.from({ length: 2 * keptSessionEnds }, (_, at) => ends(0, at + 1, `d@${at}.0`))
    const kept = milestonesOf([cluster, seen('up', 1), ...many])
    expect(kept).toHaveLength(keptSessionEnds + 1)
    expect([kept[0], kept.at(-1)]).toEqual([
      ['up', 0, null],
      ['sessionEnded', null, `${2 * keptSessionEnds - 1}.0 of d`],
    ])
  })

  test('are bounded', () => {
    const many = Array.from({ length: keptMilestones }, (_, at) => [seen('up', at), seen('gone', at)]).flat()
    expect(milestonesOf([cluster, ...many])).toHaveLength(keptMilestones)
  })
})

const kill = [
  seen('up', 1),
  of(0, keyframe(0)),
  seen('gone', 2, 'killed'),
  seen('up', 3),
  of(0, keyframe(0), 'r2'),
]

test('a page that comes when the kill is long forgotten is told of it, and of its restart', () => {
  const history = new History({ records: 100, characters: 1e9, bytes: 1_000_000_000 })
  for (const record of [cluster, ...kill]) history.add(record)
  for (let clock = 1; clock < 1_000; clock += 1) history.add(of(0, step(clock, { timeMs: clock }), 'r2'))
  expect(history.first).toBeGreaterThan(800)
  const timeline = new Timeline()
  timeline.add(history.head())
  timeline.add(history.texts(history.first, 100).map((text) => JSON.parse(text)))
  expect(timeline.latest.milestones).toEqual([
    { timeMs: 1, what: 'up', node: 0, text: null },
    { timeMs: 2, what: 'gone', node: 0, text: 'killed' },
    { timeMs: 3, what: 'up', node: 0, text: null },
  ])
  expect(timeline.latest.milestones.map((milestone) => timeline.numberOf(milestone))).toEqual([
    null,
    null,
    null,
  ])
})

test('no number of gaps pushes out the mark of a kill', () => {
  const timeline = new Timeline()
  timeline.add([cluster, ...kill, ...Array.from({ length: 3_000 }, () => gap)])
  const kinds = timeline.marks.map(({ kind }) => kind)
  expect(kinds.filter((kind) => kind === 'gone')).toHaveLength(1)
  expect(kinds.filter((kind) => kind === 'gap').length).toBeLessThan(2_000)
  const [, gone] = timeline.latest.milestones
  expect(timeline.numberOf(gone!)).toBe(3)
})

test('a page that has let the record go still knows of the kill', () => {
  const timeline = new Timeline(1_000)
  timeline.add([cluster, ...kill])
  for (let clock = 1; clock < 3_000; clock += 1) timeline.add([of(0, step(clock, { timeMs: clock }), 'r2')])
  expect(timeline.first).toBeGreaterThan(1_000)
  expect(timeline.latest.milestones.map(({ what }) => what)).toEqual(['up', 'gone', 'up'])
  expect(timeline.marks).toEqual([])
})
