import { describe, expect, test } from 'vitest'
import { drawRandom } from '../../../machines/random.ts'
import { Thinner } from '../../../src/inspect/hub/thinner.ts'
import { emptyPicture, type Picture, pictureAfter } from '../../../src/inspect/records/picture.ts'
import type { InspectorRecord, StepRecord } from '../../../src/inspect/records/record.ts'
import { founders, keyframe, step } from '../../support/hub.ts'
import { randomRecords } from '../../support/records.ts'

const of = (node: number, record: StepRecord | ReturnType<typeof keyframe>): InspectorRecord => ({
  kind: 'server',
  node,
  incarnation: `founder-${node}`,
  run: `r${node}`,
  record,
})

const begun: readonly InspectorRecord[] = [
  { kind: 'cluster', cluster: 'c', service: 'lock', founders, allowsFaults: false },
  ...[0, 1, 2].map((node) => of(node, keyframe(node))),
]

const machine = (state: string) => ({ state, context: {} })

/** A client that waits asks again: server 0 asks another whether there is news, and answers that there is none. */
function round(clock: number, timeMs: number, peer: number): readonly InspectorRecord[] {
  const at = { clock, timeMs }
  const learn = { type: 'learn', from: 3 } as const
  const request = {
    type: 'request',
    uid: 'a@1',
    ackedBelow: 1,
    requests: [{ seq: 1, command: { kind: 'service', body: 1 } }],
  } as const
  return [
    of(
      0,
      step(clock, {
        ...at,
        cause: { type: 'request', message: request, replyTo: '127.0.0.1:9' },
        facts: [{ type: 'said', node: 0, to: peer, message: learn }],
        roles: { learner: machine('inquiring') },
      }),
    ),
    of(peer, step(clock, { ...at, cause: { type: 'hear', sender: 0, message: learn } })),
    of(
      0,
      step(clock, {
        ...at,
        cause: { type: 'tell', role: 'learner', event: 'none' },
        facts: [
          {
            type: 'responded',
            node: 0,
            to: '127.0.0.1:9',
            message: { type: 'queued', uid: 'a@1', seqs: [1] },
          },
        ],
        roles: { learner: machine('following') },
      }),
    ),
  ]
}

const folded = (records: readonly InspectorRecord[]) => records.reduce(pictureAfter, emptyPicture)
const stands = ({ servers, ledger }: Picture) => ({ ledger, roles: servers.map(({ roles }) => roles) })

describe('a client that waits on an idle cluster', () => {
  test('costs a few records a minute, after its first rounds were shown', () => {
    const thinner = new Thinner()
    const kept = begun.flatMap((record) => thinner.take(record, 0))
    for (let second = 1; second <= 600; second += 1) {
      const records = round(second, second * 1_000, 1 + (second % 2))
      kept.push(...records.flatMap((record) => thinner.take(record, second * 1_000)))
      kept.push(...thinner.tick(second * 1_000 + 500))
    }
    expect(kept.length).toBeLessThan(250)
    const steps = kept.filter((record) => record.kind === 'server' && record.record.kind === 'step').length
    const leftOut = kept.reduce((sum, record) => sum + (record.kind === 'repeats' ? record.count : 0), 0)
    expect(steps + leftOut).toBeGreaterThan(1_800 - 50)
    expect(stands(folded(kept)).roles[0]?.learner.state).toBe('following')
  })

  test('the records that come then find what was left out reported, and everything in its order', () => {
    const thinner = new Thinner()
    const kept = begun.flatMap((record) => thinner.take(record, 0))
    const give = (records: readonly InspectorRecord[], nowMs: number) =>
      kept.push(...records.flatMap((record) => thinner.take(record, nowMs)))
    for (let turn = 1; turn <= 40; turn += 1) give(round(turn, turn * 1_000, 1), turn * 1_000)
    const half = round(41, 41_000, 1).slice(0, 2)
    give(half, 41_000)
    const gone: InspectorRecord = {
      kind: 'process',
      node: 2,
      timeMs: 41_050,
      state: 'gone',
      reason: 'killed',
    }
    give([gone], 41_050)
    expect(kept.slice(-4)).toEqual([
      { kind: 'repeats', count: expect.any(Number), sinceMs: expect.any(Number), timeMs: 40_000 },
      ...half,
      gone,
    ])
    expect(folded(kept).servers[0]?.roles?.learner.state).toBe('inquiring')
  })

  test('a round of which one step is new is kept whole: what was said in it is heard in it', () => {
    const thinner = new Thinner()
    for (let turn = 1; turn <= 40; turn += 1) {
      for (const record of round(turn, turn * 1_000, 1)) thinner.take(record, turn * 1_000)
    }
    const [asks, hears, answers] = round(41, 41_000, 1)
    const other = of(
      2,
      step(41, { timeMs: 41_000, cause: { type: 'tell', role: 'learner', event: 'other' } }),
    )
    const records = [asks!, hears!, other, answers!]
    expect(records.flatMap((record) => thinner.take(record, 41_000)).slice(-4)).toEqual(records)
  })

  test('a round that ends elsewhere is shown', () => {
    const thinner = new Thinner()
    for (let turn = 1; turn <= 40; turn += 1) {
      for (const record of round(turn, turn * 1_000, 1)) thinner.take(record, turn * 1_000)
    }
    const half = round(41, 41_000, 1).slice(0, 2)
    expect(half.flatMap((record) => thinner.take(record, 41_000))).toEqual([])
    expect(thinner.tick(41_050)).toEqual([])
    expect(thinner.tick(41_350).slice(-2)).toEqual(half)
  })
})

test.each([
  1, 2, 3,
])('chance %i: what is kept leads to where all stand, at every record that is kept', (seed) => {
  const records = randomRecords({ seed, events: 400, servers: 3 })
  let random = seed
  const thinner = new Thinner()
  let whole = emptyPicture
  let thinned = emptyPicture
  let count = 0
  const give = (record: InspectorRecord, nowMs: number) => {
    whole = pictureAfter(whole, record)
    const kept = thinner.take(record, nowMs)
    for (const one of kept) thinned = pictureAfter(thinned, one)
    count += kept.length
    // What is held back is a round, and it is still to come.
    if (kept.includes(record)) expect(stands(thinned)).toEqual(stands(whole))
  }
  let nowMs = 0
  for (const record of records) {
    nowMs += 10
    give(record, nowMs)
    const drawn = drawRandom(random)
    random = drawn.seed
    // Now and then a server repeats what it did last, as often as it likes.
    if (drawn.value > 0.05 || record.kind !== 'server' || record.record.kind !== 'step') continue
    for (let times = 0; times < 40; times += 1) {
      nowMs += 10
      give(record, nowMs)
    }
  }
  expect(count).toBeGreaterThan(records.length / 2)
})

test('steps that swell are not held back for long, though they repeat', () => {
  const thinner = new Thinner()
  const acceptor = { state: 'listening', context: Array.from({ length: 20_000 }, () => ({})) }
  for (const record of begun) thinner.take(record, 0)
  let kept = 0
  for (let clock = 1; clock <= 60; clock += 1) {
    const record = of(0, step(clock, { timeMs: clock, roles: { acceptor: structuredClone(acceptor) } }))
    kept += thinner.take(record, clock).length
    // 1.3 MB each.
    expect(clock - kept).toBeLessThan(16)
  }
})
