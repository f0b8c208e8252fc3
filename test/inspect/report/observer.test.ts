/** What servers tell the inspector, beside what they record, run again: it must be the same. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type NodeId, namedRequests } from '../../../machines/batch.ts'
import type { RoleName } from '../../../machines/inbox.ts'
import { connect } from '../../../src/client/index.ts'
import { stateName } from '../../../src/core/chart-names.ts'
import { roleMachines, roleNames } from '../../../src/core/roles.ts'
import { start, watchedStep } from '../../../src/core/step.ts'
import { machineStateOf } from '../../../src/inspect/records/machine-state.ts'
import type { RoleMove, ServerRecord, StepRecord } from '../../../src/inspect/records/record.ts'
import {
  inOrder,
  type JournalEvent,
  type JournalLine,
  parseJournal,
} from '../../../src/journal/journal-lines.ts'
import { type RunningNode, startNode } from '../../../src/node/node.ts'
import { lockService } from '../../../src/services/lock.ts'
import type { Service } from '../../../src/services/service.ts'
import { applyNode } from '../../../src/stepped/apply.ts'
import { emptyDisk, unsyncedWrites } from '../../../src/stepped/disk.ts'
import { replicasOf } from '../../../src/stepped/replicas.ts'
import { usualNodeSettings } from '../../../src/stepped/settings.ts'
import type { NodeState } from '../../../src/stepped/state.ts'
import { Invariants } from '../../../src/verify/invariants.ts'
import { FakeHub } from '../../support/fake-hub.ts'
import { freePorts } from '../../support/free-ports.ts'

let directory: string
let hub: FakeHub
let lines: readonly JournalLine[]
const nodes: RunningNode[] = []

const isStep = (record: ServerRecord): record is StepRecord => record.kind === 'step'

function stepsOf(id: NodeId): StepRecord[] {
  return hub.recordsOf(id).filter(isStep)
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-observer-'))
  hub = await FakeHub.start()
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const started = members.map(({ id, address }) =>
    startNode({
      id,
      listen: address,
      dataDir: null,
      bootstrap: { members },
      journal: join(directory, `${id}.ndjson`),
      inspect: hub.address,
    }),
  )
  nodes.push(...(await Promise.all(started)))
  const servers = members.map(({ address }) => address)
  const [client, other] = [connect({ servers }), connect({ servers })]
  const first = await client.locks.acquire('a')
  const second = other.locks.acquire('a')
  await hub.once(() => stepsOf(0).some(({ roles }) => roles.requestQueue?.state === 'delayed'))
  await first.release()
  await (await second).release()
  await Promise.all([client.close(), other.close()])
  await Promise.all(nodes.map((node) => node.stop()))
  await hub.once(() => hub.told.every(({ isOpen }) => !isOpen))
  const texts = [0, 1, 2].map((id) => readFile(join(directory, `${id}.ndjson`), 'utf8'))
  lines = inOrder((await Promise.all(texts)).flatMap(parseJournal))
})

afterAll(async () => {
  await hub.close()
  await rm(directory, { recursive: true })
})

const isEvent = (line: JournalLine): line is JournalEvent => 'event' in line

/** The event of `line`, as the inspector is to be told of it. */
function again(state: NodeState, { event, nowMs }: JournalEvent, settings: Settings) {
  const moves: RoleMove[] = []
  const roleOf = new Map(roleNames.map((role) => [roleMachines[role], role]))
  const step = applyNode(
    state,
    event,
    {
      ...settings,
      stepper: {
        start,
        step: (machine, snapshot, told) => {
          const watched = watchedStep<never>(machine, snapshot, told)
          const role = roleOf.get(machine) as RoleName
          for (const { event, edges, snapshot } of watched.microsteps) {
            moves.push({ role, event, edges, state: stateName(snapshot.value) })
          }
          return watched
        },
      },
    },
    nowMs,
  )
  const roles = Object.fromEntries(
    roleNames.flatMap((role) => {
      const snapshot = step.state.running!.roles[role]
      const before = state.running?.roles[role]
      const hasChanged = snapshot.context !== before?.context || snapshot.value !== before?.value
      return hasChanged ? [[role, machineStateOf(role, snapshot)]] : []
    }),
  )
  return {
    state: step.state,
    told: { moves, facts: step.facts, writes: unsyncedWrites(step.state.disk), roles },
  }
}

type Settings = Parameters<typeof applyNode>[2]

test('every event is told of, with the transitions, facts and roles that it comes to when it is run again', () => {
  for (const id of [0, 1, 2]) {
    const [first, ...events] = lines.filter(({ node }) => node === id)
    if (first === undefined || !('run' in first)) throw new Error('a recording begins with the run')
    const { founders, incarnation, timing, limits, durable, chosen } = first.run
    const settings: Settings = {
      ...usualNodeSettings,
      self: id,
      incarnation,
      timing,
      limits,
      replicas: replicasOf({ service: lockService as Service, members: founders }),
      digestEvery: 0,
      pageBatches: null,
    }
    let state: NodeState = { disk: { ...emptyDisk, durable, chosen }, running: null }
    const steps = stepsOf(id)
    expect(steps.map(({ clock }) => clock)).toEqual(events.map(({ clock }) => clock))
    events.filter(isEvent).forEach((line, place) => {
      const { state: after, told } = again(state, line, settings)
      state = after
      const { moves, facts, writes, roles } = steps[place]!
      expect({ moves, facts, writes, roles }).toEqual(JSON.parse(JSON.stringify(told)))
    })
  }
})

test('a server tells first where it stands, and last that it ended; nothing is left out', () => {
  for (const { hello, records, gaps } of hub.told) {
    expect(records[0]).toMatchObject({
      kind: 'keyframe',
      address: hello.address,
      members: hello.founders,
      durable: { promised: null, accepted: [], firstUnchosen: 0 },
      firstUnexecuted: 0,
      roles: {
        acceptor: { state: 'listening' },
        proposer: { state: 'idle' },
        requestQueue: { state: 'empty' },
      },
    })
    expect(records.filter(({ kind }) => kind === 'keyframe')).toHaveLength(1)
    expect(records.at(-1)).toMatchObject({ kind: 'ended', reason: null })
    expect(gaps).toEqual([])
  }
  expect(nodes.map((node) => node.status())).toEqual(
    [0, 1, 2].map((id) =>
      expect.objectContaining({
        inspector: { isConnected: false, sent: hub.recordsOf(id).length, leftOut: 0, waiting: 0 },
      }),
    ),
  )
})

/** Those of `expected` that are in `found`, in the order in which they are there first: a busy machine asks twice. */
function inOrderOf(expected: readonly string[], found: readonly string[]): string[] {
  return [...new Set(found)].filter((item) => expected.includes(item))
}

test('the first lock takes the transitions of the normal case, at the proposer and at another acceptor', () => {
  const [leader = [], other = []] = [0, 1].map((id) => stepsOf(id).flatMap((step) => step.moves))
  const states = ['preparing', 'adopting', 'leading', 'accepting.proposing']
  const proposer = leader.filter(({ role }) => role === 'proposer')
  expect(
    inOrderOf(
      states,
      proposer.map(({ state }) => state),
    ),
  ).toEqual(states)
  const edges = [
    'acceptor on prepare[6]',
    'acceptor.listening always[0]',
    'acceptor.persisting on persisted[1]',
    'acceptor on accept[9]',
  ]
  const acceptor = other.filter(({ role }) => role === 'acceptor')
  expect(
    inOrderOf(
      edges,
      acceptor.flatMap((move) => move.edges),
    ),
  ).toEqual(edges)
})

test('the facts of all servers, in order of clock, break no invariant', () => {
  const { hello } = hub.told[0]!
  const invariants = Invariants.begin({ founders: hello.founders, service: hello.service })
  const steps = [0, 1, 2].flatMap((id) => stepsOf(id).map((step) => ({ id, ...step })))
  let executions = 0
  for (const { cause, facts } of steps.toSorted((a, b) => a.clock - b.clock || a.id - b.id)) {
    if (cause.type === 'request' && cause.message.type === 'request') {
      for (const request of namedRequests(cause.message)) invariants.observe({ type: 'requested', request })
    }
    for (const fact of facts) {
      invariants.observe(fact)
      if (fact.type === 'executed') executions += 1
    }
  }
  expect(executions).toBeGreaterThan(0)
})
