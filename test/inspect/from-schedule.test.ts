/** Schedules as the inspector is told of them: the page, which has nothing but the records, must come to the same cluster. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { clientMachine } from '../../machines/client.ts'
import { edgesOf } from '../../src/core/chart-edges.ts'
import { invariantNumbers } from '../../src/core/invariants.ts'
import { roleMachines, roleNames } from '../../src/core/roles.ts'
import { Violation } from '../../src/core/violation.ts'
import { machineStateOf } from '../../src/inspect/records/machine-state.ts'
import { emptyPicture, type Picture, pictureAfter, serverIn } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { verdictOf } from '../../src/inspect/records/verdict.ts'
import { foundCluster } from '../../src/schedule/apply.ts'
import { type ClusterState, clusterSettings } from '../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { judgementOf as ofSchedule } from '../../src/schedule/judge.ts'
import { possibleEvents } from '../../src/schedule/possible.ts'
import { applyRecorded, foundRecorded, type Recorded } from '../../src/schedule/records.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { judgementOf as ofRun } from '../../src/simulator/judge.ts'
import { Random } from '../../src/simulator/random.ts'
import { unsyncedWrites } from '../../src/stepped/disk.ts'
import { runTranscript } from '../../src/transcript/file.ts'

const service = lockService as Service

/** A cluster that is recorded, and the picture that its records make. */
class Watched {
  readonly recorded: Recorded
  readonly records: InspectorRecord[] = []
  state: ClusterState
  picture: Picture = emptyPicture
  #clock = 100

  constructor(recorded: Recorded) {
    this.recorded = recorded
    const { state, records } = foundRecorded(recorded)
    this.state = state
    this.#take(records)
  }

  apply(event: ClusterEvent): readonly InspectorRecord[] {
    const { state, records } = applyRecorded(this.state, event, this.recorded, this.#clock++)
    this.state = state
    this.#take(records)
    this.compare()
    return records
  }

  /** The picture shows what the cluster is. */
  compare(): void {
    for (const { id, node } of this.state.servers) {
      const shown = serverIn(this.picture, id)
      if (node.running === null) {
        expect(shown?.state, `server ${id}`).toBe('gone')
        expect(shown?.roles).toBeNull()
        continue
      }
      expect(shown?.state, `server ${id}`).toBe('up')
      expect(shown?.durable).toEqual(node.disk.durable)
      expect(shown?.members).toEqual(node.running.replica.members)
      expect(shown?.firstUnexecuted).toBe(node.running.replica.firstUnexecuted)
      expect(shown?.writes).toBe(unsyncedWrites(node.disk))
      for (const role of roleNames) {
        expect(shown?.roles?.[role], `${id} ${role}`).toEqual(machineStateOf(role, node.running.roles[role]))
      }
    }
    const shown = this.picture.clients.flatMap(({ name, sessions }) =>
      sessions.map(({ machine }) => [name, machine]),
    )
    const clients = this.state.clients.map(({ name, snapshot }) => [name, machineStateOf('client', snapshot)])
    expect(shown).toEqual(clients)
  }

  #take(records: readonly InspectorRecord[]): void {
    this.records.push(...records)
    this.picture = records.reduce(pictureAfter, this.picture)
  }
}

describe('each scenario, told to the page', () => {
  const folder = join(import.meta.dirname, '../../scenarios')
  test.each(readdirSync(folder))('%s', (file) => {
    const { run } = runTranscript(readFileSync(join(folder, file), 'utf8'))
    const watched = new Watched({ settings: run.settings, service })
    watched.compare()
    for (const event of run.events) watched.apply(event)
    expect(watched.state).toEqual(run.state)
  })
})

test('it is founded as every cluster is', () => {
  const settings = clusterSettings(3)
  const { state, facts, happenings, records } = foundRecorded({ settings, service })
  expect({ state, facts, happenings }).toEqual(foundCluster(settings))
  expect(records[0]?.kind).toBe('cluster')
})

test('the picture follows all that happens to a cluster', () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const random = new Random(seed)
    const watched = new Watched({ settings: clusterSettings(3), service })
    for (const client of ['a', 'b']) {
      const body = { action: 'lock', name: 'x' }
      watched.apply({ type: 'request', client, server: seed % 3, command: { kind: 'service', body } })
    }
    for (let i = 0; i < 120; i += 1) {
      watched.apply(random.pick(possibleEvents(watched.state)))
    }
  }
})

test('the edges of a move are edges of its machine', () => {
  const { records } = scenario('duel.txt')
  let seen = 0
  for (const record of records) {
    if (record.kind !== 'server' || record.record.kind !== 'step') continue
    for (const { role, edges, event } of record.record.moves) {
      const ids = edgesOf(roleMachines[role])
      for (const id of edges) {
        const edge = ids.find((other) => other.id === id)
        expect(edge, id).toBeDefined()
        if (edge?.trigger.kind === 'event' && edge.trigger.name !== '*') expect(edge.trigger.name).toBe(event)
        seen += 1
      }
    }
  }
  expect(seen).toBeGreaterThan(50)
  const clientEdges = edgesOf(clientMachine).map(({ id }) => id)
  const clientMoves = records.flatMap((record) => (record.kind === 'client' ? record.moves : []))
  expect(clientMoves.some(({ edges }) => edges.length > 0)).toBe(true)
  for (const { edges } of clientMoves) for (const id of edges) expect(clientEdges).toContain(id)
})

test('what is lost on its way is told, with the reason', () => {
  const watched = new Watched({ settings: clusterSettings(3), service })
  const body = { action: 'lock', name: 'x' }
  watched.apply({ type: 'request', client: 'a', server: 0, command: { kind: 'service', body } })
  const links = [{ from: 0, to: 1 }]
  watched.apply({ type: 'cut', links })
  const request = watched.state.flying[0]
  if (request === undefined) throw new Error('no request flies')
  expect(fatesOf(watched.apply({ type: 'duplicate', flight: request.id }))).toEqual([
    'duplicated a→0: the network duplicates it',
  ])
  expect(fatesOf(watched.apply({ type: 'deliver', flight: request.id }))).toEqual([
    'dropped 0→1: the link is cut',
  ])
  const prepare = watched.state.flying.find(({ to }) => to === 2)
  if (prepare === undefined) throw new Error('no prepare flies')
  watched.apply({ type: 'crash', server: 2, survived: 0 })
  expect(fatesOf(watched.apply({ type: 'deliver', flight: prepare.id }))).toEqual([
    'dropped 0→2: server 2 is down',
  ])
})

test('cuts are told, each of them once, and that they have ended', () => {
  const watched = new Watched({ settings: clusterSettings(3), service })
  const link = { from: 0, to: 1 }
  const other = { from: 1, to: 2 }
  watched.apply({ type: 'cut', links: [link] })
  const cut = watched.apply({ type: 'cut', links: [link, other] })
  expect(cut).toEqual([{ kind: 'links', timeMs: 0, cut: [link, other] }])
  expect(watched.apply({ type: 'heal' })).toEqual([{ kind: 'links', timeMs: 0, cut: [] }])
})

test('a broken invariant is the one that is told as broken', () => {
  const { invariants } = verdictOf(new Violation(3, 'it forgot'), 7, ofSchedule('lock'))
  expect(invariants.filter(({ standing }) => standing === 'broken')).toEqual([
    { invariant: 3, standing: 'broken', text: 'invariant 3 (promises): it forgot' },
  ])
  expect(
    invariants.filter(({ standing }) => standing === 'unjudged').map(({ invariant }) => invariant),
  ).toEqual([11, 12, 13, 15])
})

test.each([
  ['a schedule', ofSchedule('lock'), [11, 12, 13, 15]],
  ['a run', ofRun('lock'), [11, 12]],
  ['a whole run', ofRun('lock', true), []],
  ['a whole run of another service', ofRun('register', true), [10]],
  [
    'records from the middle on',
    { ...ofSchedule('lock'), isWholeHistory: false },
    [2, 6, 8, 10, 11, 12, 13, 15],
  ],
  ['nothing', { ...ofSchedule('lock'), evidence: [] }, invariantNumbers],
] as const)('what nobody judges in %s is told as unjudged', (_, judgement, unjudged) => {
  const { invariants } = verdictOf(null, 7, judgement)
  const numbers = invariants.flatMap(({ invariant, standing }) => (standing === 'unjudged' ? invariant : []))
  expect(numbers).toEqual(unjudged)
})

function scenario(file: string): Watched {
  const text = readFileSync(join(import.meta.dirname, '../../scenarios', file), 'utf8')
  const { run } = runTranscript(text)
  const watched = new Watched({ settings: run.settings, service })
  for (const event of run.events) watched.apply(event)
  return watched
}

function fatesOf(records: readonly InspectorRecord[]): string[] {
  return records.flatMap((record) => {
    if (record.kind !== 'server' || record.record.kind !== 'fate') return []
    const { fate, from, to, reason } = record.record
    return [`${fate} ${from}→${to}: ${reason}`]
  })
}
