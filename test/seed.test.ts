/**
 * What the seed document, *Paxos Made Simple Made Simpler*, says, a test a claim, in its order. Where this project does it in
 * another way, the test says what holds instead. The paper that it builds on has a file of its own, `paper.test.ts`; the
 * seed's text protocol is tested against live servers.
 */
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../machines/batch.ts'
import { kvService } from '../src/services/kv/kv.ts'
import type { Service } from '../src/services/service.ts'
import { lock, Schedule, unlock } from './support/schedule.ts'

/** Which instances a server executed, in order. */
function executedBy(cluster: Schedule, server: NodeId): number[] {
  return cluster.facts.flatMap((fact) =>
    fact.type === 'executed' && fact.node === server ? [fact.instance] : [],
  )
}

/** Client `a` holds the lock x, and client `b` waits for it at server 0. */
function oneWaits(): Schedule {
  const cluster = new Schedule(3)
  cluster.ask('a', 0, lock('x'))
  cluster.settle()
  cluster.ask('b', 0, lock('x'))
  cluster.settle()
  expect(cluster.outcome('b')).toBeNull()
  return cluster
}

describe('2-2, proposers', () => {
  test('Paxos is not executed concurrently: nobody starts an instance before it has executed the one below', () => {
    const cluster = new Schedule(3)
    cluster.askAtOnce({ a: 0, b: 1, c: 2, d: 0, e: 1 })
    cluster.settle()
    const executed = new Map<NodeId, number>()
    let accepts = 0
    for (const fact of cluster.facts) {
      if (fact.type === 'executed') executed.set(fact.node, fact.instance)
      if (fact.type === 'said' && fact.message.type === 'accept') {
        accepts += 1
        expect(fact.message.instance).toBe((executed.get(fact.node) ?? -1) + 1)
      }
    }
    expect(accepts).toBeGreaterThanOrEqual(9)
  })

  test('server 0 leads, because users ask it: nothing else makes it the leader', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a')
    expect([0, 1, 2].map((server) => cluster.stateOf(server, 'proposer'))).toEqual([
      'leading',
      'idle',
      'idle',
    ])
  })

  test('in times of leader failure the user asks server 1, and so on; it need not know whether it is down or delayed', () => {
    const down = new Schedule(5)
    down.crash(0)
    down.crash(1)
    down.ask('a', 0)
    down.settle()
    expect(down.outcome('a')).toMatchObject({ kind: 'executed', instance: 0 })
    expect(down.stateOf(2, 'proposer')).toBe('leading')

    const delayed = new Schedule(3)
    delayed.happen({
      type: 'cut',
      links: [0, 1, 2].map((to) => ({ from: 0, to })),
    })
    delayed.ask('a', 0)
    delayed.settle(() => delayed.outcome('a') !== null)
    expect(delayed.outcome('a')).toMatchObject({ kind: 'executed', instance: 0 })
    expect(delayed.executedAt(0)).toMatchObject({ 1: 'a' })
  })

  test('proposers are not eager: nobody is told a result who does not want to propose', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a')
    expect(cluster.executedAt(0)).toEqual({ 0: 'a' })
    expect(cluster.said('chosen')).toEqual([])
    // And then nothing is said, and no delay runs, for as long as nobody asks.
    expect(cluster.state.flying).toEqual([])
    expect(cluster.state.servers.flatMap(({ node }) => node.running?.timers ?? [])).toEqual([])
  })

  test('a request is executed once, though any server is asked again: servers know it by its sequence number', () => {
    const cluster = new Schedule(3)
    cluster.ask('a', 0)
    cluster.exchange(0, [1], 'prepare', 'promise')
    cluster.exchange(0, [1], 'accept', 'accepted')
    cluster.lose('response')
    cluster.crash(0)
    cluster.settle()
    // Server 1 is asked next. It proposes the request or finds it chosen, and the outcome is that of the first time.
    expect(cluster.outcome('a')).toMatchObject({ kind: 'executed', instance: 0 })
    expect(cluster.executedAt(0)).toMatchObject({ 0: 'a', 1: 'a' })
  })

  test('a request that sits in two queues is chosen twice, perhaps, and executed once', () => {
    const cluster = new Schedule(3)
    cluster.ask('a', 0)
    cluster.happen({ type: 'resend', client: 'a', seq: 1, server: 1 })
    const copy = cluster.state.flying.find(({ message }) => message.type === 'request')
    cluster.happen({ type: 'deliver', flight: copy?.id ?? -1 })
    cluster.settle()
    const outcomes = cluster.facts.flatMap((fact) =>
      fact.type === 'executed' ? fact.execution.outcomes.map(({ outcome }) => outcome) : [],
    )
    expect(outcomes.length).toBeGreaterThanOrEqual(2)
    for (const outcome of outcomes) expect(outcome).toEqual(cluster.outcome('a'))
  })

  test('a lazy proposer catches up from the first instance that it does not know, and then proposes in the current one', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a', 'b', 'c')
    cluster.lose('accept')
    const known = executedBy(cluster, 2).length
    // The client has just left the leader, so server 2 proposes the request itself.
    cluster.ask('d', 2, lock('d'), 0)
    cluster.settle()
    expect(known).toBeLessThan(3)
    expect(executedBy(cluster, 2)).toEqual([0, 1, 2, 3])
    expect(cluster.executedAt(3)).toMatchObject({ 2: 'd' })
    // The seed runs an instance of Paxos for each result it missed. Here one prepare asks for all of them, and they come in pages.
    expect(cluster.said('prepare').filter(({ node, to }) => node === 2 && to === 2)).toHaveLength(1)
  })

  test('a newly added server is not told apart from a late one: it executes everything from instance 0 on', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a', 'b')
    cluster.happen({ type: 'join', server: 3 }, { type: 'greet', server: 3, via: 0 })
    cluster.settle()
    expect(executedBy(cluster, 3)).toEqual([0, 1])
    expect(cluster.said('learn').map(({ node, message }) => [node, message.from])).toEqual([[3, 0]])
    // It votes above the instance in which it is admitted, as soon as it has heard that it is.
    const incarnation = cluster.state.servers[3]?.incarnation ?? ''
    const change = { action: 'admit', id: 3, address: 'server-3:29367', incarnation } as const
    cluster.ask('s', 0, { kind: 'members', change })
    cluster.settle()
    cluster.askInTurn('c', 'd')
    const votes = cluster.said('accepted').filter(({ node }) => node === 3)
    expect(votes.map(({ message }) => message.instance)).toEqual([4])
  })

  test('requests are queued in the server that was asked, and proposed in the order in which they came', () => {
    const cluster = new Schedule(3)
    for (const client of ['a', 'b', 'c']) cluster.ask(client, 0)
    cluster.settle()
    // One at a time in the seed; here all that is queued when an instance begins is one batch.
    const order = [0, 1].map((instance) => cluster.executedAt(instance)[0])
    expect(order.join(' ').trim()).toBe('a b c')
  })
})

describe('2-2, delayed execution', () => {
  test('the service decides whether a command is runnable, and all servers do the same', () => {
    const cluster = oneWaits()
    cluster.ask('c', 2, lock('y'))
    cluster.settle()
    const said = cluster.facts.flatMap((fact) =>
      fact.type === 'executed' && fact.instance === 1 ? [fact.execution.outcomes] : [],
    )
    expect(said.length).toBeGreaterThanOrEqual(2)
    for (const outcomes of said) {
      expect(outcomes).toEqual([{ uid: 'b@0', seq: 1, outcome: { kind: 'delayed', key: 'b@0#1' } }])
    }
  })

  test('when all that is queued is delayed, the server stops proposing until a new request arrives', () => {
    const cluster = oneWaits()
    const before = cluster.said('accept').length
    expect(cluster.state.flying).toEqual([])
    expect(cluster.state.servers.flatMap(({ node }) => node.running?.timers ?? [])).toEqual([])
    expect(cluster.stateOf(0, 'requestQueue')).toBe('delayed')
    cluster.ask('c', 0, lock('y'))
    cluster.settle()
    const proposed = cluster.said('accept').slice(before)
    expect(new Set(proposed.flatMap(({ message }) => message.batch.groups.map(({ uid }) => uid)))).toEqual(
      new Set(['c@0']),
    )
  })

  test('when a request is executed, what waits is proposed again; here only what waits for the key that it frees', () => {
    const cluster = oneWaits()
    cluster.ask('c', 0, lock('x'))
    cluster.ask('d', 0, lock('y'))
    cluster.settle()
    expect(cluster.outcome('d')).toMatchObject({ kind: 'executed' })
    const before = cluster.said('accept').length
    cluster.ask('a', 0, unlock('x'))
    cluster.settle()
    expect(cluster.outcome('b')).toMatchObject({ kind: 'executed' })
    expect(cluster.outcome('c')).toBeNull()
    // Of all who wait for x only the first is proposed: the others would be delayed again.
    const proposed = cluster.said('accept').slice(before)
    expect(new Set(proposed.flatMap(({ message }) => message.batch.groups.map(({ uid }) => uid)))).toEqual(
      new Set(['a@0', 'b@0']),
    )
  })

  test('so commands of one client may be executed out of order, and each still is', () => {
    const cluster = oneWaits()
    cluster.ask('b', 0, lock('y'))
    cluster.settle()
    expect([cluster.outcome('b', 1), cluster.outcome('b', 2)]).toMatchObject([null, { kind: 'executed' }])
    cluster.ask('a', 0, unlock('x'))
    cluster.settle()
    expect(cluster.outcome('b', 1)).toMatchObject({ kind: 'executed' })
  })
})

describe('3, the service', () => {
  test('any service can be used as a drop-in replacement: nothing else is another', () => {
    const cluster = new Schedule(3, kvService as Service)
    cluster.ask('a', 0, { kind: 'service', body: { action: 'put', key: 'k', value: 7 } })
    cluster.settle()
    cluster.ask('b', 1, { kind: 'service', body: { action: 'get', key: 'k' } })
    cluster.settle()
    expect(cluster.outcome('b')).toMatchObject({
      kind: 'executed',
      result: { entry: { key: 'k', value: 7, version: 1 } },
    })
  })

  test('the lock service is dumb: it does no ownership checking', () => {
    const cluster = oneWaits()
    cluster.ask('c', 0, unlock('x'))
    cluster.settle()
    expect(cluster.outcome('b')).toMatchObject({ kind: 'executed' })
  })

  test('and no dead-lock prevention: who asks for the lock that it holds waits for itself', () => {
    const cluster = new Schedule(3)
    cluster.ask('a', 0, lock('x'))
    cluster.settle()
    cluster.ask('a', 0, lock('x'))
    cluster.settle()
    expect(cluster.outcome('a', 2)).toBeNull()
    expect(cluster.stateOf(0, 'requestQueue')).toBe('delayed')
  })
})

describe('servers', () => {
  test('each node acts as acceptor, proposer and learner', () => {
    const cluster = new Schedule(3)
    for (const [server, client] of ['a', 'b', 'c'].entries()) {
      cluster.ask(client, server, lock(client), server - 1)
      cluster.settle()
    }
    const roles = (['promise', 'accept', 'accepted'] as const).map(
      (type) => new Set(cluster.said(type).map(({ node }) => node)),
    )
    expect(roles).toEqual([new Set([0, 1, 2]), new Set([0, 1, 2]), new Set([0, 1, 2])])
    expect([0, 1, 2].map((server) => cluster.executedAt(0)[server])).toEqual(['a', 'a', 'a'])
  })

  test('no log is maintained: what was accepted at an instance is its record, and there is one an instance', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a', 'b', 'c')
    // What the learner writes waits for the next sync of the acceptor.
    for (const { node } of cluster.state.servers) {
      const { durable, chosen } = node.disk
      expect(chosen).toHaveLength(durable.firstUnchosen)
      expect(durable.accepted.every(({ instance }) => instance >= durable.firstUnchosen)).toBe(true)
      expect(chosen.length + durable.accepted.length).toBeLessThanOrEqual(3)
    }
    const [leader] = cluster.state.servers
    expect(leader?.node.disk.durable.accepted.length).toBeGreaterThan(0)
  })
})
