import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import type { NodeId } from '../../../machines/batch.ts'
import { connect } from '../../../src/client/index.ts'
import {
  type ControlledServer,
  FaultsControl,
  type FaultsControlOptions,
} from '../../../src/inspect/hub/faults-control.ts'
import type { ControlResult, FaultRule } from '../../../src/inspect/records/control.ts'
import type { HubToServer } from '../../../src/inspect/records/protocol.ts'
import type { ClientRecord, InspectorRecord } from '../../../src/inspect/records/record.ts'
import { type RunningNode, startNode } from '../../../src/node/node.ts'
import { dropAll } from '../../support/fault-rule.ts'
import { freePorts } from '../../support/free-ports.ts'

let nodes: RunningNode[] = []
let controls: FaultsControl[] = []

afterEach(async () => {
  await Promise.all(controls.map((control) => control.close()))
  await Promise.all(nodes.map((node) => node.stop()))
  nodes = []
  controls = []
})

/** A control over a cluster of three servers in this process, without a wire between them. */
async function controlled(options: Partial<FaultsControlOptions> = {}) {
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  nodes = await Promise.all(
    members.map(({ id, address }) =>
      startNode({ id, listen: address, dataDir: null, bootstrap: { members }, allowFaults: true }),
    ),
  )
  const records: InspectorRecord[] = []
  const rules: (readonly FaultRule[])[] = []
  const deaf = new Set<NodeId>()
  const told: HubToServer[] = []
  const connected = members.map(
    ({ id, address }): ControlledServer => ({
      hello: { node: id, address, allowsFaults: true },
      send: (message) => {
        told.push(message)
        const server = nodes.find((node) => node.id === id)
        if (deaf.has(id) || server === undefined) return true
        control.heard(message.id, server.control(message.command))
        return true
      },
    }),
  )
  const control = new FaultsControl({
    servers: () => connected,
    processes: null,
    add: (added) => records.push(...added),
    rulesChanged: (changed) => rules.push(changed),
    patience: { serverMs: 50 },
    ...options,
  })
  controls.push(control)
  control.serversChanged(connected)
  told.length = 0
  const clientRecords = () =>
    records.flatMap((record): ClientRecord[] => (record.kind === 'client' ? [record] : []))
  return { control, connected, records, rules, deaf, told, clientRecords }
}

test('rules go to every server, and to one that connects later', async () => {
  const { control, connected, rules, told } = await controlled()
  expect(await control.control({ type: 'rules', rules: [dropAll] })).toEqual({
    ok: true,
    text: '1 rule applies',
  })
  expect(told.map(({ command }) => command)).toEqual(
    [0, 1, 2].map(() => ({ type: 'rules', rules: [dropAll] })),
  )
  expect(rules).toEqual([[dropAll]])
  const again: ControlledServer[] = [0, 1].map((node) => ({
    hello: { node, address: '127.0.0.1:1', allowsFaults: node === 1 },
    send: (message) => told.push(message) > 0,
  }))
  control.serversChanged([...connected, ...again])
  expect(told.slice(3).map(({ command }) => command)).toEqual([{ type: 'rules', rules: [dropAll] }])
  control.serversChanged([...connected, ...again])
  expect(told).toHaveLength(4)
})

test('what is no command reaches nobody', async () => {
  const { control, rules, told } = await controlled()
  const broken = { type: 'rules', rules: [{ ...dropAll, delayMs: -1 }] } as const
  expect(await control.control(broken)).toEqual({ ok: false, error: 'this is not a valid command' })
  expect(await control.control({ type: 'rule' } as never)).toMatchObject({ ok: false })
  expect([told, rules]).toEqual([[], []])
})

test('a server that does not answer is told of', async () => {
  const { control, deaf } = await controlled()
  deaf.add(1)
  expect(await control.control({ type: 'rules', rules: [] })).toEqual({
    ok: true,
    text: 'no rules apply, except at server 1, which is sent the rules when it answers again',
  })
  const timer = { type: 'timer', node: 1, role: 'learner', id: 'xstate.after.x' } as const
  expect(await control.control(timer)).toEqual({ ok: false, error: 'server 1 did not answer within 0.05 s' })
  expect(await control.control({ ...timer, node: 0 })).toEqual({
    ok: false,
    error: 'x of the learner of server 0 is not armed now: nothing was done',
  })
  expect(await control.control({ ...timer, node: 7 })).toEqual({
    ok: false,
    error: 'server 7 is not connected',
  })
})

const lock = { type: 'request', action: 'lock', name: 'a' } as const
const unlock = { ...lock, action: 'unlock' } as const

/** True when a client's machine waits in the cluster's line. */
function someWait(records: readonly ClientRecord[]): boolean {
  const states = new Map(records.map(({ uid, machine }) => [uid, machine.state]))
  return [...states.values()].includes('waiting')
}

test('a lock is taken, waited for and freed, each in a session of its own, and the clients are seen', async () => {
  const { control, clientRecords } = await controlled()
  const taken = { ok: true, text: expect.stringMatching(/^locked a token \d+$/) }
  expect(await control.control(lock)).toEqual(taken)
  const waiting = control.control(lock)
  await vi.waitFor(() => expect(someWait(clientRecords())).toBe(true), 10_000)
  expect(await control.control(unlock)).toEqual({ ok: true, text: 'unlocked a' })
  expect(await waiting).toEqual(taken)
  expect(await control.control(unlock)).toEqual({ ok: true, text: 'unlocked a' })
  const sessions = [...new Set(clientRecords().map(({ client, uid }) => `${client} ${uid}`))]
  const named = expect.stringMatching(/^inspector inspector-[\w-]{16}$/)
  const opened = expect.stringMatching(/^inspector inspector-[\w-]{16}@\d+\.\d+$/)
  expect(sessions, 'the name under which each was opened, and its uid').toEqual([
    named,
    opened,
    named,
    opened,
  ])
  const [asked] = clientRecords()
  expect(asked).toMatchObject({ event: 'request.submitted', said: [{ to: 0, message: { type: 'request' } }] })
})

test('a lock that waits is given up when the page is left, and is not held afterwards', async () => {
  const { control, clientRecords } = await controlled()
  await control.control(lock)
  const leaving = new AbortController()
  const waiting = control.control(lock, leaving.signal)
  await vi.waitFor(() => expect(someWait(clientRecords())).toBe(true), 10_000)
  leaving.abort()
  expect(await waiting).toEqual({ ok: false, error: 'the page was closed' })
  expect(await control.control(unlock)).toEqual({ ok: true, text: 'unlocked a' })
  expect(await control.control(unlock)).toEqual({
    ok: true,
    text: 'a is not held by this page or in plain text',
  })
})

test('a page frees a lock that was taken in plain text, and not that of another client', async () => {
  const { control } = await controlled()
  const [server] = nodes
  if (server === undefined) throw new Error('no server runs')
  const other = connect({ servers: [server.address] })
  await other.locks.acquire('a')
  const nobodys = { ok: true, text: 'a is not held by this page or in plain text' }
  expect(await control.control(unlock)).toEqual(nobodys)
  await other.close()
  const socket = createSocket('udp4')
  const [host = '', port] = server.address.split(':')
  socket.send("REQUEST:-1:-1:(1,'LOCK','b')", Number(port), host)
  await once(socket, 'message')
  socket.close()
  expect(await control.control({ ...unlock, name: 'b' })).toEqual({ ok: true, text: 'unlocked b' })
})

test('a lock that waits too long is given up', async () => {
  const { control, connected } = await controlled({ patience: { requestMs: 300 } })
  // The control would give up this one, too, on a machine that is too slow.
  const other = connect({ servers: connected.map(({ hello }) => hello.address) })
  await other.locks.acquire('a')
  expect(await control.control(lock)).toEqual({
    ok: false,
    error: 'given up: no answer within 0.3 s',
  })
  await other.close()
})

test('processes are left to those who started them', async () => {
  const { control } = await controlled()
  expect(await control.control({ type: 'crash', node: 0 })).toMatchObject({ ok: false })
  const results: ControlResult[] = [
    { ok: true, text: 'paused' },
    { ok: false, error: 'no' },
  ]
  const other = await controlled({ processes: () => Promise.resolve(results.shift() as ControlResult) })
  expect(await other.control.control({ type: 'pause', node: 0 })).toEqual({ ok: true, text: 'paused' })
  expect(await other.control.control({ type: 'crash', node: 0 })).toEqual({ ok: false, error: 'no' })
  expect(other.records).toMatchObject([{ kind: 'process', node: 0, state: 'paused', reason: null }])
})
