/** A process that is suspended does nothing, and then takes what came due, in order. */
import { expect, test } from 'vitest'
import type { NodeMessage } from '../../machines/messages.ts'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'
import { serviceOf } from '../../src/simulator/services.ts'

const prepare = (round: number): NodeMessage => ({ type: 'prepare', ballot: { round, node: 1 }, from: 0 })

/** Two servers of which server 0 writes down what it hears; what it says to server 1 goes to `said`. */
function pausedCluster() {
  const heard: string[] = []
  const said: string[] = []
  const cluster = new SimulatedCluster({
    seed: 1,
    servers: 2,
    service: serviceOf('lock'),
    heard: ({ id }, { message }) => {
      if (id === 0) heard.push(`${message.type} at ${Math.round(cluster.timeline.nowMs)}`)
    },
    observe: (fact) => {
      if (fact.type === 'said' && fact.node === 0) said.push(fact.message.type)
    },
  })
  cluster.start()
  const names = { incarnation: cluster.server(1).incarnation, addressee: cluster.server(0).incarnation }
  const send = (round: number) =>
    cluster.network.send(cluster.server(1).address, cluster.server(0).address, {
      sender: 1,
      names,
      message: prepare(round),
    })
  const passUntil = (atMs: number) => {
    cluster.timeline.schedule(atMs - cluster.timeline.nowMs, () => undefined)
    while (cluster.timeline.nowMs < atMs && cluster.timeline.advance());
  }
  return { cluster, heard, said, send, passUntil }
}

test('datagrams wait, and are taken in the order in which they came', () => {
  const { cluster, heard, said, send, passUntil } = pausedCluster()
  const goOn = cluster.server(0).pause()
  for (const round of [1, 2, 3]) {
    send(round)
    passUntil(round * 10)
  }
  expect(heard).toEqual([])
  goOn()
  expect(heard).toEqual(['prepare at 30', 'prepare at 30', 'prepare at 30'])
  passUntil(40)
  expect(said).toEqual(['promise', 'promise', 'promise'])
})

test('the end of a sync waits too: nothing is said before the process goes on', () => {
  const { cluster, said, send, passUntil } = pausedCluster()
  send(1)
  while (!cluster.server(0).isSyncing && cluster.timeline.advance());
  expect(cluster.server(0).isSyncing).toBe(true)
  const goOn = cluster.server(0).pause()
  passUntil(50)
  expect(cluster.server(0).isSyncing).toBe(false)
  expect(cluster.server(0).disk.state.promised).toBeNull()
  expect(said).toEqual([])
  goOn()
  expect(said).toEqual(['promise'])
})

test('of two pauses the last to end counts, and a crash ends them', () => {
  const { cluster, heard, send, passUntil } = pausedCluster()
  const server = cluster.server(0)
  const first = server.pause()
  const second = server.pause()
  send(1)
  passUntil(10)
  first()
  expect(heard).toEqual([])
  server.crash('lost')
  server.start()
  second()
  expect(server.isPaused).toBe(false)
  passUntil(40)
  expect(heard).toEqual([])
  send(2)
  passUntil(50)
  expect(heard).toHaveLength(1)
})
