/** The live founder: what it keeps before it tells it, and what it does not answer. */
import type { Socket } from 'node:dgram'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { newFounding } from '../../machines/founding.ts'
import type { Message } from '../../machines/messages.ts'
import { formatAddress } from '../../src/network/address.ts'
import { bindSocket } from '../../src/network/socket.ts'
import { foundCluster } from '../../src/node/founding.ts'
import { homeless, type Standing } from '../../src/node/home.ts'
import { commandWords } from '../../src/node/option-words.ts'
import { Decoder, encodeEnvelope } from '../../src/wire/codec.ts'

let own: Socket
let other: Socket
let heard: Message[]
let kept: Standing[]
let ending: AbortController

beforeEach(async () => {
  ;[own, other] = [await bindSocket('127.0.0.1:0'), await bindSocket('127.0.0.1:0')]
  heard = []
  kept = []
  ending = new AbortController()
  const decoder = new Decoder({ cluster: null, nowMs: () => performance.now() })
  other.on('message', (datagram, source) => {
    const decoded = decoder.decode(datagram, formatAddress(source))
    if (decoded.kind === 'envelope') heard.push(...decoded.messages)
  })
})

afterEach(() => {
  ending.abort()
  own.close()
  other.close()
})

const plan = () => ({
  members: [own, other].map((socket, id) => ({ id, address: formatAddress(socket.address()) })),
  cluster: null,
  service: 'lock',
})

/** Founder 0; founder 1 is the test. */
function found(write: (standing: Standing) => void) {
  return foundCluster({
    socket: own,
    address: formatAddress(own.address()),
    record: newFounding(0, 'own', plan()),
    home: { ...homeless(), write },
    logger: pino({ level: 'silent' }),
    signal: ending.signal,
    resolver: undefined,
    words: commandWords,
  })
}

function say(message: Message, cluster = ''): void {
  const { port } = own.address()
  for (const datagram of encodeEnvelope({ cluster, sender: 1, messages: [message] })) {
    other.send(datagram, port, '127.0.0.1')
  }
}

const answers = () => heard.filter((message) => message.type === 'founder')
const question = () => ({ type: 'found', ...plan(), incarnation: 'other' }) as const
const answer = { type: 'founder', to: 'own', incarnation: 'other', isFounded: false } as const
const list = [
  { id: 0, incarnation: 'own' },
  { id: 1, incarnation: 'other' },
]

test('tells of its list only once that is kept, and may vote only once the other holds it', async () => {
  const founding = found((standing) => {
    expect(answers().every(({ founders }) => founders === null)).toBe(kept.length === 0)
    kept.push(standing)
  })
  await vi.waitFor(() => expect(heard).toContainEqual({ type: 'found', ...plan(), incarnation: 'own' }))
  say(question())
  await vi.waitFor(() => expect(answers()).toHaveLength(1))
  say({ ...answer, founders: null })
  say(question())
  await vi.waitFor(() => expect(answers().at(-1)?.founders).toEqual(list))
  expect(kept).toEqual([{ kind: 'founding', record: expect.objectContaining({ founders: list }) }])
  say({ ...answer, founders: list })
  const identity = await founding
  expect(kept.slice(1)).toEqual([{ kind: 'new', identity, service: 'lock' }])
  expect(identity).toMatchObject({ node: 0, incarnation: 'own' })
})

test('when what it holds cannot be kept it ends, and nobody hears of it', async () => {
  const founding = found(() => {
    throw new Error('the disk is full')
  })
  say({ ...answer, founders: null })
  say(question())
  await expect(founding).rejects.toThrow('the disk is full')
  say(question())
  await new Promise((next) => setTimeout(next, 100))
  expect(answers().filter(({ founders }) => founders !== null)).toEqual([])
})

test('says who it is only to the address that the plan has, wherever it was asked', async () => {
  found(() => undefined).catch(() => undefined)
  const stranger = await bindSocket('127.0.0.1:0')
  const told: string[] = []
  stranger.on('message', (datagram) => told.push(datagram.toString()))
  const { port } = own.address()
  const ask = (question: Message) => {
    for (const datagram of encodeEnvelope({ cluster: '', sender: 1, messages: [question] })) {
      stranger.send(datagram, port, '127.0.0.1')
    }
  }
  ask({ ...question(), incarnation: 'evil' })
  await vi.waitFor(() => expect(answers()).toHaveLength(1))
  expect(answers()).toMatchObject([{ to: 'evil', incarnation: 'own' }])
  // A refusal goes back to who asked, and holds nothing but the plan.
  ask({ ...question(), cluster: 'other', incarnation: 'evil' })
  await vi.waitFor(() => expect(told).toHaveLength(1))
  expect(JSON.parse(told[0] ?? '').m).toEqual([
    { type: 'notFounder', to: 'evil', ...plan(), isFounded: false },
  ])
  stranger.close()
})

test('clients that greet it get no answer, requests and the messages of roles none either', async () => {
  found(() => undefined).catch(() => undefined)
  say({ type: 'hello' })
  say({ type: 'join' })
  say({ type: 'prepare', ballot: { round: 1, node: 1 }, from: 0 }, 'c')
  const command = { kind: 'service', body: { action: 'lock', name: 'a' } } as const
  say({ type: 'request', uid: 'u', ackedBelow: 0, requests: [{ seq: 1, command }] }, 'c')
  say({ type: 'inquire', nonce: 'n' })
  await vi.waitFor(() => expect(heard.map(({ type }) => type)).toContain('report'))
  expect(heard.filter(({ type }) => type !== 'found' && type !== 'challenge')).toEqual([
    {
      type: 'report',
      nonce: 'n',
      status: expect.objectContaining({ id: 0, state: 'founding', waitsFor: [1], counted: false }),
    },
  ])
})
