/**
 * What *Paxos Made Simple* (Lamport, 2001) claims, a test a claim, in the order of its sections. Where this project does it
 * in another way, the test says what holds instead, and why. Whole servers run, and the test chooses what happens; every
 * invariant is judged after each event. The seed document has a file of its own, `seed.test.ts`.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { type AcceptorContext, acceptorMachine } from '../machines/acceptor.ts'
import { compareBallots } from '../machines/ballot.ts'
import { type NodeId, requestsOf } from '../machines/batch.ts'
import type { AcceptorEvent } from '../machines/inbox.ts'
import { defaultLimits } from '../machines/limits.ts'
import { type ProposerContext, proposerMachine } from '../machines/proposer.ts'
import { drawRandom } from '../machines/random.ts'
import { defaultTiming } from '../machines/timing.ts'
import type { ClusterEvent } from '../src/schedule/events.ts'
import { possibleEvents } from '../src/schedule/possible.ts'
import { ballot, batch, members, Role, record, said, send, sentBy } from './support/role.ts'
import { lock, Schedule, unlock } from './support/schedule.ts'

/** One acceptor of three servers. */
function acceptor(): Role<AcceptorContext> {
  return new Role(acceptorMachine, {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    limits: defaultLimits,
    promised: null,
    accepted: [],
    firstUnchosen: 0,
  })
}

const prepare = ([round, node]: readonly [number, NodeId]) =>
  ({ type: 'prepare', ballot: ballot(round, node), from: 0, ...sentBy(node) }) as const

const accept = ([round, node]: readonly [number, NodeId], name: string) =>
  ({ type: 'accept', ballot: ballot(round, node), instance: 0, batch: batch(name), ...sentBy(node) }) as const

const persisted = { type: 'persisted' } as const

/** What an acceptor says to others when it hears this and the sync that follows has ended. */
function answers(role: Role<AcceptorContext>, heard: AcceptorEvent) {
  const syncs = role.hear(heard)
  const isSyncing = syncs.some(({ type }) => type === 'persist')
  return said([...syncs, ...(isSyncing ? role.hear(persisted) : [])]).flatMap((output) =>
    output.type === 'send' ? [output.message] : [],
  )
}

/** Two batches that were accepted at ballots 3 and 5 are shown to the proposer of ballot 6, server 0. */
function proposerThatPrepared(): Role<ProposerContext> {
  const role = new Role<ProposerContext>(proposerMachine, {
    self: 0,
    incarnation: 'founder-0',
    members: members(5),
    timing: defaultTiming,
    randomSeed: 1,
    promised: ballot(5, 4),
    firstUnexecuted: 0,
  })
  role.hear({ type: 'requests.ready' })
  expect(role.context.ballot).toEqual(ballot(6, 0))
  return role
}

const promise = (sender: NodeId, accepted: ReturnType<typeof record>[]) =>
  ({ type: 'promise', ballot: ballot(6, 0), from: 0, accepted, firstUnchosen: 0, ...sentBy(sender) }) as const

/** A batch of client `a` is chosen at instance 0 by servers 0 and 1, and only server 0 knows. */
function chosenAtZeroAndOne(): Schedule {
  const cluster = new Schedule(3)
  cluster.ask('a', 0)
  cluster.exchange(0, [1], 'prepare', 'promise')
  cluster.exchange(0, [1], 'accept', 'accepted')
  expect(cluster.executedAt(0)).toEqual({ 0: 'a' })
  return cluster
}

describe('1 and 2.1, the safety requirements, in every run', () => {
  const mild: readonly ClusterEvent['type'][] = ['deliver', 'sync', 'timer', 'client.timer', 'restart']

  /** Chance chooses `length` events, losses, copies and crashes among them. Then who is down starts again, and all is done. */
  function byChance(seed: number, length: number): Schedule {
    const cluster = new Schedule(3)
    let random = seed
    const oneOf = <T>(items: readonly T[]): T => {
      const drawn = drawRandom(random)
      random = drawn.seed
      return items[Math.floor(drawn.value * items.length)] as T
    }
    for (const client of ['a', 'b', 'c']) cluster.ask(client, oneOf([0, 1, 2]))
    for (let taken = 0; taken < length; taken += 1) {
      const possible = possibleEvents(cluster.state)
      const isMild = oneOf([true, true, true, true, false])
      const kinds = [...new Set(possible.map(({ type }) => type))].filter(
        (type) => !isMild || mild.includes(type),
      )
      const kind = oneOf(kinds)
      if (kind !== undefined) cluster.happen(oneOf(possible.filter(({ type }) => type === kind)))
    }
    for (const { id, node } of cluster.state.servers) if (node.running === null) cluster.restart(id)
    cluster.settle()
    return cluster
  }

  let runs: readonly Schedule[] = []
  beforeAll(() => {
    runs = Array.from({ length: 12 }, (_, seed) => byChance(seed, 100))
  })

  const batchesAt = (cluster: Schedule) =>
    cluster.facts.flatMap((fact) => (fact.type === 'executed' ? [fact] : []))

  test('only a value that has been proposed may be chosen', () => {
    const chosen = runs.flatMap((cluster) => {
      const proposed = cluster.facts.flatMap((fact) => (fact.type === 'requested' ? [fact.request] : []))
      return batchesAt(cluster).map(({ batch }) => ({ proposed, batch }))
    })
    expect(chosen.length).toBeGreaterThan(10)
    for (const { proposed, batch } of chosen)
      expect(proposed).toEqual(expect.arrayContaining(requestsOf(batch)))
  })

  test('only a single value is chosen, an instance', () => {
    let compared = 0
    for (const cluster of runs) {
      for (const { instance, node, batch } of batchesAt(cluster)) {
        const elsewhere = batchesAt(cluster).filter(
          (fact) => fact.instance === instance && fact.node !== node,
        )
        for (const other of elsewhere) expect(other.batch).toEqual(batch)
        compared += elsewhere.length
      }
    }
    expect(compared).toBeGreaterThan(20)
    expect(runs.every(({ facts }) => facts.some(({ type }) => type === 'crashed'))).toBe(true)
  })
})

describe('2.1, what is required of a choice', () => {
  test('a process never learns that a value has been chosen unless it has been', () => {
    const cluster = new Schedule(5)
    cluster.ask('a', 0)
    cluster.exchange(0, [1, 2], 'prepare', 'promise')
    // Two of five have accepted it, and everybody is asked.
    cluster.exchange(0, [1], 'accept', 'accepted')
    cluster.happen({ type: 'greet', server: 1, via: 0 }, { type: 'greet', server: 3, via: 1 })
    for (const [from, to] of [
      [1, 0],
      [3, 1],
    ] as const)
      cluster.deliver('learn', from, to)
    expect(cluster.executedAt(0)).toEqual({})
    cluster.exchange(0, [2], 'accept', 'accepted')
    expect(cluster.executedAt(0)).toEqual({ 0: 'a' })
  })

  test('the failure of one acceptor must not end progress, so there are several and a majority of them is enough', () => {
    const cluster = new Schedule(3)
    cluster.crash(2)
    cluster.askInTurn('a')
    expect(cluster.outcome('a')).toMatchObject({ kind: 'executed' })
    cluster.crash(1)
    cluster.ask('b', 0)
    cluster.deliver('accept', 0, 1)
    cluster.deliver('accept', 0, 2)
    expect(cluster.outcome('b')).toBeNull()
    cluster.restart(2)
    cluster.settle()
    expect(cluster.outcome('b')).toMatchObject({ kind: 'executed' })
  })

  test('P1: an acceptor must accept the first proposal that it receives', () => {
    for (const [round, node] of [
      [1, 1],
      [7, 2],
      [0, 0],
    ] as const) {
      expect(answers(acceptor(), accept([round, node], 'first'))).toEqual([
        { type: 'accepted', ballot: ballot(round, node), instance: 0 },
      ])
    }
  })

  test('an acceptor must be allowed to accept more than one proposal', () => {
    const role = acceptor()
    answers(role, accept([1, 1], 'one'))
    expect(answers(role, accept([2, 2], 'other')).map(({ type }) => type)).toEqual(['accepted'])
    expect(role.context.accepted).toEqual([record(0, ballot(2, 2), 'other')])
  })

  test('P1a: an acceptor can accept a proposal numbered n iff it has not responded to a prepare above n', () => {
    const numbers: readonly [number, NodeId][] = [
      [1, 1],
      [2, 1],
      [2, 2],
      [3, 1],
    ]
    for (const promised of numbers) {
      for (const proposed of numbers) {
        const role = acceptor()
        answers(role, prepare(promised))
        const [answer] = answers(role, accept(proposed, 'it'))
        const isAbove = compareBallots(ballot(...promised), ballot(...proposed)) > 0
        expect(answer?.type).toBe(isAbove ? 'denial' : 'accepted')
      }
    }
  })

  test('P1a holds for what it accepted, too: to accept n promises n', () => {
    const role = acceptor()
    answers(role, prepare([1, 1]))
    answers(role, accept([3, 0], 'three'))
    expect(answers(role, accept([2, 2], 'two')).map(({ type }) => type)).toEqual(['denial'])
    expect(role.context.accepted).toEqual([record(0, ballot(3, 0), 'three')])
  })

  test('P2, P2a, P2b: if v is chosen, all that is proposed, accepted or chosen above has the value v', () => {
    const cluster = chosenAtZeroAndOne()
    cluster.crash(0)
    cluster.ask('b', 2)
    cluster.exchange(2, [1], 'prepare', 'promise')
    cluster.exchange(2, [1], 'accept', 'accepted')
    const issued = cluster.said('accept').filter(({ message }) => message.instance === 0)
    expect(new Set(issued.map(({ message }) => message.ballot.node))).toEqual(new Set([0, 2]))
    expect(new Set(issued.map(({ message }) => requestsOf(message.batch)[0]?.uid))).toEqual(new Set(['a@0']))
    expect(cluster.executedAt(0)).toEqual({ 0: 'a', 2: 'a' })
  })

  test('P2c: v is the value of the highest-numbered proposal accepted in a majority, though others accepted a lower one', () => {
    const role = proposerThatPrepared()
    const three = [record(0, ballot(3, 3), 'three')]
    const wants = role.hear(
      promise(0, three),
      promise(1, three),
      promise(2, [record(0, ballot(5, 4), 'five')]),
    )
    expect(said(wants)).toContainEqual(
      send(1, { type: 'accept', ballot: ballot(6, 0), instance: 0, batch: batch('five') }),
    )
    expect(role.state).toBe('accepting.helping')
  })

  test('P2c: where no acceptor in a majority has accepted anything, v is free', () => {
    const role = proposerThatPrepared()
    role.hear(promise(0, []), promise(1, []), promise(2, []))
    expect(role.state).toBe('leading')
    expect(said(role.hear({ type: 'batch.offered', batch: batch('own'), atMs: 0 }))).toContainEqual(
      send(4, { type: 'accept', ballot: ballot(6, 0), instance: 0, batch: batch('own') }),
    )
  })
})

describe('2.2, choosing a value', () => {
  test('phase 1a: a proposer chooses a new number n and sends a prepare to a majority of the acceptors', () => {
    const cluster = new Schedule(3)
    cluster.ask('a', 0)
    const asked = cluster.said('prepare')
    expect(asked.map(({ to }) => to)).toEqual([0, 1, 2])
    cluster.lose('prepare')
    cluster.pass(0, 'proposer', 'retransmitInterval')
    // Asked again under the same number: nothing was answered that could differ.
    expect(new Set(cluster.said('prepare').map(({ message }) => JSON.stringify(message.ballot))).size).toBe(1)
  })

  test('phase 1b: it is answered with a promise, and with the highest-numbered proposal that was accepted, if any', () => {
    const role = acceptor()
    expect(answers(role, prepare([2, 1]))).toEqual([
      { type: 'promise', ballot: ballot(2, 1), from: 0, accepted: [], firstUnchosen: 0 },
    ])
    answers(role, accept([2, 1], 'two'))
    answers(role, accept([3, 2], 'three'))
    expect(answers(role, prepare([4, 1]))).toEqual([
      {
        type: 'promise',
        ballot: ballot(4, 1),
        from: 0,
        accepted: [record(0, ballot(3, 2), 'three')],
        firstUnchosen: 0,
      },
    ])
  })

  test('phase 1b: a prepare below one that was answered need not be answered; here it is denied', () => {
    const role = acceptor()
    answers(role, prepare([2, 2]))
    expect(answers(role, prepare([2, 1]))).toEqual([
      { type: 'denial', ballot: ballot(2, 1), instance: 0, promised: ballot(2, 2), firstUnchosen: 0 },
    ])
  })

  test('phase 2a: the accept goes out when a majority has promised, and not before', () => {
    const cluster = new Schedule(5)
    cluster.ask('a', 0)
    cluster.exchange(0, [1], 'prepare', 'promise')
    expect(cluster.said('accept')).toEqual([])
    cluster.exchange(0, [2], 'prepare', 'promise')
    expect(cluster.said('accept').map(({ to }) => to)).toEqual([0, 1, 2, 3, 4])
  })

  test('a majority is one of acceptors, not of answers: a promise that arrives twice counts once', () => {
    const cluster = new Schedule(5)
    cluster.ask('a', 0)
    cluster.deliver('prepare', 0, 1)
    const [promise] = cluster.state.flying.filter(({ message }) => message.type === 'promise')
    cluster.happen({ type: 'duplicate', flight: promise?.id ?? -1 })
    expect(cluster.deliver('promise', 1, 0)).toBe(2)
    expect(cluster.said('accept')).toEqual([])
  })

  test('phase 2b: an acceptor that has promised a higher number in the meantime does not accept', () => {
    const cluster = new Schedule(3)
    cluster.ask('a', 0)
    cluster.exchange(0, [1], 'prepare', 'promise')
    cluster.ask('b', 2)
    cluster.deliver('prepare', 2, 1)
    cluster.deliver('accept', 0, 1)
    expect(cluster.said('accepted').map(({ node }) => node)).toEqual([0])
    expect(cluster.said('denial').map(({ node, to }) => [node, to])).toEqual([[1, 0]])
  })

  test('an acceptor remembers the number promised and the proposal accepted, even if it fails and restarts', () => {
    const cluster = chosenAtZeroAndOne()
    cluster.lose('prepare')
    cluster.lose('accept')
    cluster.ask('b', 2)
    cluster.deliver('prepare', 2, 1)
    const before = cluster.contextOf<AcceptorContext>(1, 'acceptor')
    cluster.crash(1)
    cluster.restart(1)
    const { promised, accepted } = cluster.contextOf<AcceptorContext>(1, 'acceptor')
    expect(promised).toEqual(before.promised)
    expect(promised?.node).toBe(2)
    expect(accepted).toEqual(before.accepted)
    expect(accepted.map(({ ballot }) => ballot.node)).toEqual([0])
  })

  test('a proposer can always abandon a proposal and forget all about it, if it never uses that number again', () => {
    const cluster = new Schedule(3)
    cluster.ask('a', 0)
    cluster.exchange(0, [1], 'prepare', 'promise')
    cluster.crash(0)
    cluster.restart(0)
    expect(cluster.contextOf<ProposerContext>(0, 'proposer').batch).toBeNull()
    cluster.settle()
    expect(cluster.outcome('a')).toMatchObject({ kind: 'executed' })
    const numbers = cluster.said('accept').map(({ message, to }) => JSON.stringify([message.ballot, to]))
    expect(new Set(numbers).size).toBe(numbers.length)
  })

  test('it is a good idea to abandon it when a higher number was begun: a denial tells, and the proposer gives way', () => {
    const cluster = new Schedule(3)
    cluster.ask('a', 0)
    cluster.exchange(0, [1], 'prepare', 'promise')
    cluster.ask('b', 2)
    cluster.exchange(2, [1], 'prepare', 'promise')
    cluster.exchange(0, [1], 'accept', 'denial')
    expect(cluster.stateOf(0, 'proposer')).toBe('backingOff')
  })
})

describe('2.3, learning a chosen value', () => {
  test('a learner finds out that a majority has accepted; here it is the proposer that is told, and its own learner', () => {
    const cluster = chosenAtZeroAndOne()
    expect(new Set(cluster.said('accepted').map(({ to }) => to))).toEqual(new Set([0]))
    // Telling every learner at once costs a message each. The others are told by the next accept, which they hear anyway.
    expect(cluster.said('chosen')).toEqual([])
    cluster.ask('b', 0)
    cluster.deliver('accept', 0, 1)
    expect(cluster.executedAt(0)).toEqual({ 0: 'a', 1: 'a' })
  })

  test('a value could be chosen with no learner ever finding out: a proposal of somebody else finds it out', () => {
    const cluster = new Schedule(3)
    cluster.ask('a', 0)
    cluster.exchange(0, [1], 'prepare', 'promise')
    cluster.deliver('accept', 0, 1)
    cluster.crash(0)
    cluster.lose('accepted')
    expect(cluster.executedAt(0)).toEqual({})
    cluster.ask('b', 2)
    cluster.settle()
    expect(cluster.executedAt(0)).toMatchObject({ 2: 'a' })
    expect(cluster.executedAt(1)).toMatchObject({ 2: 'b' })
  })

  test('the failure of an acceptor could make it impossible to know whether a majority had accepted; it is then carried on', () => {
    const cluster = new Schedule(3)
    cluster.ask('a', 0)
    cluster.exchange(0, [1], 'prepare', 'promise')
    // Server 0 alone has accepted it, and 1 is gone: nobody can tell whether 1 had.
    cluster.crash(1)
    cluster.lose('accept')
    cluster.ask('b', 2)
    cluster.exchange(2, [0], 'prepare', 'promise')
    expect(cluster.stateOf(2, 'proposer')).toBe('accepting.helping')
    cluster.settle()
    expect(cluster.executedAt(0)).toMatchObject({ 2: 'a' })
  })
})

describe('2.4, progress', () => {
  /** Each of two proposers prepares above the other before the other's accept arrives. */
  function duel(rounds: number): Schedule {
    const cluster = new Schedule(3)
    // Each client has just left the rival of the server that it asks, so neither server hands its request over.
    cluster.ask('a', 0, lock('a'), 2)
    cluster.exchange(0, [1], 'prepare', 'promise')
    cluster.ask('b', 2, lock('b'), 0)
    for (let round = 0; round < rounds; round += 1) {
      const [ahead, behind] = round % 2 === 0 ? [2, 0] : [0, 2]
      cluster.exchange(ahead, [1], 'prepare', 'promise')
      cluster.exchange(behind, [1], 'accept', 'denial')
      cluster.pass(behind, 'proposer', 'backoff')
    }
    return cluster
  }

  test('two proposers can keep issuing proposals with increasing numbers, none of which is ever chosen', () => {
    const cluster = duel(6)
    expect(cluster.executedAt(0)).toEqual({})
    const rounds = cluster.said('prepare').map(({ message }) => message.ballot.round)
    expect(Math.max(...rounds)).toBeGreaterThanOrEqual(6)
  })

  test('progress asks for a distinguished proposer; here each backs off for a random while, longer at each denial', () => {
    const cluster = duel(6)
    const { backoffs, backoffMs } = cluster.contextOf<ProposerContext>(0, 'proposer')
    expect(backoffs).toBe(3)
    expect(backoffMs).toBeGreaterThanOrEqual(defaultTiming.backoffMs * 2)
    cluster.settle()
    expect(cluster.outcome('a')).toMatchObject({ kind: 'executed' })
    expect(cluster.outcome('b')).toMatchObject({ kind: 'executed' })
  })

  test('a distinguished proposer that learns of a higher number chooses one that is high enough, at once', () => {
    const role = proposerThatPrepared()
    role.hear({
      type: 'denial',
      ballot: ballot(6, 0),
      instance: 0,
      promised: ballot(41, 2),
      firstUnchosen: 0,
      ...sentBy(2),
    })
    role.pass('backoff')
    role.hear({ type: 'requests.ready' })
    expect(role.context.ballot).toEqual(ballot(42, 0))
  })

  test('safety is ensured with any leader: all of them at once', () => {
    const cluster = new Schedule(3)
    cluster.askAtOnce({ a: 0, b: 1, c: 2 })
    cluster.settle()
    for (const client of ['a', 'b', 'c']) expect(cluster.outcome(client)).toMatchObject({ kind: 'executed' })
  })
})

describe('2.5, the implementation', () => {
  test('an acceptor records its intended response in stable storage before it sends it', () => {
    const cluster = new Schedule(3)
    cluster.holdSyncs()
    cluster.ask('a', 0)
    cluster.deliver('prepare', 0, 1)
    expect(cluster.said('promise')).toEqual([])
    cluster.happen({ type: 'sync', server: 0 }, { type: 'sync', server: 1 })
    expect(cluster.said('promise').map(({ node }) => node)).toEqual([0, 1])
    cluster.deliver('promise', 1, 0)
    cluster.deliver('accept', 0, 1)
    expect(cluster.said('accepted')).toEqual([])
    cluster.happen({ type: 'sync', server: 1 })
    expect(cluster.said('accepted').map(({ node }) => node)).toEqual([1])
  })

  test('what was not recorded before a failure was not said, so nobody counts on it', () => {
    const cluster = new Schedule(3)
    cluster.holdSyncs()
    cluster.ask('a', 0)
    cluster.deliver('prepare', 0, 1)
    cluster.crash(1)
    cluster.restart(1)
    expect(cluster.contextOf<AcceptorContext>(1, 'acceptor').promised).toBeNull()
    expect(cluster.said('promise')).toEqual([])
  })

  test('no two proposals have the same number: different proposers choose from disjoint sets', () => {
    const cluster = new Schedule(3)
    for (const server of [0, 1, 2]) {
      // The client has just left the leader, so the server proposes the request itself.
      cluster.ask(`client-${server}`, server, lock('x'), server - 1)
      cluster.settle()
    }
    const proposers = new Map<string, Set<NodeId>>()
    for (const { node, message } of cluster.said('accept')) {
      const number = JSON.stringify(message.ballot)
      proposers.set(number, (proposers.get(number) ?? new Set()).add(node))
    }
    expect(proposers.size).toBeGreaterThanOrEqual(3)
    for (const nodes of proposers.values()) expect(nodes.size).toBe(1)
  })

  test('a proposer remembers the highest number it has tried, and begins above it; its own acceptor does that for it', () => {
    const cluster = new Schedule(3)
    const rounds: number[] = []
    for (const client of ['a', 'b', 'c']) {
      cluster.ask(client, 0)
      cluster.exchange(0, [1], 'prepare', 'promise')
      rounds.push(cluster.contextOf<ProposerContext>(0, 'proposer').ballot.round)
      cluster.crash(0)
      cluster.restart(0)
    }
    expect(rounds).toEqual([1, 2, 3])
  })
})

describe('3, a state machine', () => {
  test('servers that execute the same commands in the same order produce the same states and outputs', () => {
    const cluster = new Schedule(3)
    cluster.ask('a', 0, lock('x'))
    cluster.settle()
    cluster.ask('b', 1, lock('y'))
    cluster.settle()
    cluster.ask('a', 2, unlock('x'))
    cluster.settle()
    cluster.ask('c', 0, lock('y'))
    cluster.settle()
    const executed = cluster.facts.flatMap((fact) => (fact.type === 'executed' ? [fact] : []))
    for (const { instance, execution, digest } of executed) {
      for (const other of executed.filter((fact) => fact.instance === instance)) {
        expect(other.execution).toEqual(execution)
        expect(other.digest).toBe(digest)
      }
    }
    expect(new Set(executed.map(({ node }) => node)).size).toBe(3)
    expect(new Set(executed.map(({ instance }) => instance)).size).toBe(4)
  })

  test('the value chosen by the i-th instance is the i-th command: a server executes them in order, without a gap', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a', 'b', 'c', 'd')
    cluster.ask('e', 2, lock('e'), 0)
    cluster.settle()
    const executedBy = (server: NodeId) =>
      cluster.facts.flatMap((fact) =>
        fact.type === 'executed' && fact.node === server ? [fact.instance] : [],
      )
    expect(executedBy(0)).toEqual([0, 1, 2, 3])
    expect(executedBy(2)).toEqual([0, 1, 2, 3, 4])
  })

  test('a new leader executes phase 1 for infinitely many instances with one message', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a', 'b', 'c')
    expect(cluster.executedAt(2)).toMatchObject({ 0: 'c' })
    expect(cluster.said('prepare').map(({ to, message }) => [to, message.from])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ])
  })

  test('an acceptor answers that with more than an OK only if it has accepted something there', () => {
    const cluster = chosenAtZeroAndOne()
    cluster.ask('b', 2)
    cluster.exchange(2, [1], 'prepare', 'promise')
    const shown = cluster.said('promise').map(({ node, to, message }) => [node, to, message.accepted.length])
    expect(shown).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [2, 2, 0],
      [1, 2, 1],
    ])
  })

  test('with a leader a command costs phase 2 alone: one accept and one accepted an acceptor', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a')
    const before = cluster.facts.length
    cluster.askInTurn('b')
    const said = cluster.facts.slice(before).flatMap((fact) => (fact.type === 'said' ? [fact] : []))
    expect(
      said
        .filter(({ node, to }) => node !== to)
        .map(({ message }) => message.type)
        .sort(),
    ).toEqual(['accept', 'accept', 'accepted', 'accepted'])
  })

  test('a leader learns what the previous one left open, and proposes that before anything of its own', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a')
    cluster.ask('b', 0)
    cluster.deliver('accept', 0, 1)
    cluster.crash(0)
    cluster.lose('accepted')
    cluster.lose('accept')
    cluster.ask('c', 2)
    cluster.settle()
    // Server 2 had heard of instance 0 only; 1 is open, and it is the old leader's batch.
    expect([0, 1, 2].map((instance) => cluster.executedAt(instance)[2])).toEqual(['a', 'b', 'c'])
  })

  test('a leader could propose the next command before it knows the last one chosen; here it does not, so there are no gaps', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a')
    for (const client of ['b', 'c', 'd', 'e']) cluster.ask(client, 0)
    // The first of them is proposed, and the others wait for its end: then they make one batch.
    const open = cluster.state.flying.flatMap(({ message }) =>
      message.type === 'accept' ? [message.instance] : [],
    )
    expect(open).toEqual([1, 1])
    cluster.settle()
    expect(cluster.executedAt(2)).toMatchObject({ 0: 'c d e' })
    // So no gap is ever filled with a command that does nothing.
    const batches = cluster.said('accept').map(({ message }) => requestsOf(message.batch).length)
    expect(Math.min(...batches)).toBeGreaterThan(0)
  })

  test('the servers are part of the state: those after instance i rule from instance i + 1 on, with a new leader', () => {
    const cluster = new Schedule(3)
    cluster.askInTurn('a')
    cluster.ask('o', 0, { kind: 'members', change: { action: 'remove', id: 2 } })
    cluster.settle()
    cluster.askInTurn('b')
    const askedAt = (instance: number) =>
      cluster.said('accept').flatMap(({ to, message }) => (message.instance === instance ? [to] : []))
    // The paper lets a change rule from i + α on, for what may be in flight. Instances are serial, so α is 1.
    expect(new Set(askedAt(1))).toEqual(new Set([0, 1, 2]))
    expect(new Set(askedAt(2))).toEqual(new Set([0, 1]))
    // What was promised under the old members counts for nothing under the new ones.
    expect(cluster.said('prepare').map(({ message }) => message.ballot.round)).toEqual([1, 1, 1, 2, 2])
  })
})
