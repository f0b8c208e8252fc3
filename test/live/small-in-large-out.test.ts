/** A real server in this process, and what one datagram can have it send and hold. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { connect } from '../../src/client/index.ts'
import { DataDirectory } from '../../src/node/home.ts'
import { type RunningNode, startNode } from '../../src/node/node.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import type { Service } from '../../src/services/service.ts'
import { encodeEnvelope } from '../../src/wire/codec.ts'
import { paddedBytes } from '../../src/wire/limits.ts'
import { splitIntoPieces } from '../../src/wire/pieces.ts'
import { Datagrams, until } from '../support/datagrams.ts'
import { freePorts } from '../support/free-ports.ts'
import { envelopeIn } from '../support/wire-text.ts'

let node: RunningNode
let client: Datagrams
let uid: string
let seq = 0

let directory: string
let address: string

function start(): Promise<RunningNode> {
  const bootstrap = { members: [{ id: 0, address }] }
  const service = kvService as Service
  return startNode({ id: 0, listen: address, dataDir: join(directory, '0'), service, bootstrap })
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-small-'))
  address = `127.0.0.1:${await freePorts(1)}`
  node = await start()
  client = await Datagrams.open()
  uid = await client.openSession(address, node.cluster, 'somebody')
})

afterEach(async () => {
  await client.close()
  await node.stop()
  await rm(directory, { recursive: true, force: true })
})

function envelope(fields: object): string {
  return JSON.stringify({ v: 4, c: node.cluster, s: null, ...fields })
}

/** In the name of a server that is no member, and does not know this one. */
function fromStranger(fields: object): string {
  return envelope({ s: 9, i: 'stranger', r: null, ...fields })
}

/** In the name of a server that is no member yet, and names the directory of this one. */
function fromJoining(fields: object): string {
  const standing = new DataDirectory(join(directory, '0')).read()
  if (standing?.kind !== 'member') throw new Error('the server has not begun')
  return fromStranger({ r: standing.identity.incarnation, ...fields })
}

function put(value: Json) {
  seq += 1
  const command = { kind: 'service', body: { action: 'put', key: 'k', value } }
  return { type: 'request', uid, ackedBelow: 0, requests: [{ seq, command }] }
}

const counters = () => (node.status() as { datagrams: Record<string, Json> }).datagrams

/** What came back after `datagram`, when nothing more comes. */
async function answersTo(datagram: string | Uint8Array): Promise<string[]> {
  const before = client.heard.length
  await client.send(node.address, datagram)
  await new Promise((next) => setTimeout(next, 150))
  return client.heard.slice(before)
}

function bytesOf(datagrams: readonly string[]): number {
  return datagrams.reduce((sum, datagram) => sum + datagram.length, 0)
}

/** The cookie that the server gives to this client. */
async function cookie(): Promise<string> {
  const hello = envelope({ k: '', m: [{ type: 'hello' }] })
  const answer = await client.ask(node.address, hello.padEnd(paddedBytes))
  return JSON.parse(answer).m.find((message: { type: string }) => message.type === 'challenge').cookie
}

/** Has what was chosen fill more than a page; returns the cookie of this client. */
async function fill(): Promise<string> {
  const k = await cookie()
  for (let times = 0; times < 4; times += 1) {
    await client.ask(node.address, envelope({ k, m: [put('x'.repeat(30_000))] }))
  }
  return k
}

test('a stranger is not answered at all, and counted', async () => {
  const k = await fill()
  expect(await answersTo(fromStranger({ k, m: [{ type: 'learn', from: 0 }] }))).toEqual([])
  const ballot = { round: 1, node: 9 }
  expect(await answersTo(fromStranger({ k, m: [{ type: 'prepare', ballot, from: 0 }] }))).toEqual([])
  expect(counters()).toMatchObject({ dropped: { stranger: 2 } })
})

test('a server that is not known and has not echoed its cookie is sent three times what it sent at most', async () => {
  await fill()
  const stranger = await Datagrams.open()
  try {
    const datagram = fromJoining({ k: '', m: [{ type: 'learn', from: 0 }] })
    await stranger.send(node.address, datagram)
    await until(
      () => stranger.heard.length > 0,
      5_000,
      () => 'no challenge came',
    )
    expect(bytesOf(stranger.heard)).toBeLessThanOrEqual(3 * datagram.length)
    const [challenge] = JSON.parse(stranger.heard[0] ?? '').m
    expect(challenge).toMatchObject({ type: 'challenge', withheld: 1 })
    expect(counters().withheld).toBeGreaterThan(0)
    const page = await stranger.ask(
      node.address,
      fromJoining({ k: challenge.cookie, m: [{ type: 'learn', from: 0 }] }),
    )
    expect(envelopeIn(Buffer.from(page))?.m).toMatchObject([{ type: 'chosen', from: 0 }])
  } finally {
    await stranger.close()
  }
})

test('a server that joins from another address than before is answered there', async () => {
  const k = await fill()
  const learn = [{ type: 'learn', from: 0 }]
  await client.ask(node.address, fromJoining({ k, m: learn }))
  const moved = await Datagrams.open()
  try {
    const answer = await moved.ask(node.address, fromJoining({ k: '', m: learn }))
    const [challenge] = JSON.parse(answer).m
    expect(challenge).toMatchObject({ type: 'challenge', withheld: 1 })
    const page = await moved.ask(node.address, fromJoining({ k: challenge.cookie, m: learn }))
    expect(envelopeIn(Buffer.from(page))?.m).toMatchObject([{ type: 'chosen', from: 0 }])
  } finally {
    await moved.close()
  }
})

test('a datagram is answered with one page, however often it asks for one', async () => {
  const k = await fill()
  const learns = Array.from({ length: 1_000 }, (_, from) => ({ type: 'learn', from: from % 4 }))
  const answers = await answersTo(fromJoining({ k, m: learns }))
  expect(answers).toHaveLength(1)
  expect(counters()).toMatchObject({ repeated: 999 })
})

test('forty thousand questions in the pieces of one message are none', async () => {
  const before = client.heard.length
  const learns = Array.from({ length: 40_000 }, () => '{"type":"learn","from":0}').join(',')
  const text = `{"v":4,"c":${JSON.stringify(node.cluster)},"s":9,"m":[${learns}]}`
  for (const piece of splitIntoPieces(Buffer.from(text), 60_000, 7n)) await client.send(node.address, piece)
  await until(
    () => (counters().dropped as { oversized?: number }).oversized === 1,
    5_000,
    () => 'it was not counted',
  )
  expect(client.heard.slice(before)).toEqual([])
})

test('a request that is answered already is answered once a datagram', async () => {
  const k = await fill()
  const { requests, ...rest } = put(null)
  const command = { kind: 'service', body: { action: 'get', key: 'k' } }
  const get = { ...rest, requests: requests.map((request) => ({ ...request, command })) }
  const [first] = await answersTo(envelope({ k, m: [get] }))
  expect(first?.length).toBeGreaterThan(30_000)
  const again = await answersTo(envelope({ k, m: Array.from({ length: 400 }, () => get) }))
  expect(again).toHaveLength(1)
  expect(bytesOf(again)).toBeLessThan(31_000)
})

test('what is typed by hand has small answers, and larger ones with white space or the cookie', async () => {
  const inquire = envelope({ m: [{ type: 'inquire' }] })
  const [refused, ...others] = await answersTo(inquire)
  expect(others).toEqual([])
  expect(refused?.length).toBeLessThanOrEqual(3 * inquire.length)
  const [challenge] = JSON.parse(refused ?? '').m
  expect(challenge).toMatchObject({ type: 'challenge', withheld: 1 })
  const padded = await client.ask(node.address, inquire.padEnd(2_000))
  expect(JSON.parse(padded).m[0]).toMatchObject({ type: 'report' })
  const echoed = await client.ask(node.address, envelope({ k: challenge.cookie, m: [{ type: 'inquire' }] }))
  expect(JSON.parse(echoed).m[0]).toMatchObject({ type: 'report' })
})

test('a client of the library is answered at length, also by a server that was started again', async () => {
  const library = connect({ servers: [node.address] })
  try {
    await library.request({ action: 'put', key: 'k', value: 'x'.repeat(30_000) })
    expect((await library.request({ action: 'get', key: 'k' })).result).toMatchObject({
      entry: { value: 'x'.repeat(30_000) },
    })
    expect(counters().withheld).toBe(0)
    await node.stop()
    node = await start()
    const { result } = await library.request({ action: 'get', key: 'k' })
    expect(result).toMatchObject({ entry: { value: 'x'.repeat(30_000) } })
    expect(await library.status()).toMatchObject([{ status: { state: 'running' } }])
  } finally {
    await library.close()
  }
})

test('a question longer than its datagram counts in all its pieces', async () => {
  const padding = put('y'.repeat(20_000))
  const datagrams = encodeEnvelope(
    { cluster: node.cluster, sender: null, messages: [padding as never] },
    1_200,
  )
  const before = client.heard.length
  for (const datagram of datagrams) await client.send(node.address, datagram)
  await until(
    () => client.heard.length > before,
    5_000,
    () => 'no answer came',
  )
  expect(JSON.parse(client.heard.at(-1) ?? '').m[0]).toMatchObject({
    type: 'response',
    answers: padding.requests.map(({ seq: asked }) => ({ seq: asked })),
  })
})
