/** The time of a batch counts from its first sight, in processes: a leader and a holder die when a touch is accepted and not executed. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import { BuiltPaxos } from '../support/built-paxos.ts'
import { bundled } from '../support/bundled.ts'
import { Datagrams, until } from '../support/datagrams.ts'
import { LiveCluster } from '../support/live-cluster.ts'

/**
 * If the time did not count from the first sight, but from the execution, the session would end 5/3 of this and half a second after the
 * touch, which is more than a second after the leeway.
 */
const ttlMs = 6_000
const leewayMs = 2_000

/** The servers that do not lead: server 0 does. */
const others: readonly NodeId[] = [1, 2]

const program = bundled(fileURLToPath(new URL('../support/lock-client.ts', import.meta.url)))

let cluster: LiveCluster
let looker: Datagrams
let holder: BuiltPaxos | null = null

beforeAll(async () => {
  cluster = await LiveCluster.start(3)
  looker = await Datagrams.open()
})

afterAll(async () => {
  holder?.signal('SIGKILL')
  await looker?.close()
  await cluster?.close()
})

/** Loses each `accepted` to the leader. Resolves when the others have accepted a touch, to the time at which the first received it. */
async function acceptedTouch(): Promise<number> {
  let seenAtMs = Number.POSITIVE_INFINITY
  const seen = new Set<NodeId>()
  const accepted = new Set<NodeId>()
  for (const id of others) {
    cluster.network(id).tap = (datagram) => {
      if (!datagram.includes('"accept"') || !datagram.includes('"touch"')) return
      seen.add(id)
      seenAtMs = Math.min(seenAtMs, performance.now())
    }
  }
  cluster.network(0).isLost = (datagram) => {
    if (!datagram.includes('"accepted"')) return false
    for (const id of seen) if (datagram.includes(`"s":${id},`)) accepted.add(id)
    return true
  }
  await until(
    () => accepted.size === others.length,
    ttlMs,
    () => `servers ${[...accepted]} have accepted a touch, and not ${others}`,
  )
  return seenAtMs
}

async function sessionsAt(id: NodeId): Promise<number> {
  const { sessions } = await looker.inquire(cluster.listening(id))
  return sessions as number
}

test('a session ends one ttl after a touch that nobody had executed when its client and the leader were killed', async () => {
  holder = new BuiltPaxos([cluster.addresses.join(','), 'x', `${ttlMs}`], { program: [program] })
  await holder.said(/^granted \d+$/m)
  const touchedAtMs = await acceptedTouch()
  holder.signal('SIGKILL')
  await Promise.all([cluster.crash(0), holder.ended])
  expect(performance.now() - touchedAtMs).toBeLessThan(1_000)
  // The servers execute as late as they can, so both know of the session only when they go on. A late copy of its `open` may have opened
  // another one, which ends before it.
  await until(
    async () => (await sessionsAt(1)) > 0,
    ttlMs,
    () => 'server 1 knows no session',
  )
  await until(
    async () => (await sessionsAt(1)) === 0,
    2 * ttlMs,
    () => 'the session does not end',
  )
  const livedMs = performance.now() - touchedAtMs
  expect(livedMs).toBeGreaterThan(ttlMs)
  expect(livedMs).toBeLessThan(ttlMs + leewayMs)
  const lock = await cluster.connect(1).locks.acquire('x')
  expect(await lock.release()).toBe(true)
})
