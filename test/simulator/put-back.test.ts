/** An older copy of a directory is put back in a simulated cluster, with the check of the marker overridden. */
import { expect, test } from 'vitest'
import type { Outcome } from '../../machines/outcome.ts'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'
import type { SimulatedDatagram } from '../../src/simulator/datagram.ts'
import type { SimulatedServer as Server } from '../../src/simulator/server.ts'
import { serviceOf } from '../../src/simulator/services.ts'
import type { FaultyParts } from '../../src/stepped/settings.ts'

/** Three servers, and a client that asks server 0 first. */
function cluster() {
  const simulation = new SimulatedCluster({
    seed: 3,
    servers: 3,
    service: serviceOf('lock'),
    plant: <S extends FaultyParts>(settings: S) => ({ ...settings, mayBeCopied: true }),
  })
  simulation.start()
  const client = simulation.client('client', [0, 1, 2])
  const other = simulation.client('other', [2, 1])
  const passMs = (waitMs: number) => {
    const { timeline } = simulation
    const untilMs = timeline.nowMs + waitMs
    timeline.schedule(waitMs, () => undefined)
    while (timeline.nowMs < untilMs && timeline.advance());
  }
  const lock = (name: string, by = client): Outcome['kind'] | 'no answer' => {
    const answers: Outcome[] = []
    by.ask({ kind: 'service', body: { action: 'lock', name } }, (outcome) => answers.push(outcome))
    passMs(2_000)
    return answers[0]?.kind ?? 'no answer'
  }
  /** Starts a server, and waits until it serves. */
  const start = (id: number) => {
    simulation.server(id).start()
    passMs(100)
  }
  const distrusted = (id: number) =>
    simulation
      .server(id)
      .node?.memory.trust.flatMap(({ node, distrust }) => (distrust === null ? [] : [node]))
  const withdrawn = (id: number) => simulation.server(id).node?.memory.withdrawn ?? null
  return { simulation, other, lock, start, distrusted, withdrawn }
}

/** Server 1 is down, with an older copy of its directory. Server 0 has heard a later boot of it, and server 2 as well unless it was away and still is. */
function withOlderCopy({ isTwoAway = false } = {}) {
  const around = cluster()
  const { simulation, lock, start } = around
  expect(lock('a')).toBe('executed')
  const one = simulation.server(1)
  one.crash('cached')
  const backup = one.copyDirectory()
  start(1)
  if (isTwoAway) simulation.server(2).crash('cached')
  expect(lock('b')).toBe('executed')
  one.crash('cached')
  one.putBack(backup)
  return { ...around, one }
}

test('a copy that is put back after a later boot is exposed by its first message', () => {
  const { simulation, one, lock, start, distrusted } = withOlderCopy()
  start(1)
  expect(lock('c'), 'the other two are a quorum').toBe('executed')
  expect([0, 2].map(distrusted), 'the finder has told the other server').toEqual([[1], [1]])
  expect(one.isUp, 'a quorum has proof, so the copy has halted').toBe(false)
  start(1)
  simulation.server(2).crash('cached')
  expect(lock('d'), 'the copy is not counted').toBe('no answer')
  start(2)
  expect(lock('e')).toBe('executed')
  expect(one.isUp).toBe(false)
})

test('a copy of a running server, without its later votes, is exposed by its first message to one who counted them', () => {
  const { simulation, other, lock, start, distrusted, withdrawn } = cluster()
  expect(lock('a')).toBe('executed')
  const one = simulation.server(1)
  one.crash('cached')
  const earlier = one.copyDirectory()
  start(1)
  simulation.server(2).crash('cached')
  expect(lock('b'), 'only server 1 voted for it beside server 0').toBe('executed')
  one.crash('cached')
  const { boot } = one.copyDirectory()
  // As if it was copied after its second start, and before it voted: its boots are those of one history.
  one.putBack({ ...earlier, boot })
  start(1)
  expect(lock('c'), 'the copy is not counted').toBe('no answer')
  expect(distrusted(0)).toEqual([1])
  expect(withdrawn(1)).toContain('voted up to ballot')
  // Server 2 was away, and knows of nothing. Without the exposure it would choose other batches with the copy.
  simulation.server(0).crash('cached')
  start(2)
  expect(lock('c', other), 'the copy is silent').toBe('no answer')
  start(0)
  expect(lock('d')).toBe('executed')
})

/** Server 0, and an older copy of server 1 with server 2, have granted the same lock. Then server 0 starts again; `forgets` says that it has lost what it knew of boots. */
function twoHistories(forgets: boolean) {
  const { simulation, other, lock, start } = cluster()
  expect(lock('a')).toBe('executed')
  const [zero, one, two] = [0, 1, 2].map((id) => simulation.server(id)) as [Server, Server, Server]
  one.crash('cached')
  const earlier = one.copyDirectory()
  start(1)
  two.crash('cached')
  expect(lock('b'), 'granted by servers 0 and 1').toBe('executed')
  one.crash('cached')
  const { boot } = one.copyDirectory()
  one.putBack({ ...earlier, boot })
  zero.crash(forgets ? 'lost' : 'cached')
  start(1)
  start(2)
  expect(lock('b', other), 'granted again: neither server knows better').toBe('executed')
  expect(lock('c', other)).toBe('executed')
  const [atZero, atTwo] = [simulation.client('at 0', [0]), simulation.client('at 2', [2])]
  start(0)
  const toZero = lock('c', atZero)
  const toTwo = lock('d', atTwo)
  return { toZero, toTwo, toZeroAgain: lock('d', atZero), up: [zero, one, two].map(({ isUp }) => isUp) }
}

test('who starts again and knows of a later vote of a copy exposes it, and no client gets two answers from then on', () => {
  expect(twoHistories(false)).toEqual({
    ...{ toZero: 'no answer', toTwo: 'refused', toZeroAgain: 'refused' },
    up: [true, false, true],
  })
})

test('who knows of no later vote differs from a quorum and halts, and no client gets two answers from then on', () => {
  expect(twoHistories(true)).toEqual({
    ...{ toZero: 'no answer', toTwo: 'executed', toZeroAgain: 'no answer' },
    up: [false, true, true],
  })
})

test('a server that was away hears which directories were exposed', () => {
  const { one, lock, start, distrusted } = withOlderCopy({ isTwoAway: true })
  start(1)
  expect(lock('c')).toBe('no answer')
  one.crash('cached')
  start(2)
  expect(lock('d')).toBe('executed')
  expect(distrusted(2)).toEqual([1])
})

test('a server that is started again still knows which directory was exposed, and tells it and the others', () => {
  const { simulation, one, lock, start, distrusted } = withOlderCopy({ isTwoAway: true })
  start(1)
  expect(lock('c')).toBe('no answer')
  expect(distrusted(0)).toEqual([1])
  simulation.server(0).crash('cached')
  start(2)
  start(0)
  expect(lock('d')).toBe('executed')
  expect([0, 2].map(distrusted)).toEqual([[1], [1]])
  expect(one.isUp, 'a quorum has told it').toBe(false)
})

test('a copy that others have proof of stays silent when it starts again while they are away', () => {
  const { simulation, other, lock, start, withdrawn } = cluster()
  const [zero, one, two] = [0, 1, 2].map((id) => simulation.server(id)) as [Server, Server, Server]
  for (const server of [one, two]) server.crash('cached')
  const backup = one.copyDirectory()
  start(1)
  expect(lock('a'), 'granted by servers 0 and 1').toBe('executed')
  one.crash('cached')
  one.putBack(backup)
  start(1)
  expect(lock('b')).toBe('no answer')
  expect(withdrawn(1)).toContain('the servers 0 have proof')
  zero.crash('cached')
  one.crash('lost')
  start(1)
  start(2)
  expect(lock('a', other), 'server 0 alone knows who holds it').toBe('no answer')
  expect(withdrawn(1)).toContain('the servers 0 have proof')
  start(0)
  expect(lock('c')).toBe('executed')
})

test('a server repeats a proof that the network lost', () => {
  const { simulation, one, lock, start, distrusted } = withOlderCopy()
  simulation.network.losesOnPurpose = (_from, to, datagram) => {
    const { message } = datagram as SimulatedDatagram
    return message.type === 'exposure' && to === simulation.server(2).address ? 'lost' : null
  }
  start(1)
  expect(lock('c')).toBe('executed')
  expect([0, 2].map(distrusted)).toEqual([[1], []])
  simulation.network.losesOnPurpose = null
  expect(lock('d')).toBe('executed')
  expect([0, 2].map(distrusted)).toEqual([[1], [1]])
  expect(one.isUp, 'a quorum has told it').toBe(false)
})

test('a server that was started again honestly is counted', () => {
  const { simulation, lock, start, distrusted } = cluster()
  expect(lock('a')).toBe('executed')
  for (const id of [1, 2, 1, 1]) {
    simulation.server(id).crash('lost')
    start(id)
    expect(lock(`${id}`)).toBe('executed')
  }
  simulation.server(2).crash('lost')
  expect(lock('b'), 'server 1 is counted').toBe('executed')
  expect([0, 1].map(distrusted)).toEqual([[], []])
})
