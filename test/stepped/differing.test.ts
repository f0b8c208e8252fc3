/** Servers whose services behave differently find that out themselves. Nobody else judges their states here. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { counting, DifferingCluster } from '../support/differing.ts'
import { differingServerHalts } from '../support/differing-server-halts.ts'
import { noAnswerFromOneInDoubt, noVoteForOneThatDiffers } from '../support/no-answer-from-a-difference.ts'

const usual = counting(() => 0)
/** Adds one to the result of the request `from` and of all later ones. */
const wrongFrom = (from: number) => counting((request) => (request >= from ? 1 : 0))
/** Has another result on every server at the request `at`. */
const unlike = (server: number, at: number) => counting((request) => (request >= at ? server * 10 : 0))

/** Requests 1 to `last` of client a, each executed everywhere before the next. */
function askInTurn(cluster: DifferingCluster, last: number, server = 0): void {
  for (let seq = 1; seq <= last; seq += 1) {
    cluster.ask('a', seq, server)
    cluster.settle()
    // While the servers compare, votes and answers are held back: they come when they are asked for again.
    cluster.pass(server, 'proposer', 'retransmitInterval')
    cluster.settle()
    cluster.ask('a', seq, server)
    cluster.settle()
  }
}

describe('servers that behave alike', () => {
  test('never compare: no message more than without an auditor', () => {
    const cluster = new DifferingCluster([usual, usual, usual])
    for (let seq = 1; seq <= 3; seq += 1) {
      cluster.ask('a', seq, 0)
      while (cluster.flying[0] !== undefined) {
        expect(['compare', 'compared']).not.toContain(cluster.flying[0].message.type)
        cluster.deliver(cluster.flying[0])
      }
    }
    expect(cluster.halted).toEqual([null, null, null])
    expect(cluster.states('auditor')).toEqual(['agreeing', 'agreeing', 'agreeing'])
  })

  test('do not halt because of one forged accept, or a forged answer', () => {
    const cluster = new DifferingCluster([usual, usual, usual])
    askInTurn(cluster, 3)
    const batch = { node: 0, elapsedMs: 0, groups: [] }
    const accept = {
      type: 'accept',
      ballot: { round: 1, node: 0 },
      instance: 2,
      batch,
      digest: 'forged',
    } as const
    cluster.forge(0, 1, accept)
    expect(cluster.states('auditor')[1]).toBe('comparing')
    cluster.forge(0, 1, { type: 'compared', instance: 1, digests: ['forged'] })
    cluster.settle()
    expect(cluster.halted).toEqual([null, null, null])
    expect(cluster.states('auditor')).toEqual(['agreeing', 'agreeing', 'agreeing'])
  })
})

describe('a server that behaves differently from two others', () => {
  test('halts at the next batch, and names the instance, the request and its outcome', () => {
    const cluster = new DifferingCluster([usual, wrongFrom(2), usual])
    askInTurn(cluster, 2)
    expect(cluster.halted).toEqual([null, null, null])
    askInTurn(cluster, 3)
    const [first, second, third] = cluster.halted
    expect([first, third]).toEqual([null, null])
    expect(second).toMatch(
      /differ from those of a quorum, first at instance 1: .* on the servers (0, 2|2, 0)/,
    )
    expect(second).toContain(
      'at instance 1 it executed a#2 {"kind":"service","body":2} -> {"kind":"executed","result":3',
    )
    expect(cluster.answerTo('a', 3)).toMatchObject({ kind: 'executed', result: 3 })
  })

  test('halts when it leads, and the others go on', () => {
    const cluster = new DifferingCluster([wrongFrom(2), usual, usual])
    askInTurn(cluster, 3)
    expect(cluster.halted[0]).toContain('first at instance 1')
    expect(cluster.halted.slice(1)).toEqual([null, null])
    cluster.ask('b', 1, 1)
    for (let tries = 0; tries < 20; tries += 1) {
      cluster.pass(1, 'requestQueue', 'handOverInterval')
      cluster.settle()
    }
    expect(cluster.answerTo('b', 1)).toMatchObject({ kind: 'executed' })
  })

  test('halts when it starts with the difference in what it executes again', () => {
    // It runs other code now, and executes the stored batches again.
    let version = 1
    const upgraded = counting(() => (version === 1 ? 0 : 1))
    const cluster = new DifferingCluster([usual, usual, upgraded])
    askInTurn(cluster, 2)
    version = 2
    cluster.happen(2, { type: 'crash', survived: 0 })
    cluster.happen(2, { type: 'start', randomSeed: 2 })
    for (const seq of [1, 2]) {
      cluster.ask('b', seq, 0)
      cluster.settle()
      cluster.pass(2, 'learner', 'grace')
      cluster.settle()
    }
    expect(cluster.halted[2]).toContain('first at instance 0')
    expect(cluster.halted.slice(0, 2)).toEqual([null, null])
  })

  test('always halts, and no other does, whatever is lost, repeated and reordered', () => {
    fc.assert(differingServerHalts(), { numRuns: 60 })
  })
})

describe('before there is a verdict', () => {
  test('a server that differs gets no vote from those that executed what differs', () => {
    noVoteForOneThatDiffers()
  })

  test('a server that has seen that it differs answers no client', () => {
    noAnswerFromOneInDoubt()
  })
})

describe('servers that all behave differently', () => {
  const services = () => [unlike(1, 2), unlike(2, 2), unlike(3, 2)]

  test('stay up, agree about where they first differ, and refuse requests for the service alone', () => {
    const cluster = new DifferingCluster(services())
    askInTurn(cluster, 3)
    expect(cluster.halted).toEqual([null, null, null])
    expect(cluster.states('auditor')).toEqual(['disputed', 'disputed', 'disputed'])
    expect(cluster.disputes).toEqual(Array(3).fill({ instance: 1, isFirst: true }))
    for (const server of [0, 1, 2]) {
      cluster.ask('b', server + 1, server)
      cluster.settle()
      expect(cluster.answerTo('b', server + 1)).toEqual({ kind: 'refused', reason: 'disputed' })
    }
    const before = cluster.executed(0)
    cluster.ask('c', 1, 0, { kind: 'touch' })
    cluster.settle()
    expect(cluster.answerTo('c', 1)).toMatchObject({ kind: 'executed' })
    expect(cluster.executed(0)).toBe(before + 1)
    expect(cluster.halted).toEqual([null, null, null])
  })

  test('come to rest: nobody asks for ever', () => {
    const cluster = new DifferingCluster(services())
    askInTurn(cluster, 3)
    expect(cluster.flying).toEqual([])
    for (const id of [0, 1, 2]) {
      for (let tries = 0; tries < 10; tries += 1) cluster.pass(id, 'auditor', 'askInterval')
    }
    expect(cluster.flying).toEqual([])
  })

  test('answer a repetition of what was executed before the dispute', () => {
    const cluster = new DifferingCluster(services())
    askInTurn(cluster, 3)
    cluster.ask('a', 1, 1)
    expect(cluster.answerTo('a', 1)).toMatchObject({ kind: 'executed', result: 1 })
  })

  test('end the dispute when a quorum behaves alike again', () => {
    let isRepaired = false
    const repaired = (server: number) =>
      counting((request) => (request >= 2 && !isRepaired ? server * 10 : 0))
    const cluster = new DifferingCluster([1, 2, 3].map(repaired))
    askInTurn(cluster, 3)
    isRepaired = true
    for (const id of [0, 1]) {
      cluster.happen(id, { type: 'crash', survived: 0 })
      cluster.happen(id, { type: 'start', randomSeed: 2 })
      cluster.settle()
    }
    for (let seq = 1; seq <= 3; seq += 1) {
      cluster.ask('b', seq, 0)
      cluster.settle()
      for (let tries = 0; tries < 20; tries += 1) {
        for (const id of [0, 1, 2]) {
          cluster.pass(id, 'requestQueue', 'handOverInterval')
          cluster.pass(id, 'proposer', 'backoff')
          cluster.settle()
        }
      }
    }
    expect(cluster.answerTo('b', 3)).toMatchObject({ kind: 'executed' })
    expect(cluster.halted[2]).toContain('differ from those of a quorum')
    expect(cluster.disputes.slice(0, 2)).toEqual([null, null])
  })
})
