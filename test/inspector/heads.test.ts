import { describe, expect, test } from 'vitest'
import { columnHeads } from '../../inspector/model/heads.ts'
import { shownRows } from '../../inspector/model/ledger-rows.ts'
import { ageText } from '../../inspector/model/record-text.ts'
import { emptyPicture, type Picture, pictureAfter } from '../../src/inspect/records/picture.ts'
import type { HeadsRecord, InspectorRecord, ServerRecord } from '../../src/inspect/records/record.ts'
import { batchOf, executed, execution } from '../support/facts.ts'
import { founders, keyframe, step } from '../support/hub.ts'

const of = (node: number, record: ServerRecord): InspectorRecord => ({
  kind: 'server',
  node,
  incarnation: `founder-${node}`,
  run: `r${node}`,
  record,
})

const begun: readonly InspectorRecord[] = [
  { kind: 'cluster', cluster: 'c', service: 'lock', founders, allowsFaults: false },
  ...[0, 1, 2].map((node) => of(node, keyframe(node, { timeMs: 10_000 }))),
]

const heads = (node: number, timeMs: number, at: number, leftOut = 50): InspectorRecord =>
  of(node, {
    kind: 'heads',
    clock: at,
    timeMs,
    promised: { round: 2, node: 0 },
    isPromisedSynced: true,
    firstUnchosen: at,
    firstUnexecuted: at,
    leftOut,
  } satisfies HeadsRecord)

function executes(node: number, timeMs: number, instance: number): InspectorRecord {
  return of(node, step(instance, { timeMs, facts: [executed(node, batchOf(), execution(instance))] }))
}

const pictureOf = (...records: readonly InspectorRecord[]): Picture =>
  [...begun, ...records].reduce(pictureAfter, emptyPicture)
const executedOf = ({ servers }: Picture) =>
  columnHeads(servers).map(({ firstUnexecuted }) => firstUnexecuted)
const agesOf = ({ servers }: Picture) => columnHeads(servers).map(({ cellsAgeMs }) => cellsAgeMs)

describe('the heads above the columns', () => {
  test('are of the latest records where none is missing', () => {
    const picture = pictureOf(executes(0, 10_010, 0), executes(0, 10_020, 1), executes(1, 10_021, 0))
    expect(executedOf(picture)).toEqual([2, 1, 0])
    expect(agesOf(picture)).toEqual([0, 0, 0])
  })

  test('are of one moment while records are left out, though one reported last', () => {
    // Two servers have reported twice, the third once: it is no hundred instances behind.
    const first = [heads(0, 10_200, 100), heads(1, 10_201, 99), heads(2, 10_203, 99)]
    const picture = pictureOf(...first, heads(0, 10_400, 200), heads(1, 10_401, 199))
    expect(executedOf(picture)).toEqual([100, 99, 99])
    expect(executedOf(pictureAfter(picture, heads(2, 10_402, 199)))).toEqual([200, 199, 199])
  })

  test('are compared with where a server was that leaves nothing out', () => {
    const steps = Array.from({ length: 60 }, (_, at) => executes(1, 10_100 + at * 10, at))
    const before = steps.slice(0, 11)
    const picture = pictureOf(...before, heads(0, 10_200, 11), heads(2, 10_201, 10), ...steps.slice(11))
    const [leader = 0, follower = 0, other = 0] = executedOf(picture)
    expect([leader, other]).toEqual([11, 10])
    expect(Math.abs(follower - leader)).toBeLessThanOrEqual(1)
  })

  test('have an age, and so have the cells below', () => {
    const picture = pictureOf(heads(0, 10_400, 100), heads(1, 12_000, 400), executes(2, 12_010, 0))
    expect(agesOf(picture)).toEqual([2_010, 2_010, 0])
    const [late, sampled] = columnHeads(picture.servers)
    // A server that reports nothing more does not hold the others back.
    expect(late).toMatchObject({ firstUnexecuted: 100, ageMs: 1_610 })
    expect(sampled).toMatchObject({ firstUnexecuted: 400, ageMs: 10 })
    expect(
      agesOf(pictureAfter(picture, of(0, keyframe(0, { timeMs: 12_010, firstUnexecuted: 420 })))),
    ).toEqual([0, 2_010, 0])
  })

  test.each([
    [0, '0.0 s'],
    [430, '0.4 s'],
    [12_400, '12 s'],
    [150_000, '3 min'],
    [9_000_000, '3 h'],
  ])('an age of %i ms is written %s', (ms, text) => expect(ageText(ms)).toBe(text))
})

describe('the rows of the ledger', () => {
  const shownOf = ({ ledger, servers }: Picture) =>
    shownRows(ledger, servers).map((shown) =>
      shown.kind === 'gap'
        ? `gap ${shown.from}-${shown.to}`
        : `${shown.row.instance} ${shown.knows.join(' ')}`,
    )

  test('show instances without a record as a gap, above, between and instead of rows', () => {
    const sampled = pictureOf(executes(0, 10_010, 0), executes(0, 10_020, 8), heads(0, 10_200, 20))
    expect(shownOf(sampled)).toEqual([
      'gap 9-19',
      '8 executed nothing nothing',
      'gap 1-7',
      '0 executed nothing nothing',
    ])
    expect(shownOf(pictureOf(of(0, keyframe(0, { timeMs: 10_001, firstUnexecuted: 4 }))))).toEqual([
      'gap 0-3',
    ])
    expect(shownOf(pictureOf())).toEqual([])
  })

  test('show as executed what a server executed in a gap, and what is not known as not known', () => {
    const picture = pictureOf(heads(1, 10_100, 5), executes(0, 10_110, 4), executes(0, 10_120, 5))
    expect(shownOf(picture)).toEqual(['5 executed unknown nothing', '4 executed executed nothing', 'gap 0-3'])
  })

  test('of a server that was killed in a gap what it had not reported stays unknown', () => {
    const gone: InspectorRecord = { kind: 'process', node: 1, timeMs: 10_300, state: 'gone', reason: null }
    const picture = pictureOf(heads(1, 10_100, 5), executes(0, 10_110, 5), gone)
    expect(shownOf(picture)[0]).toBe('5 executed unknown nothing')
    expect(agesOf(picture)[1]).toBeNull()
  })
})
