/** The seven scenarios of the seed's repository, in the seed's plain text, as its clients send it: once, without a retry. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import { Datagrams, until } from '../support/datagrams.ts'
import { LiveCluster } from '../support/live-cluster.ts'

/** How long an answer may take on a machine that has much else to do, in milliseconds. */
const patienceMs = 20_000

/** After this long without an answer, a request that still waits is taken to wait for an unlock, in milliseconds. */
const quietMs = 400

/** Server, action and lock of one request; the actions are written as the seed's scripts write them. */
type Line = readonly [server: NodeId, action: string, lock: string]

const all = [0, 1, 2]
const at = (servers: readonly NodeId[], action: string, lock: string): Line[] =>
  servers.map((server) => [server, action, lock])
const twice = (server: NodeId, action: string, lock: string) => at([server, server], action, lock)
const pair = (servers: readonly NodeId[], lock: string) => [
  ...at(servers, 'LOCK', lock),
  ...at(servers, 'UNLOCK', lock),
]
const crossed = (lock: string) => [...at([0, 1], 'LOCK', lock), ...twice(2, 'UNLOCK', lock)]

/** Their requests are numbered 1 to 48, throughout. */
const scenarios: readonly { readonly about: string; readonly lines: readonly Line[] }[] = [
  { about: 'two locks of each at one server', lines: [...twice(0, 'LOCK', 'a'), ...twice(0, 'LOCK', 'b')] },
  { about: 'a lock of each at each server', lines: [...at(all, 'LOCK', 'a'), ...at(all, 'LOCK', 'b')] },
  {
    about: 'two unlocks of each at one server',
    lines: [...twice(0, 'UNLOCK', 'a'), ...twice(0, 'UNLOCK', 'b')],
  },
  {
    about: 'an unlock of each at each server',
    lines: [...at(all, 'UNLOCK', 'a'), ...at([0, 1], 'UNLOCK', 'b'), [2, 'UnLOCK', 'b']],
  },
  { about: 'a lock and an unlock of each at one server', lines: [...pair([0], 'a'), ...pair([0], 'b')] },
  { about: 'a lock and an unlock of each at each server', lines: [...pair(all, 'a'), ...pair(all, 'b')] },
  {
    about: 'locks at two servers and unlocks at the third',
    lines: [...crossed('a'), ...crossed('b'), ...crossed('a')],
  },
]

interface SeedRequest {
  readonly seq: number
  readonly server: NodeId
  readonly action: 'LOCK' | 'UNLOCK'
  readonly lock: string
  readonly text: string
  readonly client: Datagrams
}

const firstSeqs = scenarios.map(
  (_, place) => 1 + scenarios.slice(0, place).flatMap(({ lines }) => lines).length,
)

let cluster: LiveCluster
/** Open until the end, so that no two requests have one address: the cluster knows a seed's client by it. */
let clients: Datagrams[] = []
let lastSeq = 1_000

beforeAll(async () => {
  cluster = await LiveCluster.start(3)
})

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  clients = []
  await cluster?.close()
})

async function prepare(seq: number, [server, action, lock]: Line): Promise<SeedRequest> {
  const client = await Datagrams.open()
  clients.push(client)
  const text = `REQUEST:-1:-1:(${seq},'${action}','${lock}')`
  return { seq, server, action: action === 'LOCK' ? 'LOCK' : 'UNLOCK', lock, text, client }
}

function prepareScenario(place: number): Promise<SeedRequest[]> {
  const first = firstSeqs[place] ?? 0
  return Promise.all((scenarios[place]?.lines ?? []).map((line, index) => prepare(first + index, line)))
}

/** Straight to the server, past its proxy, as the seed's own clients do. */
function send({ client, server, text }: SeedRequest): Promise<void> {
  return client.send(cluster.listening(server), text)
}

const isAnswered = ({ client }: SeedRequest) => client.heard.length > 0

/** What is to be known when a request stays without an answer. */
async function describeStuck(stuck: readonly SeedRequest[]): Promise<string> {
  const [looker] = clients
  const statuses = await Promise.all(
    all.map(async (id) => {
      const { roles, ballot, firstUnchosen, queue } = (await looker?.inquire(cluster.listening(id))) ?? {}
      return JSON.stringify({ id, roles, ballot, firstUnchosen, queue })
    }),
  )
  const executed = (await cluster.executed(0)).slice(-12)
  const requests = stuck.map(({ server, text }) => `server ${server}: ${text}`)
  return [
    `no answer to`,
    ...requests,
    'status:',
    ...statuses,
    'last executed at server 0:',
    ...executed,
  ].join('\n')
}

/** Waits until no answer has come for a while. */
async function quiet(requests: readonly SeedRequest[]): Promise<void> {
  const count = () => requests.filter(isAnswered).length
  for (let before = -1; before !== count(); ) {
    before = count()
    await cluster.pass(quietMs)
  }
}

/**
 * Sends all requests at once. Every unlock must be answered; and every lock, as long as the sequence of unlocks lets it
 * finish: so unlocks follow, one at a time, and each must let a lock finish that waits.
 */
async function runToTheEnd(requests: readonly SeedRequest[]): Promise<void> {
  const unanswered = (action: string) =>
    requests.filter((request) => request.action === action && !isAnswered(request))
  await Promise.all(requests.map(send))
  await until(
    () => unanswered('UNLOCK').length === 0,
    patienceMs,
    () => describeStuck(unanswered('UNLOCK')),
  )
  await quiet(requests)
  while (unanswered('LOCK').length > 0) {
    const [{ lock = '' } = {}] = unanswered('LOCK')
    const waiting = unanswered('LOCK').filter((request) => request.lock === lock)
    await unlock(lock, lastSeq % 3)
    await until(
      () => waiting.some(isAnswered),
      patienceMs,
      () => describeStuck(waiting),
    )
  }
  for (const { seq, action, lock, client } of requests) {
    expect(client.heard).toEqual([`RESPOND:-1:-1:(${seq}, '${action}', '${lock}')`])
  }
}

/** One more unlock, answered. */
async function unlock(lock: string, server: NodeId): Promise<void> {
  lastSeq += 1
  const request = await prepare(lastSeq, [server, 'UNLOCK', lock])
  const answer = await request.client.ask(cluster.listening(server), request.text, patienceMs)
  expect(answer).toBe(`RESPOND:-1:-1:(${lastSeq}, 'UNLOCK', '${lock}')`)
}

test('the scenarios have the requests 1 to 48', () => {
  expect(firstSeqs).toEqual([1, 5, 11, 15, 21, 25, 37])
  expect(scenarios.flatMap(({ lines }) => lines)).toHaveLength(48)
})

test('a request is answered when it has executed, in the words of the seed', async () => {
  const { client } = await prepare(0, [0, 'LOCK', 'alone'])
  expect(await client.ask(cluster.listening(0), "REQUEST:-1:-1:(21,'LOCK','alone')\n")).toBe(
    "RESPOND:-1:-1:(21, 'LOCK', 'alone')",
  )
  expect(await client.ask(cluster.listening(1), "REQUEST:-1:-1:(22, 'unlock', 'alone')")).toBe(
    "RESPOND:-1:-1:(22, 'UNLOCK', 'alone')",
  )
})

test.each([1, 2, 3])('all seven scenarios at the same time, time %i', async () => {
  const requests = (await Promise.all(scenarios.map((_, place) => prepareScenario(place)))).flat()
  await runToTheEnd(requests)
})

describe('alone, with both locks free', () => {
  test.each(
    scenarios.map(({ about }, place) => [place, about] as const),
  )('scenario %i: %s', async (place) => {
    await unlock('a', 0)
    await unlock('b', 0)
    await runToTheEnd(await prepareScenario(place))
  })
})

test('no lock was ever held twice, and the servers executed the same, in the same order', async () => {
  // A request at each server brings it up to all that was answered before.
  const client = await cluster.client()
  for (const server of all) await client.request({ action: 'unlock', name: 'verify' }, server)
  const orders = await Promise.all(all.map((id) => cluster.executed(id)))
  const shortest = Math.min(...orders.map((order) => order.length))
  expect(shortest).toBeGreaterThan(4 * 48)
  const order = orders[0]?.slice(0, shortest) ?? []
  for (const other of orders) expect(other.slice(0, shortest)).toEqual(order)

  const held = new Set<string>()
  for (const line of order) {
    const { kind, body } = JSON.parse(line.split(' ').slice(3).join(' '))
    if (kind !== 'service') continue
    const { action, name } = body
    if (action === 'lock') {
      expect(held.has(name), `${line}: it is held`).toBe(false)
      held.add(name)
    } else held.delete(name)
  }
})
