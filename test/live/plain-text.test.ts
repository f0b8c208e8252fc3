/** Clients that speak plain text and come and go at one address. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { plainTextIdleMs } from '../../src/core/plain-text-client.ts'
import { Datagrams, until } from '../support/datagrams.ts'
import { LiveCluster } from '../support/live-cluster.ts'

/** How long nothing comes where nothing is to come, in milliseconds. */
const quietMs = 1_500

let cluster: LiveCluster
let clients: Datagrams[] = []

beforeAll(async () => {
  cluster = await LiveCluster.start(3)
})

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

afterAll(() => cluster?.close())

async function openAt(port = 0): Promise<Datagrams> {
  const client = await Datagrams.open(port)
  clients.push(client)
  return client
}

/** The client ends, and another comes to its address. */
async function replaced(client: Datagrams): Promise<Datagrams> {
  const { port } = client
  clients = clients.filter((other) => other !== client)
  await client.close()
  return openAt(port)
}

const request = (tuple: string) => `REQUEST:-1:-1:${tuple}`
const respond = (tuple: string) => `RESPOND:-1:-1:${tuple}`
const at = (server: number) => cluster.listening(server)

test('what cannot be read or answered is counted and logged', async () => {
  const client = await openAt()
  await client.send(at(2), request("(1,'STEAL','a')"))
  const [line] = await cluster.process(2).said(/^.*got no answer.*$/m)
  expect(JSON.parse(line)).toMatchObject({ times: 1, example: expect.stringContaining('STEAL') })
  for (let round = 0; round < 20; round += 1) await client.send(at(2), request("(1,'STEAL','a')"))
  await until(
    async () => JSON.stringify(await client.inquire(at(2))).includes('"plainText":21'),
    10_000,
    () => 'they were not counted',
  )
  expect(cluster.process(2).stderr.match(/got no answer/g)).toHaveLength(1)
})

test('a client that is not answered asks another server, and has the lock once', async () => {
  const client = await openAt()
  const lock = "(1, 'LOCK', 'once')"
  for (const server of [0, 1, 2, 1]) expect(await client.ask(at(server), request(lock))).toBe(respond(lock))
  const unlock = "(2, 'UNLOCK', 'once')"
  expect(await client.ask(at(2), request(unlock))).toBe(respond(unlock))
  // Nobody waits for it, and nobody has it.
  const other = await cluster.connect().locks.acquire('once')
  expect(await client.ask(at(0), request(unlock))).toBe(respond(unlock))
  expect(await other.release()).toBe(true)
})

test('a new client at an old address is not told that it has what another has', async () => {
  const lock = "(1, 'LOCK', 'a')"
  const unlock = "(2, 'UNLOCK', 'a')"
  const old = await openAt()
  expect(await old.ask(at(0), request(lock))).toBe(respond(lock))
  expect(await old.ask(at(0), request(unlock))).toBe(respond(unlock))
  const holder = await cluster.connect().locks.acquire('a')

  const client = await replaced(old)
  for (const server of [0, 1, 2]) await client.send(at(server), request(lock))
  await cluster.pass(quietMs)
  expect(client.heard).toEqual([])

  // After a while its request is a new one, and waits.
  await cluster.pass(plainTextIdleMs)
  await client.send(at(1), request(lock))
  await cluster.pass(quietMs)
  expect(client.heard).toEqual([])
  expect(await holder.release()).toBe(true)
  await until(
    () => client.heard.length > 0,
    10_000,
    () => 'the lock was not granted',
  )
  expect(client.heard[0]).toBe(respond(lock))
  // Its UNLOCK is a new one too.
  expect(await client.ask(at(0), request(unlock))).toBe(respond(unlock))
  await (await cluster.connect().locks.acquire('a')).release()
})
