/** Real servers, in this process, that run a service which does what no service should. */
import { afterEach, expect, test } from 'vitest'
import { type Client, connect, RequestFailed } from '../../src/client/index.ts'
import { type RunningNode, startNode } from '../../src/node/node.ts'
import { oddities, oddService } from '../services/oddities.ts'
import { freePorts } from '../support/free-ports.ts'

const running: RunningNode[] = []
let client: Client | null = null

afterEach(async () => {
  await client?.close()
  await Promise.all(running.splice(0).map((node) => node.stop()))
})

test('each request of a hundred odd ones fails with its reason, no server stops, and the next request runs', async () => {
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const service = {
    ...oddService(Object.fromEntries(oddities.map(([name, does]) => [name, does]))),
    view: () => {
      throw new Error('nothing to see')
    },
  }
  const started = members.map(({ id, address }) =>
    startNode({
      id,
      listen: address,
      dataDir: null,
      bootstrap: { members },
      service,
      inspect: '127.0.0.1:9',
    }),
  )
  running.push(...(await Promise.all(started)))
  // Executing a hundred odd requests takes each of the three servers in this process more than a second.
  const timing = { statusTimeoutMs: 20_000 }
  const asking = connect({ servers: members.map(({ address }) => address), timing })
  client = asking
  const failures = await Promise.all(
    oddities.map(async ([name, , reason]) => ({
      name,
      reason,
      error: await asking.request(name).then(
        () => null,
        (error: unknown) => error,
      ),
    })),
  )
  for (const { name, reason, error } of failures) {
    expect(error, name).toBeInstanceOf(RequestFailed)
    expect((error as Error).message, name).toContain(reason)
  }
  expect(await asking.request('usual')).toMatchObject({ result: 1 })
  expect(await asking.status()).toMatchObject([0, 1, 2].map((id) => ({ status: { id, state: 'running' } })))
})
