import { describe, expect, test } from 'vitest'
import { type NetworkFaults, noFaults, SimulatedNetwork } from '../../src/simulator/network.ts'
import { Timeline } from '../../src/simulator/timeline.ts'

/** What arrives of a hundred datagrams from a to b, in order, each with the time it took. */
function send(
  faults: Partial<NetworkFaults>,
  prepare: (network: SimulatedNetwork) => void = () => undefined,
) {
  const timeline = new Timeline()
  const network = new SimulatedNetwork(timeline, 1, { ...noFaults, ...faults })
  const arrived: { readonly datagram: unknown; readonly atMs: number }[] = []
  network.listen('b', (datagram, from) => {
    expect(from).toBe('a')
    arrived.push({ datagram, atMs: timeline.nowMs })
  })
  prepare(network)
  for (let datagram = 0; datagram < 100; datagram += 1) network.send('a', 'b', datagram)
  while (timeline.advance());
  expect(network.onTheWay).toBe(0)
  expect(network.sent).toBe(100)
  return arrived
}

describe('a simulated network', () => {
  test('without faults brings everything once', () => {
    const arrived = send({}).map(({ datagram }) => datagram as number)
    expect(arrived.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, datagram) => datagram))
  })

  test('loses its part', () => {
    const { length } = send({ lossPercent: 30 })
    expect(length).toBeGreaterThan(50)
    expect(length).toBeLessThan(90)
  })

  test('brings some twice', () => {
    const arrived = send({ duplicationPercent: 30 }).map(({ datagram }) => datagram)
    expect(arrived.length).toBeGreaterThan(110)
    expect(new Set(arrived).size).toBe(100)
  })

  test('lets them overtake each other', () => {
    const arrived = send({ maxDelayMs: 20 }).map(({ datagram }) => datagram as number)
    expect(arrived).not.toEqual([...arrived].sort((a, b) => a - b))
  })

  test('keeps some for a long time', () => {
    const late = send({ latePercent: 10, lateMs: 5_000 }).filter(({ atMs }) => atMs > 4_000)
    expect(late.length).toBeGreaterThan(0)
    expect(late.length).toBeLessThan(30)
  })

  test('cut one way, brings nothing that way and everything the other', () => {
    expect(send({}, (network) => network.cut([{ from: 'a', to: 'b' }]))).toEqual([])
    expect(send({}, (network) => network.cut([{ from: 'b', to: 'a' }]))).toHaveLength(100)
  })

  test('cut twice, is whole again when both cuts have ended', () => {
    const oneEnds = (network: SimulatedNetwork) => {
      network.cut([{ from: 'a', to: 'b' }])()
      network.cut([{ from: 'a', to: 'b' }])
    }
    expect(send({}, oneEnds)).toEqual([])
    const cutTwice = (network: SimulatedNetwork) => [
      network.cut([{ from: 'a', to: 'b' }]),
      network.cut([{ from: 'a', to: 'b' }]),
    ]
    expect(send({}, (network) => cutTwice(network)[0]?.())).toEqual([])
    expect(send({}, (network) => cutTwice(network).forEach((end) => void end()))).toHaveLength(100)
  })

  test('brings nothing to where nobody is any more', () => {
    expect(send({}, (network) => network.leave('b'))).toEqual([])
  })
})
