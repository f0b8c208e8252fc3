/** The pure node: what it is after an event, that a state may be gone on from again and again, and what a crash leaves. */
import { expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { foundingIncarnation } from '../../machines/members.ts'
import { defaultTiming } from '../../machines/timing.ts'
import type { NodeEvent } from '../../src/core/node-event.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { applyNode } from '../../src/stepped/apply.ts'
import { unsyncedWrites } from '../../src/stepped/disk.ts'
import { replicasOf } from '../../src/stepped/replicas.ts'
import { type NodeSettings, usualNodeSettings } from '../../src/stepped/settings.ts'
import { type NodeState, type NodeStep, neverStarted } from '../../src/stepped/state.ts'
import { ballot, batch, members } from '../support/role.ts'

function settingsOf(self: NodeId, servers: number): NodeSettings {
  return {
    ...usualNodeSettings,
    self,
    incarnation: foundingIncarnation(self),
    timing: defaultTiming,
    limits: defaultLimits,
    replicas: replicasOf({
      service: lockService as Service,
      members: members(servers),
      sessions: ['client@0'],
    }),
  }
}

/** The steps that `events` make, one after the other, from a node that is running. */
function run(settings: NodeSettings, ...events: readonly NodeEvent[]): readonly NodeStep[] {
  let { state } = applyNode(neverStarted, start, settings, 0)
  return events.map((event) => {
    const step = applyNode(state, event, settings, 0)
    state = step.state
    return step
  })
}

const names = { incarnation: 'founder-1', addressee: 'founder-0' }
const start: NodeEvent = { type: 'start', randomSeed: 1 }
const synced: NodeEvent = { type: 'synced' }
const prepare: NodeEvent = {
  type: 'hear',
  sender: 1,
  names,
  from: 'server-1',
  message: { type: 'prepare', ballot: ballot(1, 1), from: 0 },
}
const accept: NodeEvent = {
  type: 'hear',
  sender: 1,
  names,
  from: 'server-1',
  message: { type: 'accept', ballot: ballot(1, 1), instance: 0, batch: batch('a') },
}
const lock: NodeEvent = {
  type: 'request',
  message: {
    type: 'request',
    uid: 'client@0',
    ackedBelow: 0,
    requests: [{ seq: 0, command: { kind: 'service', body: { action: 'lock', name: 'a' } } }],
  },
  replyTo: 'client',
  timeMs: 1_000,
}

/** All that a state is, as text. */
function textOf({ disk, running }: NodeState): string {
  const roles = Object.entries(running?.roles ?? {}).map(([role, { value, context }]) => [
    role,
    value,
    context,
  ])
  return JSON.stringify({ disk, roles, ...(running === null ? null : { ...running, roles: null }) })
}

test.each([
  prepare,
  accept,
  { ...accept, message: { type: 'learn' as const, from: 0 } },
] as const)('what a stranger says changes nothing, is answered nothing, and nothing of it is kept', (heard) => {
  for (const strange of [
    { ...heard, names: { incarnation: 'forged', addressee: null } },
    { ...heard, sender: 7, names: { incarnation: 'founder-1', addressee: 'another' } },
  ] as const) {
    const settings = settingsOf(0, 3)
    const { state } = applyNode(neverStarted, start, settings, 0)
    const step = applyNode(state, strange as NodeEvent, settings, 0)
    expect(step.sends).toEqual([])
    expect(textOf(step.state)).toBe(textOf(state))
  }
})

test('a promise leaves only when its sync has ended', () => {
  const [heard, done] = run(settingsOf(0, 3), prepare, synced)
  expect(heard?.sends).toEqual([])
  expect(done?.sends.map(({ to, message }) => [to, message.type])).toEqual([[1, 'promise']])
  expect(done?.facts.map(({ type }) => type)).toEqual(['synced', 'said'])
  expect(done?.state.disk.durable.promised).toEqual(ballot(1, 1))
})

test('a state may be gone on from any number of times, and is left as it was', () => {
  const settings = settingsOf(0, 1)
  const [asked] = run(settings, lock)
  const before = asked?.state ?? neverStarted
  const text = textOf(before)
  const once = applyNode(before, synced, settings, 0)
  const again = applyNode(before, synced, settings, 0)
  expect(textOf(before)).toBe(text)
  expect(textOf(again.state)).toBe(textOf(once.state))
  expect(again.facts).toEqual(once.facts)
})

test('a server alone answers a request after its promise and its accepted are synced, and repeats the answer', () => {
  const settings = settingsOf(0, 1)
  const [asked, promised, accepted, repeated] = run(settings, lock, synced, synced, lock)
  expect([asked, promised].flatMap((step) => step?.responses)).toEqual([])
  const outcome = { kind: 'executed', result: { token: 1 }, instance: 0, index: 0 }
  const response = {
    to: 'client',
    message: { type: 'response', uid: 'client@0', answers: [{ seq: 0, outcome }] },
  }
  expect(accepted?.responses).toEqual([response])
  expect(accepted?.state.running?.replica.firstUnexecuted).toBe(1)
  expect(repeated?.responses).toEqual([response])
})

test('a crash keeps as many of the unsynced writes as survived, and a start goes on from them', () => {
  const settings = settingsOf(0, 3)
  const [, , heard] = run(settings, prepare, synced, accept)
  const state = heard?.state ?? neverStarted
  expect(unsyncedWrites(state.disk)).toBe(1)
  const accepted = [0, 1].map((survived) => {
    const crashed = applyNode(state, { type: 'crash', survived }, settings, 0)
    expect(crashed.state.running).toBeNull()
    expect(crashed.facts).toEqual([{ type: 'crashed', node: 0 }])
    const [began] = applyNode(crashed.state, start, settings, 0).facts
    return began?.type === 'started' ? began.durable.accepted.length : null
  })
  expect(accepted).toEqual([0, 1])
  expect(() => applyNode(state, { type: 'crash', survived: 2 }, settings, 0)).toThrow(RangeError)
})

test('a failed sync is the end of a node until it is started again', () => {
  const settings = settingsOf(0, 3)
  const [heard] = run(settings, prepare)
  const { state } = applyNode(heard?.state ?? neverStarted, { type: 'sync.failed', survived: 0 }, settings, 0)
  expect(() => applyNode(state, synced, settings, 0)).toThrow('down')
  expect(applyNode(state, start, settings, 0).state.running).not.toBeNull()
})

test('what was chosen is executed again at a start, after the start is reported', () => {
  const settings = settingsOf(0, 1)
  const [, , executed] = run(settings, lock, synced, synced)
  const down = applyNode(executed?.state ?? neverStarted, { type: 'crash', survived: 1 }, settings, 0)
  const { facts, state } = applyNode(down.state, start, settings, 0)
  expect(facts.map(({ type }) => type)).toEqual(['started', 'executed'])
  expect(state.running?.replica).toEqual(executed?.state.running?.replica)
})

test('only a timer that is armed can fire, once', () => {
  const settings = settingsOf(0, 3)
  const [asked] = run(settings, lock)
  const armed = asked?.state.running?.timers ?? []
  expect(armed.map(({ role }) => role)).toEqual(['proposer'])
  const fired: NodeEvent = { type: 'timer', role: 'proposer', id: armed[0]?.id ?? '' }
  const { state, sends } = applyNode(asked?.state ?? neverStarted, fired, settings, 0)
  expect(sends.map(({ message }) => message.type)).toEqual(['prepare', 'prepare'])
  expect(state.running?.timers).toHaveLength(1)
  expect(() => applyNode(state, { ...fired, id: 'another' }, settings, 0)).toThrow('no timer')
})
