import { afterEach, expect, test, vi } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import type { ClientMove } from '../../src/client/observer.ts'
import { clientName } from '../../src/core/names.ts'
import type { FaultRule } from '../../src/inspect/records/control.ts'
import type { FateRecord } from '../../src/inspect/records/record.ts'
import { type RunningNode, startNode } from '../../src/node/node.ts'
import { FakeHub } from '../support/fake-hub.ts'
import { dropAll } from '../support/fault-rule.ts'
import { freePorts } from '../support/free-ports.ts'

let nodes: RunningNode[] = []
let clients: Client[] = []

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await Promise.all(nodes.map((node) => node.stop()))
  nodes = []
  clients = []
})

/** Three servers in this process, and what met a fault. */
async function cluster(allowFaults: boolean, inspect?: string) {
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const fates: FateRecord[] = []
  nodes = await Promise.all(
    members.map(({ id, address }) =>
      startNode({
        id,
        listen: address,
        dataDir: null,
        bootstrap: { members },
        allowFaults,
        ...(inspect !== undefined && { inspect }),
        onFate: (record) => fates.push(record),
      }),
    ),
  )
  const client = connect({ servers: members.map(({ address }) => address) })
  clients.push(client)
  const setRules = (rules: readonly FaultRule[]) =>
    nodes.map((node) => node.control({ type: 'rules', rules }))
  return { client, fates, setRules, addresses: members.map(({ address }) => address) }
}

test('while every accepted to the leader is dropped nobody is answered; healed, everybody is', async () => {
  const { client, fates, setRules } = await cluster(true)
  await client.locks.acquire('before')
  expect(setRules([{ ...dropAll, to: 0, message: 'accepted' }])).toEqual(
    [0, 1, 2].map((id) => ({ ok: true, text: `server ${id}: rules in force: 1` })),
  )
  let isAnswered = false
  const lock = client.locks.acquire('a').then((held) => {
    isAnswered = true
    return held
  })
  // Both others have accepted, several times over, and still nothing is chosen.
  const dropped = (from: number) => fates.filter((fate) => fate.from === from && fate.fate === 'dropped')
  await vi.waitFor(() => expect(Math.min(dropped(1).length, dropped(2).length)).toBeGreaterThan(2), 10_000)
  expect(isAnswered).toBe(false)
  expect(new Set(fates.map(({ to, message }) => `${message.type} to ${to}`))).toEqual(
    new Set(['accepted to 0']),
  )
  setRules([])
  expect((await lock).name).toBe('a')
})

test('requests of clients that are dropped are never heard, and answers that are duplicated change nothing', async () => {
  const { client, fates, setRules } = await cluster(true)
  setRules([{ ...dropAll, from: 'client', to: 0, message: 'request' }])
  // Server 0 is deaf to it, so the client fails over to another.
  const held = await client.locks.acquire('a')
  expect(fates.every(({ to, message }) => to === 0 && message.type === 'request')).toBe(true)
  expect(fates.length).toBeGreaterThan(0)
  setRules([{ ...dropAll, action: 'duplicate' }])
  expect(await held.release()).toBe(true)
  expect((await client.locks.acquire('a')).token).toBeGreaterThan(held.token)
})

test('an observer of a client sees its machine ask, wait and be answered', async () => {
  const { client, addresses } = await cluster(true)
  const held = await client.locks.acquire('a')
  const moves: ClientMove[] = []
  const watched = connect({ servers: addresses, observer: (move) => moves.push(move) })
  clients.push(watched)
  const lock = watched.locks.acquire('a')
  await vi.waitFor(() => expect(moves.at(-1)?.machine.state).toBe('waiting'), 10_000)
  await held.release()
  await lock
  const uid = moves.at(-1)?.uid ?? ''
  const [asked, queued] = moves.filter((move) => move.uid === uid)
  expect(moves[0]).toMatchObject({
    uid: clientName(uid),
    said: [{ message: { requests: [{ command: { kind: 'open' } }] } }],
  })
  expect(asked).toMatchObject({
    event: 'request.submitted',
    heard: null,
    moves: [{ event: 'request.submitted', edges: ['client.idle on request.submitted[0]'], state: 'asking' }],
    said: [{ to: addresses[0], message: { type: 'request', requests: [{ seq: 1 }] } }],
    machine: { state: 'asking', context: { requests: { asked: 1, held: 0, backlog: 0 } } },
  })
  expect(queued).toMatchObject({
    event: 'queued',
    heard: { from: addresses[0], message: { type: 'queued', seqs: [1] } },
    machine: { state: 'waiting', context: { requests: { asked: 0, held: 1, backlog: 0 } } },
  })
  expect(moves.at(-1)).toMatchObject({
    event: 'response',
    heard: {
      from: addresses[0],
      message: { type: 'response', answers: [{ seq: 1, outcome: { kind: 'executed' } }] },
    },
    moves: [
      { event: 'response', edges: ['client on response[1]'], state: 'waiting' },
      { edges: ['client.waiting always[0]'], state: 'idle' },
    ],
    said: [],
    machine: { state: 'idle', context: { requests: { asked: 0, held: 0, backlog: 0 } } },
  })
})

test('a hub has a message dropped and a timer fired, and is told of both, in order', async () => {
  const hub = await FakeHub.start()
  try {
    const { addresses } = await cluster(true, hub.address)
    // It asks server 0 and no other, however long that takes: the others propose nothing.
    const client = connect({ servers: addresses, timing: { failoverTimeoutMs: 60_000 } })
    clients.push(client)
    await hub.once(() => hub.told.length === 3)
    expect(hub.told.every(({ hello }) => hello.allowsFaults)).toBe(true)
    await client.locks.acquire('before')
    hub.say({
      type: 'hub.control',
      id: 1,
      command: { type: 'rules', rules: [{ ...dropAll, from: 0, message: 'accept' }] },
    })
    await hub.once(() => hub.results.length === 3)
    const lock = client.locks.acquire('a')
    const records = () => hub.told.find(({ hello }) => hello.node === 0)?.records ?? []
    await hub.once(() => records().some(({ kind }) => kind === 'fate'))
    // It is told of after the step in which the message was said, and with its clock.
    const place = records().findIndex(({ kind }) => kind === 'fate')
    const fate = records()[place]
    const said = records()
      .slice(0, place)
      .findLast((record) => record.kind === 'step')
    expect(fate).toMatchObject({ from: 0, fate: 'dropped', message: { type: 'accept' }, clock: said?.clock })
    expect(
      said?.kind === 'step' && said.facts.map((fact) => fact.type === 'said' && fact.message.type),
    ).toContain('accept')
    const id = 'xstate.after.retransmitInterval.proposer.accepting.proposing'
    hub.say({ type: 'hub.control', id: 2, command: { type: 'timer', node: 0, role: 'proposer', id } })
    await hub.once(() => hub.results.filter((result) => result.id === 2).length === 3)
    const answers = hub.results.filter((result) => result.id === 2).map(({ result }) => result)
    expect(answers).toContainEqual({
      ok: true,
      text: 'retransmitInterval of the proposer of server 0 has fired',
    })
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
    hub.say('{"type":"hub.control","id":3,"command":{"type":"rules","rules":[{}]}}')
    await hub.once(() => hub.results.some((result) => result.id === 3 && !result.result.ok))
    hub.say({ type: 'hub.control', id: 4, command: { type: 'rules', rules: [] } })
    await lock
  } finally {
    await hub.close()
  }
})

test('a server without allowFaults does nothing of what it is told', async () => {
  const { client, fates, setRules } = await cluster(false)
  expect(setRules([dropAll])).toEqual(
    [0, 1, 2].map((id) => ({
      ok: false,
      error: `server ${id} was started without allowFaults: it does not inject faults`,
    })),
  )
  const id = 'xstate.after.grace.learner.hearsOfLater'
  expect(nodes[0]?.control({ type: 'timer', node: 0, role: 'learner', id })).toMatchObject({ ok: false })
  expect((await client.locks.acquire('a')).name).toBe('a')
  expect(fates).toEqual([])
})
