/** Sessions end by the replicated clock: no wall clock, and no server that was away, makes a client's requests be refused. */
import { describe, expect, test } from 'vitest'
import type { Json, NodeId } from '../../machines/batch.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { lockService } from '../../src/services/lock.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import type { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import type { SimulatedClient } from '../../src/simulator/client.ts'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import type { Plan } from '../../src/simulator/plan.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'

const hourMs = 3_600_000

class Hours {
  readonly cluster: SimulatedCluster
  #clients = 0

  constructor(seed: number) {
    this.cluster = new SimulatedCluster({ seed, servers: 3, service: lockService as Service })
    this.cluster.start()
  }

  /** A client that asks `server` first. */
  client(server: NodeId = 0): SimulatedClient {
    this.#clients += 1
    return this.cluster.client(`client-${this.#clients}`, [0, 1, 2], server)
  }

  /** Lets so much time pass. */
  pass(ms: number): void {
    const { timeline } = this.cluster
    let isOver = false
    timeline.schedule(ms, () => {
      isOver = true
    })
    while (!isOver) timeline.advance()
  }

  ask(client: SimulatedClient, body: Json): Outcome {
    let outcome: Outcome | null = null
    client.ask({ kind: 'service', body }, (ended) => {
      outcome = ended
    })
    const { timeline } = this.cluster
    const endMs = timeline.nowMs + 60_000
    while (outcome === null && timeline.nowMs < endMs && timeline.advance());
    if (outcome === null) throw new Error(`no answer to ${JSON.stringify(body)} within a minute`)
    return outcome
  }

  lock(client: SimulatedClient, name: string): Outcome {
    return this.ask(client, lockCommand(name))
  }

  unlock(client: SimulatedClient, name: string): Outcome {
    return this.ask(client, unlockCommand(name))
  }

  /** Nothing passes between server `id` and anybody; the returned function ends that. */
  isolate(id: NodeId): () => void {
    const { network, servers } = this.cluster
    const address = this.cluster.server(id).address
    const others = servers.filter((server) => server.id !== id).map((server) => server.address)
    const clients = Array.from({ length: this.#clients }, (_, index) => `client-${index + 1}`)
    return network.cut(
      [...others, ...clients].flatMap((other) => [
        { from: address, to: other },
        { from: other, to: address },
      ]),
    )
  }

  replica(id: NodeId): Replica {
    return this.cluster.server(id).node?.replica as Replica
  }
}

const executed = expect.objectContaining({ kind: 'executed' })

describe.each([1, 2, 3])('seed %i', (seed) => {
  test('a lock that is held for two hours, in which nobody asks for anything, is unlocked from its session', () => {
    const hours = new Hours(seed)
    const client = hours.client()
    expect(hours.lock(client, 'a')).toEqual(executed)
    hours.pass(2 * hourMs)
    expect(hours.unlock(client, 'a')).toEqual(executed)
    expect(hours.replica(0).clockMs).toBeGreaterThan(2 * hourMs * 0.95 - 1)
    expect(hours.replica(0).clockMs).toBeLessThan(2 * hourMs * 1.05 + 1_000)
  })

  test('another server that goes on after two hours brings their time, as it saw what was chosen before', () => {
    const hours = new Hours(seed)
    hours.lock(hours.client(), 'a')
    hours.pass(2 * hourMs)
    hours.cluster.server(0).crash('kept')
    // Server 1 executed nothing yet, so it opens the session at instance 0, below what is forgotten in the same batch.
    expect(hours.lock(hours.client(1), 'b')).toEqual(executed)
    expect(hours.replica(1).clockMs).toBeGreaterThan(2 * hourMs * 0.95 - 1)
  })

  test('a session that is idle for an hour, in which others ask, lapses unnoticed: its client opens another', () => {
    const hours = new Hours(seed)
    const [idle, active] = [hours.client(), hours.client()]
    hours.lock(idle, 'a')
    for (let asked = 0; asked < 8; asked += 1) {
      hours.pass(hourMs / 4)
      expect(hours.unlock(active, 'b')).toEqual(executed)
      expect(hours.replica(0).sessionCount, 'that of the active client').toBe(1)
    }
    expect(hours.unlock(idle, 'a')).toEqual(executed)
    expect(hours.replica(0).sessionCount).toBe(2)
  })

  test.each([0, 1])('the wall clock of server %i is set two hours ahead: nobody notices', (id) => {
    const hours = new Hours(seed)
    const clients = [hours.client(0), hours.client(1), hours.client(2)]
    const use = () => {
      for (const client of clients) expect(hours.unlock(client, 'a')).toEqual(executed)
    }
    use()
    hours.cluster.server(id).clockAheadMs = 2 * hourMs
    use()
    expect(hours.unlock(hours.client(id), 'a'), 'the first request of a new client').toEqual(executed)
    use()
    expect(hours.replica(0).sessionCount).toBe(4)
  })

  test('a server that was away for hours costs nobody a session, and serves new clients', () => {
    const hours = new Hours(seed)
    const [active, away] = [hours.client(), hours.client(2)]
    hours.unlock(away, 'a')
    const goOn = hours.isolate(2)
    for (let asked = 0; asked < 12; asked += 1) {
      hours.pass(hourMs / 4)
      hours.unlock(asked % 2 === 0 ? active : hours.client(), 'a')
    }
    goOn()
    // It is still as it was, and so are the sessions that it opens: the first request shows it what was chosen.
    const fresh = hours.client(2)
    const first = hours.unlock(fresh, 'a')
    expect([executed, { kind: 'refused', reason: 'expired' }]).toContainEqual(first)
    expect(hours.unlock(fresh, 'a')).toEqual(executed)
    expect(hours.unlock(active, 'a')).toEqual(executed)
    expect(hours.unlock(hours.client(2), 'a')).toEqual(executed)
  })

  test('a server that was down for hours costs nobody a session', () => {
    const hours = new Hours(seed)
    const active = hours.client()
    hours.unlock(active, 'a')
    hours.cluster.server(2).crash('kept')
    hours.pass(3 * hourMs)
    hours.unlock(active, 'a')
    hours.cluster.server(2).start()
    hours.cluster.server(0).crash('kept')
    expect(hours.unlock(active, 'a')).toEqual(executed)
  })
})

/** All that happens in the run of a plan, but for the notes that a wall clock was set. */
function eventsOf(plan: Plan): readonly string[] {
  const lines: string[] = []
  const { failure } = runWithCodec(plan, { told: (line) => lines.push(line) })
  expect(failure).toBeNull()
  return lines.filter((line) => !line.includes(' a clock set '))
}

test.each([11, 12, 13, 14])('seed %i: wall clocks that jump change nothing', (seed) => {
  const plan = drawPlan(seed)
  const faults = plan.faults.filter(({ kind }) => kind !== 'clock')
  const jumps = Array.from({ length: plan.servers }, (_, server) => ({
    kind: 'clock' as const,
    atMs: 1_000 * (server + 1),
    server,
    jumpMs: (server % 2 === 0 ? 1 : -1) * 2 * hourMs,
  }))
  expect(eventsOf({ ...plan, faults: [...faults, ...jumps] })).toEqual(eventsOf({ ...plan, faults }))
})
