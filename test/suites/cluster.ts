/**
 * What every engine that runs a cluster must do: the simulator in virtual time, and live processes over UDP.
 * After each test: nothing executed twice, nothing answered lost, the servers' executed orders equal.
 */
import { afterEach, describe, expect, test } from 'vitest'
import type { Json, NodeId } from '../../machines/batch.ts'
import type { Position } from '../../machines/outcome.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import { executedTwice } from '../support/executed-orders.ts'

/** How a request ended, and where it was executed. */
export interface Answer extends Position {
  readonly result: Json
}

export interface TestClient {
  /** Asks `server` first, and the others when it is silent. */
  request(body: Json, server?: NodeId): Promise<Answer>
}

export interface TestCluster {
  client(): Promise<TestClient>
  /** Ends a server at once. */
  crash(id: NodeId): Promise<void>
  restart(id: NodeId): Promise<void>
  /** Starts a new server, which catches up and is counted. */
  join(id: NodeId): Promise<void>
  /** Whether datagrams are lost, duplicated and reordered. */
  disturb(isDisturbed: boolean): void
  /** The requests that the server's service executed, in order: `INSTANCE.INDEX UID SEQ COMMAND`. */
  executed(id: NodeId): Promise<readonly string[]>
  /** Lets `waitMs` pass. */
  pass(waitMs: number): Promise<void>
  close(): Promise<void>
}

const lock = (name: string): Json => lockCommand(name)
const unlock = (name: string, token?: number): Json => unlockCommand(name, token)

/** The token of a grant. */
function tokenIn({ result }: Answer): number {
  return (result as { readonly token: number }).token
}

/** `label` names the engine; `start` starts a cluster of so many servers, numbered from 0. */
export function clusterSuite(label: string, start: (servers: number) => Promise<TestCluster>): void {
  describe(label, () => {
    let cluster: TestCluster
    let answered: { readonly body: Json; readonly answer: Answer }[] = []

    afterEach(async () => {
      await cluster?.close()
    })

    async function begin(servers: number): Promise<void> {
      answered = []
      cluster = await start(servers)
    }

    async function ask(client: TestClient, body: Json, server = 0): Promise<Answer> {
      const answer = await client.request(body, server)
      answered.push({ body, answer })
      return answer
    }

    /** Locks and unlocks `times` times; throws when somebody else was inside at the same time. */
    async function work(name: string, times: number, server: number, inside: Set<string>): Promise<void> {
      const client = await cluster.client()
      for (let turn = 0; turn < times; turn += 1) {
        const token = tokenIn(await ask(client, lock(name), server))
        if (inside.has(name)) throw new Error(`two hold ${name}`)
        inside.add(name)
        await cluster.pass(1)
        inside.delete(name)
        const { result } = await ask(client, unlock(name, token), server)
        expect(result, 'nobody else unlocks').toEqual({ freed: true })
      }
    }

    async function verify(servers: readonly NodeId[]): Promise<void> {
      cluster.disturb(false)
      // Learners are lazy: a request at each server brings it up to all that was answered before.
      const client = await cluster.client()
      for (const id of servers) await ask(client, unlock('verify'), id)
      const last = answered.length - servers.length
      const orders = await Promise.all(servers.map((id) => cluster.executed(id)))
      for (const order of orders) {
        expect(executedTwice([order])).toEqual([])
        const byPosition = new Map(order.map((line) => [line.split(' ')[0], line]))
        for (const { body, answer } of answered.slice(0, last)) {
          const line = byPosition.get(`${answer.instance}.${answer.index}`)
          expect(
            line?.endsWith(JSON.stringify({ kind: 'service', body })),
            `${JSON.stringify(body)} is there`,
          ).toBe(true)
        }
      }
      const shortest = Math.min(...orders.map((order) => order.length))
      for (const order of orders) expect(order.slice(0, shortest)).toEqual(orders[0]?.slice(0, shortest))
    }

    test('a lock has one holder, in the order of tokens', async () => {
      await begin(3)
      const inside = new Set<string>()
      await Promise.all([1, 2, 3, 4, 5].map(() => work('a', 4, 0, inside)))
      const held = answered.filter(({ body }) => JSON.stringify(body) === JSON.stringify(lock('a')))
      const tokens = held.map(({ answer }) => tokenIn(answer))
      expect([...tokens].sort((a, b) => a - b)).toEqual(tokens)
      await verify([0, 1, 2])
    })

    test('several servers that all receive requests all make progress', async () => {
      await begin(3)
      const inside = new Set<string>()
      await Promise.all(
        [0, 1, 2, 0, 1, 2].map((server, worker) => work(`lock-${worker % 2}`, 3, server, inside)),
      )
      await verify([0, 1, 2])
    })

    test('a request that waits at one server is woken by an unlock at another', async () => {
      await begin(3)
      const [holder, waiter] = [await cluster.client(), await cluster.client()]
      const held = await ask(holder, lock('a'), 0)
      const waiting = ask(waiter, lock('a'), 2)
      await cluster.pass(100)
      await ask(holder, unlock('a', tokenIn(held)), 0)
      const woken = await waiting
      expect(woken.instance).toBeGreaterThan(held.instance)
      expect(tokenIn(woken)).toBeGreaterThan(tokenIn(held))
      await verify([0, 1, 2])
    })

    test('an even number of servers', async () => {
      await begin(4)
      const inside = new Set<string>()
      await Promise.all([0, 1].map((server) => work('a', 3, server, inside)))
      await cluster.crash(3)
      await work('a', 2, 0, inside)
      await verify([0, 1, 2])
    })

    test('a server alone', async () => {
      await begin(1)
      const inside = new Set<string>()
      await Promise.all([1, 2, 3].map(() => work('a', 3, 0, inside)))
      await cluster.crash(0)
      await cluster.restart(0)
      await work('a', 2, 0, inside)
      await verify([0])
    })

    test('datagrams are lost, duplicated and reordered', async () => {
      await begin(3)
      cluster.disturb(true)
      const inside = new Set<string>()
      await Promise.all([0, 0, 1, 2].map((server, worker) => work(`lock-${worker % 2}`, 4, server, inside)))
      await verify([0, 1, 2])
    })

    test('the leader is killed in mid-batch, and clients go on with the next server', async () => {
      await begin(3)
      const inside = new Set<string>()
      const workers = [0, 1, 2, 3, 4, 5].map((worker) => work(`lock-${worker % 3}`, 6, 0, inside))
      await cluster.pass(20)
      await cluster.crash(0)
      await Promise.all(workers)
      await cluster.restart(0)
      await verify([0, 1, 2])
    })

    test('each server in turn is killed and restarted under load', async () => {
      await begin(3)
      const inside = new Set<string>()
      let isOver = false
      const workers = [0, 1, 2].map(async (worker) => {
        while (!isOver) await work(`lock-${worker}`, 1, 0, inside)
      })
      for (const id of [0, 1, 2]) {
        await cluster.pass(150)
        await cluster.crash(id)
        await cluster.pass(150)
        await cluster.restart(id)
      }
      await cluster.pass(150)
      isOver = true
      await Promise.all(workers)
      await verify([0, 1, 2])
    })

    test('a fourth server joins under load', async () => {
      await begin(3)
      const inside = new Set<string>()
      let isOver = false
      const workers = [0, 1, 2].map(async (worker) => {
        while (!isOver) await work(`lock-${worker}`, 1, 0, inside)
      })
      await cluster.pass(100)
      await cluster.join(3)
      await cluster.crash(0)
      await cluster.pass(100)
      isOver = true
      await Promise.all(workers)
      await cluster.restart(0)
      await verify([0, 1, 2, 3])
    })
  })
}
