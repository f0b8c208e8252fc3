import { describe, expect, test } from 'vitest'
import { drawRandom } from '../../../machines/random.ts'
import { nothingDurable } from '../../../src/core/durable.ts'
import { invariantNumbers } from '../../../src/core/invariants.ts'
import { RecordJudge } from '../../../src/inspect/hub/judge.ts'
import type { InspectorRecord, InvariantStanding } from '../../../src/inspect/records/record.ts'
import { type ClusterSettings, clusterSettings } from '../../../src/schedule/cluster.ts'
import { founders, keyframe, step } from '../../support/hub.ts'
import { runRandomSchedule } from '../../support/random-schedule.ts'
import { clusterRecord, recordsOf, ScheduleTeller, type Told } from '../../support/schedule-records.ts'

const commands = [
  { action: 'lock', name: 'x' },
  { action: 'unlock', name: 'x' },
  { action: 'lock', name: 'y' },
  { action: 'unlock', name: 'y' },
]

/** So many milliseconds lie between two records: about forty are a second, in which it has to be quiet. */
const betweenMs = 25

interface Run {
  readonly settings: ClusterSettings
  readonly told: readonly Told[]
}

/** By seed and number of events: several tests look at the same run. */
const runs = new Map<string, Run>()

function told(seed: number, events: number): Run {
  const known = runs.get(`${seed} ${events}`)
  if (known !== undefined) return known
  const settings = clusterSettings(3 + (seed % 2))
  const teller = new ScheduleTeller()
  runRandomSchedule({
    seed,
    events,
    settings,
    clients: 3,
    command: (random) => ({
      kind: 'service',
      body: commands[Math.floor(random * commands.length)] ?? null,
    }),
    watch: (event, before, step) => teller.watch(event, before, step),
  })
  const run = { settings, told: teller.told }
  runs.set(`${seed} ${events}`, run)
  return run
}

function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    const drawn = drawRandom(state)
    state = drawn.seed
    return drawn.value
  }
}

/** Stretches of records of one server each, here and there; and of some of the servers that are killed, the last ones and that they ended. */
function losses(told: readonly Told[], random: () => number, gaps: number): ReadonlySet<number> {
  const lost = new Set<number>()
  for (let gap = 0; gap < gaps; gap += 1) {
    const begin = Math.floor(random() * told.length)
    const { node } = told[begin] ?? { node: 0 }
    let left = 1 + Math.floor(random() * 12)
    for (let place = begin; place < told.length && left > 0; place += 1) {
      if (told[place]?.node !== node) continue
      if (told[place]?.kind === 'gone') break
      lost.add(place)
      left -= 1
    }
  }
  told.forEach((one, place) => {
    if (one.kind !== 'gone' || random() < 0.3) return
    lost.add(place)
    let left = Math.floor(random() * 4)
    for (let before = place - 1; before >= 0 && left > 0; before -= 1) {
      const other = told[before]
      if (other?.node !== one.node) continue
      if (other.kind === 'gone') break
      lost.add(before)
      left -= 1
    }
  })
  return lost
}

interface Judged {
  /** Verdicts, each with the place of the record that brought it. */
  readonly verdicts: readonly { readonly place: number; readonly standings: readonly InvariantStanding[] }[]
  readonly last: readonly InvariantStanding[]
}

function judge(records: readonly InspectorRecord[]): Judged {
  const judge = new RecordJudge()
  const verdicts = records.flatMap((record, place) => {
    const standings = judge.take(record, place * betweenMs)
    return standings === null ? [] : [{ place, standings }]
  })
  return { verdicts, last: judge.standings() }
}

const broken = ({ verdicts }: Judged) =>
  verdicts.flatMap(({ place, standings }) =>
    standings
      .filter(({ standing }) => standing === 'broken')
      .map(({ invariant, text }) => ({ place, invariant, text })),
  )

const holding = (standings: readonly InvariantStanding[]) =>
  standings.filter(({ standing }) => standing === 'holds').map(({ invariant }) => invariant)

const seeds = Array.from({ length: 12 }, (_, index) => index + 1)

describe('a run of which every record is there', () => {
  test.each(seeds.slice(0, 4))('seed %i is judged from its beginning to its end', (seed) => {
    const { settings, told: all } = told(seed, 700)
    const judged = judge([clusterRecord(settings), ...recordsOf(all, () => false)])
    expect(broken(judged)).toEqual([])
    expect(judged.verdicts.map(({ standings }) => holding(standings).length)).toEqual([0, 10])
    expect(holding(judged.last)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 10, 14])
  })
})

describe('a run of which records are missing', () => {
  const seen = { begunAgain: 0, lost: 0 }

  test.each(seeds)('seed %i: nothing is called broken', (seed) => {
    const { settings, told: all } = told(seed, 700)
    for (const gaps of [0, 1, 4]) {
      const random = randomOf(seed * 10 + gaps)
      const lost = losses(all, random, gaps)
      const judged = judge([clusterRecord(settings), ...recordsOf(all, (place) => lost.has(place))])
      expect(broken(judged)).toEqual([])
      for (const { standings } of judged.verdicts) {
        const text = standings.find(({ invariant }) => invariant === 1)?.text ?? ''
        if (text.startsWith('judged from instance')) seen.begunAgain += 1
        else if (!text.startsWith('judged from the first start')) seen.lost += 1
      }
    }
  })

  test.each(seeds.slice(0, 6))('seed %i, seen from the middle on', (seed) => {
    const { settings, told: all } = told(seed, 700)
    for (const part of [0.2, 0.5]) {
      const first = Math.floor(all.length * part)
      const judged = judge([clusterRecord(settings), ...recordsOf(all, (place) => place < first)])
      expect(broken(judged)).toEqual([])
    }
  })

  test('says from which instance and since when it is judged again, and calls unjudged what is not', () => {
    const { settings, told: all } = told(2, 1_500)
    const records = [clusterRecord(settings), ...recordsOf(all, (place) => place > 60 && place < 64)]
    const { verdicts } = judge(records)
    const begun = verdicts.find(({ standings }) => standings[0]?.text.startsWith('judged from instance'))
    const { place = 0, standings = [] } = begun ?? {}
    const [agreement] = standings
    expect(agreement?.since?.instance).toBeGreaterThan(0)
    const times = records
      .slice(0, place + 1)
      .flatMap((record) => (record.kind === 'server' ? [record.record.timeMs] : []))
    expect(agreement?.since?.timeMs).toBe(Math.max(...times))
    expect(holding(standings)).toEqual([1, 3, 4, 5, 7, 14])
    for (const { standing, since } of standings) expect(since === undefined).toBe(standing !== 'holds')
    const whole = judge([clusterRecord(settings), ...recordsOf(all, () => false)]).last
    expect(whole.map(({ since }) => since)).toEqual(whole.map(() => undefined))
    // None is shown as holding because nobody has thought of it.
    expect(standings.map(({ invariant }) => invariant)).toEqual(invariantNumbers)
  })

  test('it begins again, and is given up again', () => {
    expect(seen.begunAgain).toBeGreaterThan(20)
    expect(seen.lost).toBeGreaterThan(30)
  })
})

describe('a server that is killed', () => {
  const name = (run: string) => ({ kind: 'server', node: 0, incarnation: 'founder-0', run }) as const
  const cluster = clusterRecord({ ...clusterSettings(3), founders })
  const gone: InspectorRecord = { kind: 'process', node: 0, timeMs: 0, state: 'gone', reason: null }
  const begins = { ...name('first'), record: keyframe(0) }
  const at = { round: 1, node: 0 }
  const batch = { node: 0, elapsedMs: 0, groups: [] }
  const voted = { ...nothingDurable, promised: at, accepted: [{ instance: 0, ballot: at, batch }] }
  const standings = (...records: InspectorRecord[]) =>
    judge([cluster, ...records]).last.map(({ standing }) => standing)

  test('and begins with what it was known to hold is judged on', () => {
    const synced = step(2, { facts: [{ type: 'synced', node: 0, durable: { ...voted, accepted: [] } }] })
    const again = keyframe(0, { durable: { ...voted, accepted: [] } })
    const records = [begins, { ...name('first'), record: synced }, gone, { ...name('again'), record: again }]
    expect(standings(...records)).toContain('holds')
  })

  test('and begins with more than it told is not judged by it', () => {
    const again = { ...name('again'), record: keyframe(0, { durable: voted }) }
    expect(new Set(standings(begins, gone, again))).toEqual(new Set(['unjudged']))
  })

  test('and begins with less than it held has broken a promise', () => {
    const synced = step(2, { facts: [{ type: 'synced', node: 0, durable: { ...voted, accepted: [] } }] })
    const again = { ...name('again'), record: keyframe(0) }
    const judged = judge([cluster, begins, { ...name('first'), record: synced }, gone, again])
    expect(judged.last[2]).toMatchObject({ invariant: 3, standing: 'broken' })
  })
})

/** The same records, but a server executed another batch at one place than the others. */
function withFault(records: readonly InspectorRecord[], from: number, fromInstance: number) {
  const isTold = new Set<number>()
  for (const [place, record] of records.entries()) {
    if (record.kind !== 'server' || record.record.kind !== 'step') continue
    const { facts } = record.record
    const fact = facts.find((one) => one.type === 'executed')
    if (fact === undefined) continue
    const isSecond = isTold.has(fact.instance)
    isTold.add(fact.instance)
    if (place < from || fact.instance < fromInstance || !isSecond) continue
    const wrong = { ...fact, batch: { ...fact.batch, elapsedMs: fact.batch.elapsedMs + 1 } }
    const step = { ...record.record, facts: facts.map((one) => (one === fact ? wrong : one)) }
    return { place, records: records.with(place, { ...record, record: step }) }
  }
  return null
}

describe('a run in which a server executes something else', () => {
  test.each(seeds)('seed %i: the record that broke it is the last before the verdict', (seed) => {
    const { settings, told: all } = told(seed, 700)
    const records = [clusterRecord(settings), ...recordsOf(all, () => false)]
    const fault = withFault(records, 0, 0)
    expect(fault).not.toBeNull()
    expect(broken(judge(fault?.records ?? []))).toEqual([
      {
        place: fault?.place,
        invariant: 1,
        text: expect.stringContaining('that differs from the one chosen'),
      },
    ])
  })

  test('after a gap too, once the judgement has begun again', () => {
    const found = seeds.slice(0, 6).flatMap((seed) => {
      const { settings, told: all } = told(seed, 1_500)
      const records = [clusterRecord(settings), ...recordsOf(all, (place) => place > 60 && place < 64)]
      const begun = judge(records).verdicts.findLast(({ standings }) => holding(standings).length > 0)
      const [, first] = /^judged from instance (\d+)/.exec(begun?.standings[0]?.text ?? '') ?? []
      const fault = first === undefined ? null : withFault(records, begun?.place ?? 0, Number(first))
      return fault === null ? [] : [{ is: broken(judge(fault.records)), place: fault.place }]
    })
    expect(found.length).toBeGreaterThan(1)
    for (const { is, place } of found) expect(is).toMatchObject([{ place, invariant: 1 }])
  })
})
