/** Messages, matched: what was said with what was heard, as far as the records tell. */
import { describe, expect, test } from 'vitest'
import { messageKey } from '../../inspector/model/lane-messages.ts'
import { type Arrow, LaneModel, longestSilenceMs, longUnreceived } from '../../inspector/model/lanes.ts'
import { Timeline } from '../../inspector/model/timeline.ts'
import type { Accept, Accepted, NodeMessage, RequestMessage } from '../../machines/messages.ts'
import type { Fact } from '../../src/core/facts.ts'
import type { Cause, FateRecord, InspectorRecord, StepRecord } from '../../src/inspect/records/record.ts'
import { process } from './build.ts'
import { type Recording, randomRecording, scenarioFiles, scenarioRecording } from './schedule-records.ts'

const ballot = { round: 1, node: 0 }
const accept: Accept = { type: 'accept', ballot, instance: 4, batch: { node: 0, elapsedMs: 0, groups: [] } }
const accepted: Accepted = { type: 'accepted', ballot, instance: 4 }
const request: RequestMessage = {
  type: 'request',
  uid: 'abc@7',
  ackedBelow: 1,
  requests: [{ seq: 1, command: { kind: 'service', body: null } }],
}

let clock = 0

function step(node: number, cause: Cause, facts: readonly Fact[] = [], timeMs = clock): InspectorRecord {
  clock += 1
  const record: StepRecord = { kind: 'step', clock, timeMs, cause, moves: [], facts, writes: 0, roles: {} }
  return { kind: 'server', node, incarnation: 'i', run: 'r', record }
}

const tick: Cause = { type: 'timer', role: 'proposer', id: 't' }
const hear = (sender: number, message: NodeMessage): Cause => ({ type: 'hear', sender, message })
const said = (node: number, to: number, message: NodeMessage): Fact => ({ type: 'said', node, to, message })

function fate(
  node: number,
  told: Pick<FateRecord, 'from' | 'to' | 'message' | 'fate'>,
  at = clock,
): InspectorRecord {
  const record: FateRecord = { kind: 'fate', clock: at, timeMs: at, reason: 'a rule', ...told }
  return { kind: 'server', node, incarnation: 'i', run: 'r', record }
}

const lose = (from: number, to: number, message: NodeMessage, at = clock) =>
  fate(from, { from, to, message, fate: 'dropped' }, at)

const gone = (node: number) => process('gone', null, node)
const silent = (node: number) => process('silent', 'it tells nothing', node)

function modelOf(...records: readonly InspectorRecord[]): LaneModel {
  const model = new LaneModel()
  for (const record of records) model.add(record)
  return model
}

function allArrows(model: LaneModel): readonly Arrow[] {
  return model.window(model.first, model.end).arrows
}

/** `0>1 accept received 0-1`: who, what, what became of it, from which record to which. */
function shown(model: LaneModel): readonly string[] {
  return allArrows(model)
    .map((arrow) => {
      const { from, to, message, sentAt, receivedAt, isCopy } = arrow
      const copy = isCopy ? ' copy' : ''
      return `${from}>${to} ${message.type} ${model.stateOf(arrow)} ${sentAt ?? '?'}-${receivedAt ?? '?'}${copy}`
    })
    .sort()
}

describe('a message', () => {
  test('is an arrow from where it was said to where it was heard', () => {
    const model = modelOf(
      step(0, tick, [said(0, 1, accept), said(0, 2, accept)]),
      step(2, hear(0, accept)),
      step(1, hear(0, accept), [said(1, 0, accepted)]),
    )
    expect(shown(model)).toEqual([
      '0>1 accept received 0-2',
      '0>2 accept received 0-1',
      '1>0 accepted flying 2-?',
    ])
  })

  test('of two copies that were said, the older is heard first', () => {
    const send = () => step(0, tick, [said(0, 1, accept)])
    const model = modelOf(send(), send(), step(1, hear(0, accept)))
    expect(shown(model)).toEqual(['0>1 accept flying 1-?', '0>1 accept received 0-2'])
  })

  test('heard twice and said once is drawn from the same origin', () => {
    const model = modelOf(
      step(0, tick, [said(0, 1, accept)]),
      step(1, hear(0, accept)),
      step(1, hear(0, accept)),
    )
    expect(shown(model)).toEqual(['0>1 accept received 0-1', '0>1 accept received 0-2 copy'])
  })

  test('that nobody told of having said comes from nowhere', () => {
    expect(shown(modelOf(step(1, hear(0, accept))))).toEqual(['0>1 accept received ?-0'])
  })

  test('to oneself is heard at once', () => {
    expect(shown(modelOf(step(0, tick, [said(0, 0, accept)])))).toEqual(['0>0 accept own 0-?'])
  })
})

describe('the fate of a message', () => {
  test('told in the event in which it was said is that of the copy said last', () => {
    const first = step(0, tick, [said(0, 1, accept)])
    const second = step(0, tick, [said(0, 1, accept)])
    const model = modelOf(first, second, lose(0, 1, accept))
    expect(shown(model)).toEqual(['0>1 accept flying 0-?', '0>1 accept lost 1-?'])
  })

  test('told later is that of the copy that is longest on its way', () => {
    const send = () => step(0, tick, [said(0, 1, accept)])
    const model = modelOf(send(), send(), lose(0, 1, accept, 1_000))
    expect(shown(model)).toEqual(['0>1 accept flying 1-?', '0>1 accept lost 0-?'])
  })

  test('may be told before the step in which it was said', () => {
    const next = clock + 1
    const model = modelOf(
      lose(0, 1, accept, next),
      step(0, tick, [said(0, 1, accept)]),
      step(0, tick, [said(0, 1, accept)]),
    )
    expect(shown(model)).toEqual(['0>1 accept flying 2-?', '0>1 accept lost 1-?'])
  })

  test('to be duplicated makes two of it', () => {
    const model = modelOf(
      step(0, tick, [said(0, 1, accept)]),
      fate(0, { from: 0, to: 1, message: accept, fate: 'duplicated' }),
      step(1, hear(0, accept)),
      lose(0, 1, accept, 1_000),
    )
    expect(shown(model)).toEqual(['0>1 accept lost 0-? copy', '0>1 accept received 0-2'])
  })

  test('of a request that no server has seen is shown too', () => {
    const lost = fate(0, { from: '127.0.0.1:9', to: 0, message: request, fate: 'dropped' })
    expect(shown(modelOf(lost))).toEqual(['abc>0 request lost ?-?'])
  })
})

describe('what is not heard', () => {
  const send = () => step(0, tick, [said(0, 1, accept)])

  test('flies, until its receiver has gone on for long', () => {
    const steps = Array.from({ length: longUnreceived - 1 }, () => step(1, tick))
    const model = modelOf(send(), ...steps)
    expect(shown(model)).toEqual(['0>1 accept flying 0-?'])
    model.add(step(1, tick))
    expect(shown(model)).toEqual(['0>1 accept unreceived 0-?'])
    model.add(step(1, hear(0, accept)))
    expect(shown(model)).toEqual([`0>1 accept received 0-${longUnreceived + 1}`])
  })

  test('is not heard of when its receiver is gone, also after it has come back', () => {
    const model = modelOf(step(1, { type: 'start' }), send(), gone(1))
    expect(shown(model)).toEqual(['0>1 accept unreceived 1-?'])
    model.add(step(1, { type: 'start' }))
    expect(shown(model)).toEqual(['0>1 accept unreceived 1-?'])
    model.add(send())
    expect(shown(model)).toEqual(['0>1 accept flying 4-?', '0>1 accept unreceived 1-?'])
  })

  test('is not known of when records of its receiver were left out', () => {
    const model = modelOf(send(), { kind: 'gap', node: 1, incarnation: 'i', run: 'r', count: 12 })
    expect(shown(model)).toEqual(['0>1 accept unknown 0-?'])
    expect(model.dot(1)).toMatchObject({ what: 'gap', leftOut: 12 })
  })

  test('is not seen at a receiver that runs and tells nothing, which is no event', () => {
    const model = modelOf(send(), silent(1))
    expect(shown(model)).toEqual(['0>1 accept unseen 0-?'])
    expect(model.dot(1)).toBeNull()
  })
})

describe('a client', () => {
  const asked: Cause = { type: 'request', message: request, replyTo: '127.0.0.1:5000' }
  const answer: Fact = {
    type: 'responded',
    node: 0,
    to: '127.0.0.1:5000',
    message: { type: 'queued', uid: request.uid, seqs: [1] },
  }
  const machine = { state: 'idle', context: null }

  test('that tells nothing has a lane by its session', () => {
    const model = modelOf(step(0, asked), step(0, tick, [answer]))
    expect(shown(model)).toEqual(['0>abc queued unseen 1-?', 'abc>0 request received ?-0'])
    expect(model.clients).toEqual([{ name: 'abc', firstAt: 0, lastAt: 1 }])
  })

  test('of the inspector has one lane, with any session and address', () => {
    const client = { kind: 'client', client: 'inspector', uid: request.uid, moves: [], machine } as const
    const model = modelOf(
      { ...client, timeMs: 0, heard: null, event: 'ask', said: [{ to: 0, message: request }] },
      step(0, asked, [answer]),
      {
        ...client,
        timeMs: 0,
        heard: { from: 0, message: answer.message as never },
        event: 'queued',
        said: [],
      },
    )
    expect(shown(model)).toEqual(['0>inspector queued received 1-2', 'inspector>0 request received 0-1'])
    expect(model.clients.map(({ name }) => name)).toEqual(['inspector'])
  })
})

/** Where something was heard, in a recording that leaves nothing out. */
function hearings({ records }: Recording): readonly number[] {
  return records.flatMap((record, at) => {
    if (record.kind === 'client') return record.heard === null ? [] : [at]
    if (record.kind !== 'server' || record.record.kind !== 'step') return []
    return ['hear', 'request'].includes(record.record.cause.type) ? [at] : []
  })
}

function judge(recording: Recording): void {
  const { records, state } = recording
  const model = modelOf(...records)
  const arrows = allArrows(model).filter(({ kind }) => kind !== 'own')
  const heard = arrows.filter(({ receivedAt }) => receivedAt !== null)
  expect(heard.map(({ receivedAt }) => receivedAt).sort((a, b) => a! - b!)).toEqual(hearings(recording))
  for (const arrow of arrows) {
    const { sentAt, receivedAt } = arrow
    expect(sentAt, 'each was said').not.toBeNull()
    if (receivedAt === null) continue
    expect(sentAt!).toBeLessThan(receivedAt)
    const record = records[receivedAt]!
    if (record.kind === 'client') expect(record.heard!.message).toEqual(arrow.message)
    if (record.kind === 'server' && record.record.kind === 'step') {
      expect((record.record.cause as { message?: unknown }).message).toEqual(arrow.message)
    }
  }
  const dropped = records.filter(
    (record) => record.kind === 'server' && record.record.kind === 'fate' && record.record.fate === 'dropped',
  )
  const lost = arrows.filter((arrow) => model.stateOf(arrow) === 'lost')
  expect(lost).toHaveLength(dropped.length)
  const open = arrows.filter((arrow) => arrow.receivedAt === null && model.stateOf(arrow) !== 'lost')
  const name = ({ from, to, message }: Pick<Arrow, 'from' | 'to' | 'message'>) =>
    `${from}>${to} ${messageKey(message)}`
  expect(open.map(name).sort()).toEqual(state.flying.map(name).sort())
}

describe('a recording that leaves nothing out', () => {
  test.each(scenarioFiles)('%s: all that is heard was said once, lost is what was dropped', (file) => {
    judge(scenarioRecording(file))
  })

  test('and so it is in every run', () => {
    let lost = 0
    let copies = 0
    for (let seed = 1; seed <= 12; seed += 1) {
      const recording = randomRecording(seed, 300)
      judge(recording)
      const model = modelOf(...recording.records)
      lost += allArrows(model).filter((arrow) => model.stateOf(arrow) === 'lost').length
      copies += allArrows(model).filter(({ isCopy }) => isCopy).length
    }
    expect(lost).toBeGreaterThan(50)
    expect(copies).toBeGreaterThan(10)
  })
})

describe('the lanes of a timeline', () => {
  const { records } = randomRecording(3, 400)

  test('come to the same whether the records come one by one or at once', () => {
    const timeline = new Timeline()
    const model = new LaneModel()
    for (const record of records) {
      timeline.add([record])
      model.sync(timeline)
    }
    expect(shown(model)).toEqual(shown(modelOf(...records)))
  })

  test('begin again when it was cleared, even if it has grown longer since', () => {
    const timeline = new Timeline()
    const model = new LaneModel()
    timeline.add(records.slice(0, 50))
    model.sync(timeline)
    const other = scenarioRecording('seed-scenario-5.txt').records
    timeline.clear()
    timeline.add(other)
    model.sync(timeline)
    expect(shown(model)).toEqual(shown(modelOf(...other)))
    timeline.clear()
    model.sync(timeline)
    expect(model.end).toBe(0)
    expect(model.servers).toEqual([])
  })

  test('let go what it lets go', () => {
    const kept = { first: 0 }
    const timeline = {
      get first() {
        return kept.first
      },
      end: records.length,
      record: (at: number) => records[at],
      records: (from: number, to: number) => records.slice(Math.max(from, kept.first), to),
    }
    const model = new LaneModel()
    model.sync(timeline)
    const late = (arrow: Arrow) => arrow.sentAt !== null && arrow.sentAt >= 200
    const before = allArrows(model).filter(late)
    const lifeAt = (at: number) => model.servers.map((node) => model.lifeOf(node).findLast((l) => l.at <= at))
    const livesBefore = lifeAt(200)
    kept.first = 200
    model.sync(timeline)
    expect(model.first).toBe(200)
    expect(allArrows(model).filter(late)).toEqual(before)
    expect(lifeAt(200)).toEqual(livesBefore)
    expect(model.dot(199)).toBeNull()
  })

  test('a window has the dots in it, and every arrow that begins, ends or passes there', () => {
    const model = modelOf(...records)
    const arrows = allArrows(model)
    for (let from = 0; from < model.end; from += 37) {
      const to = from + 20
      const window = model.window(from, to)
      expect(window.dots.every(({ at }) => at >= from && at < to)).toBe(true)
      const isIn = ({ sentAt, receivedAt, fateAt }: Arrow) => {
        const ends = [sentAt, receivedAt, fateAt].filter((at) => at !== null)
        return (
          ends.some((at) => at >= from && at < to) ||
          (sentAt !== null && receivedAt !== null && sentAt < from && receivedAt >= to)
        )
      }
      expect(window.arrows).toEqual(expect.arrayContaining(arrows.filter(isIn)))
      expect(new Set(window.arrows).size).toBe(window.arrows.length)
      // Of a message that was duplicated and then lost, only the later of the fates is kept.
      for (const arrow of window.arrows) if (!isIn(arrow)) expect(arrow.fate).not.toBeNull()
    }
  })

  test('take a moment each, and of a long silence only the beginning', () => {
    const model = modelOf(
      step(0, tick, [], 1_000),
      step(0, tick, [], 1_000),
      step(1, tick, [], 990),
      { kind: 'verdict', timeMs: 50_000, invariants: [] },
      step(0, tick, [], 60_000),
    )
    const places = [0, 1, 2, 4].map((at) => model.elapsedOf(at))
    expect(places[1]!).toBeGreaterThan(places[0]!)
    expect(places[2]!).toBeGreaterThan(places[1]!)
    expect(places[3]! - places[2]!).toBeCloseTo(longestSilenceMs)
    expect(model.elapsedOf(3) - places[2]!).toBeLessThan(1)
  })
})

describe('a cut', () => {
  const between = (one: number, others: readonly number[]) =>
    others.flatMap((other) => [
      { from: one, to: other },
      { from: other, to: one },
    ])
  const links = (cut: ReturnType<typeof between>): InspectorRecord => ({ kind: 'links', timeMs: 1, cut })

  test('stands at the server that it cuts off, as does its end', () => {
    const model = modelOf(step(0, tick), links(between(2, [0, 1])), links([]))
    expect(model.dot(1)).toMatchObject({ party: 2, what: 'cut' })
    expect(model.dot(2)).toMatchObject({ party: 2, what: 'healed' })
  })

  test('that is added to another one is a cut of what it adds', () => {
    const first = between(2, [0])
    const model = modelOf(links(first), links([...first, ...between(1, [0, 3])]), links(first))
    expect(model.dot(1)).toMatchObject({ party: 1, what: 'cut' })
    expect(model.dot(2)).toMatchObject({ party: 1, what: 'healed' })
  })

  test('of a live cluster are those that its rules cut in both directions', () => {
    const cluster = (...pairs: readonly (readonly [number, number])[]): InspectorRecord => ({
      kind: 'cluster',
      cluster: 'paxos',
      service: 'lock',
      founders: [],
      allowsFaults: true,
      rules: pairs.map(([from, to]) => ({
        from,
        to,
        message: 'any',
        action: 'drop',
        delayMs: 0,
        count: null,
      })),
    })
    const cut = cluster([0, 2], [2, 0], [1, 2], [2, 1], [0, 1])
    const model = modelOf(step(0, tick), cut, cut, cluster([0, 1]))
    expect(model.dot(1)).toMatchObject({ party: 2, what: 'cut' })
    expect(model.dot(1)?.timeMs).toBe(model.dot(0)?.timeMs)
    expect(model.dot(2)).toBeNull()
    expect(model.dot(3)).toMatchObject({ party: 2, what: 'healed' })
  })

  test('that changes nothing, or is between clients, has no place', () => {
    const model = modelOf(links([]), { kind: 'links', timeMs: 1, cut: [{ from: 'a', to: 'b' }] })
    expect([model.dot(0), model.dot(1)]).toEqual([null, null])
  })
})

test('what is remembered does not grow with what was', () => {
  const model = new LaneModel()
  let kept = 0
  const records: InspectorRecord[] = []
  const timeline = {
    get first() {
      return kept
    },
    get end() {
      return kept + records.length
    },
    record: (at: number) => records[at - kept],
    records: (from: number, to: number) => records.slice(Math.max(0, from - kept), Math.max(0, to - kept)),
  }
  for (let round = 0; round < 40; round += 1) {
    for (let i = 0; i < 500; i += 1) {
      const uid = `client${round * 500 + i}@0`
      const message = { ...request, uid }
      records.push(
        step(0, { type: 'request', message, replyTo: 'x' }, [said(0, 1, { ...accept, instance: i })]),
      )
    }
    if (records.length > 1_000) kept += records.splice(0, 500).length
    model.sync(timeline)
  }
  expect(model.clients.length).toBeLessThanOrEqual(1_000)
  expect(allArrows(model).length).toBeLessThanOrEqual(2_000)
})

test('records that cannot be read break nothing, and what comes after them is shown', () => {
  const whole = step(0, tick, [said(0, 1, accept)])
  const broken = [
    null,
    7,
    {},
    { kind: 'server', node: 0 },
    { kind: 'server', node: 0, record: { kind: 'step' } },
    step(0, hear(1, { type: 'accept' } as never)),
    step(0, tick, [said(0, 1, { type: 'chosen' } as never), null as never]),
    { kind: 'client', client: 'a', said: null },
  ] as unknown as InspectorRecord[]
  const model = modelOf(...broken, whole, step(1, hear(0, accept)))
  expect(model.end).toBe(broken.length + 2)
  expect(shown(model)).toEqual([`0>1 accept received ${broken.length}-${broken.length + 1}`])
})
