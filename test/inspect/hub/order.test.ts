import { describe, expect, test } from 'vitest'
import type { NodeMessage } from '../../../machines/messages.ts'
import { drawRandom } from '../../../machines/random.ts'
import { Merge } from '../../../src/inspect/hub/order.ts'
import type { InspectorRecord, StepRecord } from '../../../src/inspect/records/record.ts'
import { clusterSettings } from '../../../src/schedule/cluster.ts'
import { step } from '../../support/hub.ts'
import { runRandomSchedule } from '../../support/random-schedule.ts'
import { recordsOf, ScheduleTeller } from '../../support/schedule-records.ts'

function told(node: number, clock: number, more: Partial<StepRecord> = {}, run = 'run'): InspectorRecord {
  return { kind: 'server', node, run, incarnation: `founder-${node}`, record: step(clock, more) }
}

const times = { holdBackMs: 100, patienceMs: 1_000 }

const prepare: NodeMessage = { type: 'prepare', ballot: { round: 1, node: 0 }, from: 0 }
const says = (to: number): Partial<StepRecord> => ({
  facts: [{ type: 'said', node: 0, to, message: prepare }],
})
const hears: Partial<StepRecord> = { cause: { type: 'hear', sender: 0, message: { ...prepare } } }

const names = (records: readonly InspectorRecord[]) =>
  records.map((record) => {
    if (record.kind === 'process') return `${record.node} ${record.state}`
    return record.kind === 'server' ? `${record.node} ${record.run} ${record.record.clock}` : record.kind
  })

describe('the order of records', () => {
  test('says what all that is held back takes in memory', () => {
    const merge = new Merge(times)
    const acceptor = { state: 'listening', context: Array.from({ length: 10_000 }, () => ({})) }
    merge.add(1, 5, told(1, 5), 0)
    const before = merge.bytes
    merge.add(1, 6, told(1, 6, { roles: { acceptor } }), 50)
    expect(merge.bytes - before).toBeGreaterThan(600_000)
    merge.take(100)
    expect(merge.bytes).toBeGreaterThan(600_000)
    merge.takeAll()
    expect(merge.bytes).toBe(0)
  })

  test('is by clock, and a record is held back for a while', () => {
    const merge = new Merge(times)
    merge.add(1, 5, told(1, 5), 0)
    merge.add(0, 4, told(0, 4), 60)
    merge.add(0, 6, told(0, 6), 70)
    expect(merge.take(99)).toEqual([])
    expect(names(merge.take(100))).toEqual(['0 run 4', '1 run 5'])
    expect(merge.isEmpty).toBe(false)
    expect(names(merge.takeAll())).toEqual(['0 run 6'])
    expect(merge.isEmpty).toBe(true)
  })

  test('what comes too late comes after, and what is seen from outside comes last', () => {
    const merge = new Merge(times)
    merge.add(1, 9, told(1, 9), 0)
    expect(names(merge.take(100))).toEqual(['1 run 9'])
    merge.add(0, 3, told(0, 3), 110)
    merge.add(0, null, { kind: 'process', node: 0, timeMs: 0, state: 'gone', reason: null }, 111)
    merge.add(1, 10, told(1, 10), 112)
    expect(names(merge.takeAll())).toEqual(['0 run 3', '0 gone', '1 run 10'])
  })

  test('a message is said before it is heard, though its server counts anew', () => {
    const merge = new Merge(times)
    merge.add(0, 900, told(0, 900), 0)
    merge.takeAll()
    merge.add(0, null, { kind: 'process', node: 0, timeMs: 0, state: 'up', reason: null }, 200)
    // Server 1 has not heard of the clock 900, and hears this at 12.
    merge.add(1, 12, told(1, 12, hears), 201)
    merge.add(1, 13, told(1, 13), 202)
    merge.add(0, 1, told(0, 1, {}, 'again'), 203)
    merge.add(0, 2, told(0, 2, says(1), 'again'), 204)
    expect(names(merge.takeAll())).toEqual(['0 up', '0 again 1', '0 again 2', '1 run 12', '1 run 13'])
  })

  test('what was heard waits for a server that tells late of having said it', () => {
    const merge = new Merge(times)
    merge.add(0, 3, told(0, 3), 0)
    merge.add(1, 12, told(1, 12, hears), 10)
    merge.add(1, 13, told(1, 13), 11)
    expect(names(merge.take(500))).toEqual(['0 run 3'])
    merge.add(0, 9, told(0, 9, says(1)), 600)
    expect(names(merge.take(710))).toEqual(['0 run 9', '1 run 12', '1 run 13'])
  })

  test('it does not wait where the server has told of later things, nor for ever', () => {
    const merge = new Merge(times)
    merge.add(0, 3, told(0, 3), 0)
    merge.add(1, 12, told(1, 12, hears), 10)
    expect(names(merge.take(1_009))).toEqual(['0 run 3'])
    expect(names(merge.take(1_010))).toEqual(['1 run 12'])
    merge.add(1, 14, told(1, 14, hears), 2_000)
    merge.add(0, 20, told(0, 20), 2_050)
    expect(names(merge.take(2_100))).toContain('1 run 14')
  })

  test('what has waited long enough does not wait for a cause that waits itself', () => {
    const merge = new Merge(times)
    const learn: NodeMessage = { type: 'learn', from: 3 }
    merge.add(2, 1, told(2, 1), 0)
    // Server 1 hears of 0, which tells of nothing so late but that it heard of 2, which tells of nothing so late.
    merge.add(1, 12, told(1, 12, hears), 10)
    merge.add(0, 11, told(0, 11, { cause: { type: 'hear', sender: 2, message: learn } }), 900)
    expect(names(merge.take(1_005))).toEqual(['2 run 1'])
    merge.add(0, 13, told(0, 13, { cause: { type: 'hear', sender: 2, message: learn } }), 1_800)
    expect(names(merge.take(1_905))).toContain('1 run 12')
  })

  test('two that wait for each other are given out all the same', () => {
    const merge = new Merge(times)
    const other: NodeMessage = { type: 'learn', from: 3 }
    merge.add(0, 5, told(0, 5, { cause: { type: 'hear', sender: 1, message: other } }), 0)
    merge.add(1, 5, told(1, 5, hears), 0)
    expect(names(merge.takeAll())).toHaveLength(2)
  })
})

test.each([
  1, 2, 3, 4,
])('seed %i: in any order batches come, no message is heard before it is said', (seed) => {
  const teller = new ScheduleTeller()
  runRandomSchedule({
    seed,
    events: 400,
    settings: clusterSettings(3),
    clients: 2,
    command: () => ({ kind: 'service', body: { action: 'lock', name: 'x' } }),
    watch: (event, before, step) => teller.watch(event, before, step),
  })
  const records = recordsOf(teller.told, () => false)
  const merge = new Merge(times)
  let state = seed
  const random = () => {
    const drawn = drawRandom(state)
    state = drawn.seed
    return drawn.value
  }
  // Each comes within the time for which it is held back; those of one server in their order.
  const lastMs = new Map<number, number>()
  const arriving = records.flatMap((record, place) => {
    if (record.kind !== 'server') return []
    const atMs = Math.max(place * 10 + random() * 90, lastMs.get(record.node) ?? 0)
    lastMs.set(record.node, atMs)
    return [{ record, atMs }]
  })
  const given: InspectorRecord[] = []
  for (const { record, atMs } of arriving.toSorted((a, b) => a.atMs - b.atMs)) {
    given.push(...merge.take(atMs))
    merge.add(record.node, record.record.clock, record, atMs)
  }
  given.push(...merge.takeAll())
  expect(given).toHaveLength(arriving.length)
  const said = new Set<string>()
  for (const record of given) {
    if (record.kind !== 'server' || record.record.kind !== 'step') continue
    const { node, record: one } = record
    if (one.cause.type === 'hear') {
      expect(said).toContain(`${one.cause.sender} ${node} ${JSON.stringify(one.cause.message)}`)
    }
    for (const fact of one.facts) {
      if (fact.type === 'said') said.add(`${node} ${fact.to} ${JSON.stringify(fact.message)}`)
    }
  }
})
