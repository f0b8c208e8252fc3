/** What the charts tell of steps that were really taken: where from, where to, and which guards were asked. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Chart, ChartName } from '../../inspector/charts/drawing.ts'
import { explained, explainedText, idOf } from '../../inspector/charts/explain.ts'
import { layOutCharts } from '../../inspector/charts/layout.ts'
import { litStep, stepOf } from '../../inspector/charts/lit.ts'
import { clientTokens, placedTokens, roleTokens, type Token } from '../../inspector/charts/tokens.ts'
import type { NodeId } from '../../machines/batch.ts'
import { roleNames } from '../../src/core/roles.ts'
import { emptyPicture, type Picture, pictureAfter, serverIn } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { applyRecorded, foundRecorded } from '../../src/schedule/records.ts'
import { knownServices } from '../../src/services/known.ts'
import type { Service } from '../../src/services/service.ts'
import { runTranscript } from '../../src/transcript/file.ts'

const charts = await layOutCharts()
const folder = join(import.meta.dirname, '../../scenarios')
const scenarios = readdirSync(folder).map((file) => ({ file, records: recordsOf(file) }))

describe.each(scenarios)('$file', ({ records }) => {
  test('where a role was before a transition is what the picture shows', () => {
    let picture = emptyPicture
    let told = 0
    for (const record of records) {
      const stands = roleStatesOf(picture, record)
      for (const { chart, move, key } of movesOf(record)) {
        const { from, to, isIgnored } = explained(chart, move)
        const before = stands.get(key)
        expect(to).toBe(move.state)
        if (before !== undefined && from !== null) {
          expect(from, JSON.stringify(move)).toBe(before)
          told += 1
        }
        if (isIgnored) expect(to).toBe(before ?? to)
        stands.set(key, move.state)
      }
      picture = pictureAfter(picture, record)
    }
    expect(told).toBeGreaterThan(20)
  })

  test('of the guards of a transition that was taken, the last one held', () => {
    for (const { chart, move } of records.flatMap(movesOf)) {
      const { tried, isIgnored } = explained(chart, move)
      for (const list of tried) {
        for (const { holds } of list.slice(0, -1)) expect(holds).toBe(false)
        if (list.length > 0)
          expect(list.at(-1)?.holds, explainedText(explained(chart, move))).toBe(!isIgnored)
      }
    }
  })

  test('a token stands in the box of the state that its server is in, and tokens do not cover each other', () => {
    let picture = emptyPicture
    for (const record of records) {
      picture = pictureAfter(picture, record)
      for (const chart of charts) {
        const tokens = chart.name === 'client' ? clientTokens(picture) : roleTokens(picture, chart.name)
        const drawing = chart.wide
        const placed = placedTokens(tokens, drawing, (name) => idOf(chart, name))
        if (chart.name !== 'client') expect(placed.length).toBe(tokens.length)
        for (const { state, x, y, width, height } of placed) {
          const box = drawing.boxes.find(({ id }) => id === idOf(chart, state))
          expect(box, `${chart.name} ${state}`).toBeDefined()
          if (box === undefined) continue
          expect(x).toBeGreaterThanOrEqual(box.x)
          expect(x + width).toBeLessThanOrEqual(box.x + box.width)
          expect(y + height).toBeLessThanOrEqual(box.y + box.height)
        }
      }
    }
  })
})

test('an accept that is accepted: all that could have stood in its way is told', () => {
  const { records } = scenarios.find(({ file }) => file === 'normal-case.txt') ?? { records: [] }
  const texts = records.flatMap((record) => {
    const step = stepOf(record)
    return step === null ? [] : litStep(step, charts).moves.map(({ chart, text }) => `${chart}: ${text}`)
  })
  expect(texts).toContain(
    'acceptor: accept → persisting (isSettled ✗, instanceIsTooFar ✗, mayNotVote ✗, senderIsNotCounted ✗, roundIsTooFar ✗, instanceIsBeyondWindow ✗, promisedMore ✗, isAccepted ✗, isAnotherBatch ✗, else ✓; somethingIsUnsaved ✓)',
  )
  expect(texts).toContain('client: request.submitted → asking')
})

test('what is heard in vain is told with what did not hold, also in the states around', () => {
  const chart = chartOf('proposer')
  const move = { event: 'denial', edges: [], state: 'accepting.helping' }
  expect(explainedText(explained(chart, move))).toBe(
    'denial: ignored in accepting.helping (senderIsNotCounted ✗, isForAnotherBallot ✗, roundIsTooFar ✗, promisedMore ✗, knowsMore ✗)',
  )
  const timer = { event: 'xstate.after.backoff.proposer.backingOff', edges: [], state: 'idle' }
  expect(explainedText(explained(chart, timer))).toBe('after backoff: ignored in idle')
})

test('a state is asked before the machine', () => {
  const move = { event: 'rival.promised', edges: ['proposer on rival.promised[0]'], state: 'leading' }
  expect(explainedText(explained(chartOf('proposer'), move))).toBe(
    'rival.promised: stays leading (isSurpassed ✗, else ✓)',
  )
})

test('edges that the charts do not know are no reason to fail', () => {
  const move = { event: 'accept', edges: ['acceptor on accept[77]'], state: 'somewhere' }
  expect(explained(chartOf('acceptor'), move)).toMatchObject({ to: 'somewhere', tried: [] })
})

test('a step lights the edges of each machine of its server', () => {
  const record = scenarios.flatMap(({ records }) => records).find((one) => movesOf(one).length > 2)
  const step = stepOf(record)
  if (step === null || step.party !== 'server') throw new Error('no step of a server has three moves')
  const { byChart, server } = litStep(step, charts)
  expect(server).toBe(step.node)
  for (const { role, edges } of step.moves) {
    for (const edge of edges) expect(byChart.get(role)?.edges.has(edge)).toBe(true)
  }
})

describe('tokens without room', () => {
  const chart = chartOf('client')
  const token = (key: string, server: NodeId | null): Token => ({
    key,
    label: key,
    server,
    isPaused: false,
    state: 'idle',
  })
  const place = (tokens: readonly Token[]) => placedTokens(tokens, chart.wide, (name) => idOf(chart, name))

  test('names of requests never overlap; those that are left out are counted', () => {
    const placed = place(['a#1', 'b#1', 'c#1', 'd#1', 'e#1', 'f#1'].map((key) => token(key, null)))
    const [last] = placed.slice(-1)
    const shown = placed.length - 1
    expect(last?.label).toBe(`+${6 - shown}`)
    expect(shown).toBeGreaterThanOrEqual(2)
    for (const [index, { x }] of placed.slice(1).entries()) {
      const before = placed[index]
      expect(x).toBeGreaterThanOrEqual((before?.x ?? 0) + (before?.width ?? 0))
    }
  })

  test('servers lie like cards, and their numbers can still be read', () => {
    const five = place(['0', '1', '2', '3', '4'].map((key) => token(key, Number(key))))
    expect(five.map(({ key }) => key)).toEqual(['0', '1', '2', '3', '4'])
    const many = place(Array.from({ length: 12 }, (_, key) => token(String(key), key)))
    expect(many.at(-1)?.label).toMatch(/^\+\d+$/)
    for (const placed of [five, many]) {
      for (const [index, { x }] of placed.slice(1).entries()) {
        expect(x - (placed[index]?.x ?? 0)).toBeGreaterThanOrEqual(11)
      }
    }
  })
})

function chartOf(name: ChartName): Chart {
  const chart = charts.find((other) => other.name === name)
  if (chart === undefined) throw new Error(`no chart of ${name}`)
  return chart
}

function recordsOf(file: string): readonly InspectorRecord[] {
  const text = readFileSync(join(folder, file), 'utf8')
  const { run } = runTranscript(text)
  const service = (knownServices as Readonly<Record<string, Service>>)[
    /^servers \d+ kv/m.test(text) ? 'kv' : 'lock'
  ]
  if (service === undefined) throw new Error('a service is not known')
  const recorded = { settings: run.settings, service }
  let { state, records } = foundRecorded(recorded)
  let now = 100
  for (const event of run.events) {
    const step = applyRecorded(state, event, recorded, now++)
    state = step.state
    records = [...records, ...step.records]
  }
  return records
}

function movesOf(record: InspectorRecord) {
  const step = stepOf(record)
  if (step === null) return []
  return step.party === 'server'
    ? step.moves.map((move) => ({ chart: chartOf(move.role), move, key: move.role as string }))
    : step.record.moves.map((move) => ({ chart: chartOf('client'), move, key: 'client' }))
}

/** The states before a record, of the machine that the record is about. */
function roleStatesOf(picture: Picture, record: InspectorRecord): Map<string, string> {
  const stands = new Map<string, string>()
  if (record.kind === 'server') {
    const roles = serverIn(picture, record.node)?.roles
    if (roles) for (const role of roleNames) stands.set(role, roles[role].state)
  }
  if (record.kind === 'client') {
    const client = picture.clients.find(({ name }) => name === record.client)
    const session = client?.sessions.find(({ uid }) => uid === record.uid)
    if (session !== undefined) stands.set('client', session.machine.state)
  }
  return stands
}
