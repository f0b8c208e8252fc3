import { expect, test } from 'vitest'
import { Store } from '../../inspector/model/store.ts'
import { invariantNumbers } from '../../src/core/invariants.ts'
import { emptyPicture, pictureAfter, serverIn } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'
import type { Plant } from '../../src/stepped/settings.ts'
import { mutations } from '../mutations/all.ts'
import { digestOf } from './run-digest.ts'

function recordedRun(seed: number, plant?: Parameters<typeof runWithCodec>[1]) {
  const records: InspectorRecord[] = []
  const plan = drawPlan(seed)
  const report = runWithCodec(plan, { ...plant, recorded: (record) => records.push(record) })
  return { plan, records, report }
}

test('a run that is recorded is the run that it is without', () => {
  const { plan, report } = recordedRun(10)
  expect(report).toEqual(runWithCodec(plan))
  expect(digestOf(plan, { recorded: () => undefined })).toBe(digestOf(plan))
})

test('the records are whole: every step follows from the one before, and what was said is what was heard or lost', () => {
  const { plan, records, report } = recordedRun(10)
  expect(report.failure).toBeNull()
  const [first] = records
  expect(first?.kind).toBe('cluster')
  const picture = records.reduce(pictureAfter, emptyPicture)
  const said = new Map<string, number>()
  const executed: string[] = []
  let heard = 0
  let clock = 0
  for (const record of records) {
    if (record.kind !== 'server') continue
    expect(record.record.clock).toBeGreaterThanOrEqual(clock)
    clock = record.record.clock
    if (record.record.kind !== 'step') continue
    for (const fact of record.record.facts) {
      if (fact.type === 'executed') executed.push(`${record.run} executes ${fact.instance}`)
      if (fact.type !== 'said') continue
      const name = JSON.stringify([fact.node, fact.to, fact.message])
      said.set(name, (said.get(name) ?? 0) + 1)
    }
    const { cause } = record.record
    if (cause.type !== 'hear') continue
    heard += 1
    expect(said.has(JSON.stringify([cause.sender, record.node, cause.message]))).toBe(true)
  }
  expect(heard).toBeGreaterThan(50)
  // A run executes each instance once, so no fact is told twice.
  expect(executed.length).toBeGreaterThan(50)
  expect(new Set(executed).size).toBe(executed.length)
  const fates = records.flatMap((record) =>
    record.kind === 'server' && record.record.kind === 'fate' ? [record.record.fate] : [],
  )
  expect(fates).toContain('dropped')
  // At the end of a run everything has come to rest, and each server that counts has executed everything.
  for (const server of picture.servers) expect(['up', 'gone', 'silent']).toContain(server.state)
  const up = picture.servers.filter(({ state }) => state === 'up')
  expect(up.length).toBeGreaterThan(1)
  for (const { roles } of up) expect(roles?.acceptor.state).toBe('listening')
  // A run that is over is judged by all invariants of the protocol and of the service that it replicates.
  const held = picture.invariants.flatMap(({ invariant, standing }) =>
    standing === 'holds' ? [invariant] : [],
  )
  expect(held).toEqual(report.judged)
  expect(report.judged).toEqual(
    plan.service === 'lock' ? invariantNumbers : invariantNumbers.filter((n) => n !== 10),
  )
})

test('clients move too: what each said a server heard, or it was lost', () => {
  const { records } = recordedRun(10)
  const clients = records.flatMap((record) => (record.kind === 'client' ? [record] : []))
  expect(new Set(clients.map(({ client }) => client)).size).toBeGreaterThan(2)
  const states = new Set(clients.map(({ machine }) => machine.state))
  for (const state of ['asking', 'idle']) expect(states, state).toContain(state)
  const messages = new Set<string>()
  let heard = 0
  for (const record of records) {
    if (record.kind === 'client') {
      for (const { to, message } of record.said) messages.add(JSON.stringify([to, message]))
      if (record.heard !== null) heard += 1
    }
    if (record.kind !== 'server' || record.record.kind !== 'step') continue
    const { cause } = record.record
    // The machines that ask for reads are not recorded.
    if (cause.type === 'request' && cause.message.type === 'request')
      expect(messages).toContain(JSON.stringify([record.node, cause.message]))
  }
  expect(heard).toBeGreaterThan(20)
})

test('links that are cut are told, and that they are whole again', () => {
  const { records } = recordedRun(10)
  const cuts = records.flatMap((record) => (record.kind === 'links' ? [record.cut] : []))
  expect(cuts.length).toBeGreaterThan(1)
  expect(cuts[0]).not.toEqual([])
  expect(cuts.at(-1)).toEqual([])
})

test('what fails and is no invariant is the end of the recording too', () => {
  const failing: Plant = (settings) => ({
    ...settings,
    replicas: {
      ...settings.replicas,
      initial: () =>
        Object.assign(settings.replicas.initial(), {
          execute: () => {
            throw new Error('the service is at its end')
          },
        }),
    },
  })
  const { records, report } = recordedRun(5, { plant: failing })
  expect(report.failure?.broke).toBe('assertion')
  expect(records.at(-1)).toMatchObject({ kind: 'verdict', failure: report.failure?.message })
  const store = new Store({ kind: 'recording', name: 'it' }, (run) => run())
  store.add(records)
  expect(store.view.breaches).toEqual([
    { invariant: null, text: report.failure?.message, verdict: records.length - 1 },
  ])
})

test('what breaks an invariant is the end of the recording', () => {
  const fault = mutations.find(({ name }) => name === 'answers before it is executed')
  if (fault === undefined) throw new Error('there is no such fault')
  for (let seed = 1; seed < 40; seed += 1) {
    const { records, report } = recordedRun(seed, { plant: fault.plant })
    if (report.failure === null || typeof report.failure.broke !== 'number') continue
    const last = records.at(-1)
    const broken =
      last?.kind === 'verdict' ? last.invariants.find(({ standing }) => standing === 'broken') : undefined
    expect(broken).toMatchObject({ invariant: report.failure.broke, text: report.failure.message })
    const before = records.at(-2)
    expect(before?.kind).toBe('server')
    const node = before?.kind === 'server' ? before.node : -1
    expect(serverIn(records.reduce(pictureAfter, emptyPicture), node)?.state).toBe('up')
    return
  }
  throw new Error('no seed below 40 shows the fault')
})
