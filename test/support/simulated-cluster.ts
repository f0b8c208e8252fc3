import type { Json, NodeId } from '../../machines/batch.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { executedLines } from '../../src/node/executed-log.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import type { SimulatedClient } from '../../src/simulator/client.ts'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'
import { noFaults } from '../../src/simulator/network.ts'
import { Operator } from '../../src/simulator/operator.ts'
import type { TestCluster } from '../suites/cluster.ts'

const unsyncedFates = ['lost', 'kept', 'cached'] as const

const storm = { ...noFaults, lossPercent: 20, duplicationPercent: 10, maxDelayMs: 20 }

/** A simulated cluster behind the face of the suite: while somebody waits for an answer, virtual time goes on. */
export function simulatedCluster(
  seed: number,
  servers: number,
): TestCluster & { readonly simulation: SimulatedCluster } {
  /** What each server executed since it was last started, a line a request. */
  const executed = new Map<NodeId, string[]>()
  const simulation = new SimulatedCluster({
    seed,
    servers,
    service: lockService as Service,
    observe: (fact) => {
      if (fact.type === 'started') executed.set(fact.node, [])
      if (fact.type === 'executed') {
        executed.get(fact.node)?.push(...executedLines(fact.batch, fact.execution))
      }
    },
  })
  simulation.start()
  let clients = 0
  const newClient = (server: NodeId): SimulatedClient => {
    clients += 1
    const ids = simulation.servers.map(({ id }) => id)
    return simulation.client(`client-${clients}`, ids, ids.indexOf(server))
  }
  const operator = new Operator(simulation, newClient)
  let waiting = 0
  let isPumping = false
  let isAnswered = false

  /** Until somebody is answered, who then acts before the next event: that may be due much later. */
  async function pump(): Promise<void> {
    if (isPumping) return
    isPumping = true
    try {
      while (waiting > 0) {
        isAnswered = false
        for (let steps = 0; steps < 20 && !isAnswered && simulation.timeline.advance(); steps += 1) await null
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
    promise.then(
      () => {
        isAnswered = true
      },
      () => undefined,
    )
    try {
      return await Promise.race([promise, pumping.then(() => promise)])
    } finally {
      waiting -= 1
    }
  }

  return {
    simulation,
    async client() {
      // One for each server that is to be asked first.
      const byServer = new Map<NodeId, SimulatedClient>()
      return {
        async request(body: Json, server: NodeId = 0) {
          const client = byServer.get(server) ?? newClient(server)
          byServer.set(server, client)
          const outcome = await until(
            new Promise<Outcome>((resolve) => client.ask({ kind: 'service', body }, resolve)),
          )
          if (outcome.kind !== 'executed') throw new Error(`not executed: ${JSON.stringify(outcome)}`)
          return outcome
        },
      }
    },
    async crash(id) {
      simulation.server(id).crash(unsyncedFates[id % unsyncedFates.length]!)
    },
    async restart(id) {
      simulation.server(id).start()
    },
    async join(id) {
      operator.join(id)
      while (!operator.isIdle) {
        await until(new Promise<void>((resolve) => simulation.timeline.schedule(10, resolve)))
      }
    },
    disturb(isDisturbed) {
      simulation.network.faults = isDisturbed ? storm : noFaults
    },
    async executed(id) {
      return executed.get(id) ?? []
    },
    pass(waitMs) {
      return until(new Promise<void>((resolve) => simulation.timeline.schedule(waitMs, resolve)))
    },
    async close() {
      waiting = 0
    },
  }
}
