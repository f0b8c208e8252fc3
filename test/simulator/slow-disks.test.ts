/** Servers whose disks are slow do not depose each other for ever. */
import { expect, test } from 'vitest'
import type { ClientPlan, Plan } from '../../src/simulator/plan.ts'
import { runPlan } from '../../src/simulator/run.ts'

const stormMs = 40_000

/** At each server, two clients write one value after another, while each sync takes up to `syncMs`. */
function plan(seed: number, servers: number, syncMs: number): Plan {
  const ids = Array.from({ length: servers }, (_, id) => id)
  const client = (server: number, key: string): ClientPlan => ({
    beginsAtMs: 0,
    server,
    lanes: [
      Array.from({ length: 400 }, (_, value) => ({
        kind: 'write',
        key,
        value,
        thinkMs: 0,
        patienceMs: null,
      })),
    ],
  })
  return {
    ...{ format: 3, seed, servers, service: 'register', stormMs, ttlMs: 3_600_000 },
    faults: ids.map((server) => ({ kind: 'slowDisk', server, syncMs, atMs: 0, forMs: stormMs })),
    clients: ids.flatMap((server) => [client(server, `${server}a`), client(server, `${server}b`)]),
  }
}

/** The requests that were answered, and the prepares that were received, within the storm. */
function counted(given: Plan): { readonly answered: number; readonly prepares: number } {
  let [answered, prepares] = [0, 0]
  const report = runPlan(given, {
    heard: ({ message }) => {
      if (message.type === 'prepare') prepares += 1
    },
    ended: (operations) => {
      answered = operations.filter(
        ({ ending }) => ending.kind === 'answered' && ending.at.timeMs < stormMs,
      ).length
    },
  })
  expect(report.failure).toBeNull()
  return { answered, prepares }
}

test.each([
  [3, 1],
  [3, 2],
  [5, 1],
])('%s servers with syncs of 300 ms answer most requests of the time, seed %s', (servers, seed) => {
  const { answered, prepares } = counted(plan(seed, servers, 300))
  // Alone, a leader has a batch chosen in about two syncs, and a batch answers all clients.
  expect(answered).toBeGreaterThan(60 * servers)
  expect(prepares).toBeLessThan(200 * servers)
})
