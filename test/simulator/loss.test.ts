import { describe, expect, it } from 'vitest'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'
import { noFaults } from '../../src/simulator/network.ts'
import { serviceOf } from '../../src/simulator/services.ts'

const servers = [0, 1, 2]
const clientCount = 10
const beginsAtMs = 500
/** By the percentage of loss. Where nothing is lost a second has more requests than three with loss. */
const forMs = { 0: 1_000, 20: 3_000 } as const
const seeds = [1, 2, 3]

interface Load {
  /** How long each answered request took, in virtual milliseconds, sorted. */
  readonly times: readonly number[]
  readonly datagrams: number
}

/** Ten clients, each with one request outstanding, at a leader that works: after a while the network loses `lossPercent`. */
function load(seed: number, lossPercent: keyof typeof forMs): Load {
  const { timeline, network, ...cluster } = started(seed)
  const times: number[] = []
  for (const client of cluster.clients) {
    const ask = () => {
      const calledMs = timeline.nowMs
      client.ask(write, () => {
        if (calledMs >= beginsAtMs) times.push(timeline.nowMs - calledMs)
        timeline.schedule(0, ask)
      })
    }
    ask()
  }
  while (timeline.nowMs < beginsAtMs) timeline.advance()
  network.faults = { ...noFaults, lossPercent }
  const before = network.sent
  while (timeline.nowMs < beginsAtMs + forMs[lossPercent]) timeline.advance()
  return { times: times.sort((a, b) => a - b), datagrams: network.sent - before }
}

const write = { kind: 'service', body: { action: 'write', key: 'k', value: 1 } } as const

function started(seed: number) {
  const cluster = new SimulatedCluster({ seed, servers: servers.length, service: serviceOf('register') })
  cluster.start()
  const clients = Array.from({ length: clientCount }, (_, at) => cluster.client(`client-${at}`, servers))
  return { timeline: cluster.timeline, network: cluster.network, clients }
}

describe('ten clients of three servers, in virtual time', () => {
  const [clean, lossy] = [seeds.map((seed) => load(seed, 0)), seeds.map((seed) => load(seed, 20))]
  const answered = (loads: readonly Load[]) => loads.reduce((sum, { times }) => sum + times.length, 0)
  const datagrams = (loads: readonly Load[]) => loads.reduce((sum, { datagrams: sent }) => sum + sent, 0)

  it('get more than a quarter of their requests when every fifth datagram is lost', () => {
    expect(answered(lossy) / forMs[20] / (answered(clean) / forMs[0])).toBeGreaterThanOrEqual(0.28)
  })

  it('wait at most 300 ms for 99 of 100 answers then', () => {
    for (const { times } of lossy) expect(times[Math.floor(0.99 * times.length)]).toBeLessThan(300)
  })

  it('cost at most 2.85 datagrams a request without loss, and 5.3 with it', () => {
    expect(datagrams(clean) / answered(clean)).toBeLessThan(2.85)
    expect(datagrams(lossy) / answered(lossy)).toBeLessThan(5.3)
  })
})
