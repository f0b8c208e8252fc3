import type { Json, NodeId } from '../../machines/batch.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'
import { calm } from '../../src/simulator/network.ts'
import type { TestCluster } from '../suites/cluster.ts'

const storm = { loss: 0.2, duplication: 0.1, minDelayMs: 0.1, maxDelayMs: 20 }

/** A simulated cluster behind the face of the suite: while somebody waits for an answer, virtual time goes on. */
export function simulatedCluster(
  seed: number,
  servers: number,
): TestCluster & { readonly simulation: SimulatedCluster } {
  const simulation = new SimulatedCluster({ seed, servers, service: lockService as Service })
  let waiting = 0
  let isPumping = false

  /** One event at a time, so that whoever was answered acts before the next one; then whoever waits is let go on. */
  async function pump(): Promise<void> {
    if (isPumping) return
    isPumping = true
    try {
      while (waiting > 0) {
        for (let steps = 0; steps < 20 && simulation.timeline.advance(); steps += 1) await null
        await new Promise((next) => setImmediate(next))
        if (waiting > 0 && simulation.timeline.isEmpty) throw new Error('somebody waits, and nothing is due')
      }
    } finally {
      isPumping = false
    }
  }

  async function until<T>(promise: Promise<T>): Promise<T> {
    waiting += 1
    const pumping = pump()
    try {
      return await Promise.race([promise, pumping.then(() => promise)])
    } finally {
      waiting -= 1
    }
  }

  return {
    simulation,
    async client() {
      const client = simulation.client()
      return {
        async request(body: Json, server: NodeId = 0) {
          const outcome = await until(client.request({ kind: 'service', body }, server))
          if (outcome.kind !== 'executed') throw new Error(`not executed: ${JSON.stringify(outcome)}`)
          return outcome
        },
      }
    },
    async crash(id) {
      simulation.crash(id)
    },
    async restart(id) {
      simulation.start(id)
    },
    async join(id) {
      await until(simulation.join(id, 0))
    },
    disturb(isDisturbed) {
      simulation.network.faults = isDisturbed ? storm : calm
    },
    async executed(id) {
      return simulation.executed(id)
    },
    pass(waitMs) {
      return until(new Promise<void>((resolve) => simulation.timeline.schedule(waitMs, resolve)))
    },
    async close() {
      waiting = 0
    },
  }
}
