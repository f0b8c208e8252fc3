import { expect } from 'vitest'
import type { NodeMessage } from '../../machines/messages.ts'
import type { Plant } from '../../src/stepped/settings.ts'
import { counting, DifferingCluster } from './differing.ts'

const usual = () => counting(() => 0)
/** Behaves differently from its second request on. */
const odd = () => counting((request) => (request >= 2 ? 1 : 0))

/** Everything arrives but the messages with which servers compare: the odd server does not halt. */
function settleWithoutVerdict(cluster: DifferingCluster): void {
  const lost = (type: NodeMessage['type']) => type === 'compare' || type === 'compared'
  for (let flight = cluster.flying[0]; flight !== undefined; flight = cluster.flying[0]) {
    if (lost(flight.message.type)) cluster.flying = cluster.flying.filter((other) => other !== flight)
    else cluster.deliver(flight)
  }
}

/** A server that leads, and differs since the second request, gets no vote for the third from those that executed the second. */
export function noVoteForOneThatDiffers(plant?: Plant): void {
  const cluster = new DifferingCluster([odd(), usual(), usual()], plant)
  for (const seq of [1, 2, 3]) {
    cluster.ask('a', seq, 0)
    settleWithoutVerdict(cluster)
  }
  expect(cluster.halted).toEqual([null, null, null])
  expect(cluster.executed(0)).toBe(2)
  expect(cluster.answerTo('a', 3)).toBeUndefined()
}

/** A server that follows, and has seen that it differs since the second request, answers nobody before there is a verdict. */
export function noAnswerFromOneInDoubt(plant?: Plant): void {
  const cluster = new DifferingCluster([usual(), odd(), usual()], plant)
  for (const seq of [1, 2]) {
    cluster.ask('a', seq, 0)
    settleWithoutVerdict(cluster)
  }
  cluster.ask('b', 1, 1)
  settleWithoutVerdict(cluster)
  expect(cluster.halted).toEqual([null, null, null])
  expect(cluster.executed(1)).toBe(3)
  expect(cluster.answerTo('b', 1)).toBeUndefined()
}
