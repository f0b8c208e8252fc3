import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import type { RequestMessage, ServerMessage } from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import type { Client } from '../../src/client/index.ts'
import {
  Aborted,
  ClientClosed,
  type ConnectOptions,
  connect,
  ForeignCluster,
  InvalidArgument,
  RequestFailed,
  RequestRefused,
  RequestTooLarge,
  ServerSilent,
  UnexpectedResult,
} from '../../src/client/index.ts'
import { encodeEnvelope } from '../../src/wire/codec.ts'
import {
  type Asked,
  busy,
  cluster,
  echo,
  executed,
  FakeServer,
  type Part,
  queued,
  response,
  type Script,
} from './fake-server.ts'

/** Nothing is said twice, however slow the machine: for tests that count what is said. */
const patient = {
  askIntervalMs: 10_000,
  minAskIntervalMs: 10_000,
  minFailoverMs: 20_000,
  failoverTimeoutMs: 20_000,
  reaskIntervalMs: 10_000,
  waitTimeoutMs: 20_000,
  backoffMs: 5,
  backoffLimitMs: 20,
  cancelTimeoutMs: 20_000,
  statusTimeoutMs: 10_000,
}

/** A tenth of the real waits: for tests of what happens after them. */
const hasty = {
  askIntervalMs: 10,
  failoverTimeoutMs: 100,
  reaskIntervalMs: 100,
  waitTimeoutMs: 300,
  backoffMs: 5,
  backoffLimitMs: 100,
  cancelTimeoutMs: 150,
  statusTimeoutMs: 100,
}

const eventually = <T>(check: () => T) => vi.waitFor(check, { timeout: 10_000, interval: 5 })

const open: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

async function startServers(count: number, script: Script = echo): Promise<FakeServer[]> {
  const servers = await Promise.all(Array.from({ length: count }, (_, id) => FakeServer.start(id)))
  for (const server of servers) {
    server.script = script
    open.push(() => server.stop())
  }
  return servers
}

function connectTo(servers: readonly FakeServer[], options: ConnectOptions = {}): Client {
  const client = connect({ servers: servers.map(({ address }) => address), timing: patient, ...options })
  open.push(() => client.close())
  return client
}

/** One server and a client of it. */
async function startPair(script: Script = echo, options: ConnectOptions = {}) {
  const [server] = await startServers(1, script)
  return { server: server!, client: connectTo([server!], options) }
}

const isCancel = (message: Part) => message.type === 'request' && message.command.kind === 'cancel'

const answer = (message: Part, outcome: Outcome) =>
  message.type === 'request' ? [response(message, outcome)] : []

const bodyOf = (message: Part): Json =>
  message.type === 'request' && message.command.kind === 'service' ? message.command.body : null

/** Answers cancels with `ended`, and nothing else. */
const cancelledWith =
  (ended: Json): Script =>
  (message) =>
    isCancel(message) ? answer(message, executed({ ended }, 9, 0)) : []

describe('a request that waits long', () => {
  it('keeps its session to itself where two thousand others come after it: none of their results piles up', async () => {
    const { server, client } = await startPair((message) =>
      message.type === 'request' && message.command.kind === 'service' && message.command.body === 'waits'
        ? [queued(message)]
        : echo(message),
    )
    const waits = client.request('waits')
    await eventually(() => expect(server.requests).toHaveLength(1))
    const first = server.requests[0]!.uid
    for (let some = 0; some < 3; some += 1) {
      await Promise.all(Array.from({ length: 1_000 }, (_, place) => client.request(place)))
    }
    const uids = [...new Set(server.requests.map(({ uid }) => uid))]
    expect(uids).toHaveLength(2)
    const inFirst = server.requests.filter(({ uid }) => uid === first)
    expect(Math.max(...inFirst.map(({ seq, ackedBelow }) => seq - ackedBelow))).toBeLessThan(2_048)
    server.say([response(inFirst[0]!, executed('at last'))])
    expect((await waits).result).toBe('at last')
  })

  it('opens as many sessions as it takes for what is asked at once', async () => {
    const { server, client } = await startPair()
    await Promise.all(Array.from({ length: 5_000 }, (_, place) => client.request(place)))
    expect(new Set(server.requests.map(({ uid }) => uid)).size).toBe(3)
  })
})

describe('greeting', () => {
  it('says nothing before the first request, then hello, has a session opened, and uses it', async () => {
    const { server, client } = await startPair()
    await delay(30)
    expect(server.heard).toEqual([])
    expect(await client.request({ add: 1 })).toEqual({ result: { add: 1 }, instance: 1, index: 0 })
    expect(server.heard[0]).toMatchObject({
      cluster: '',
      messages: [{ type: 'hello', nonce: expect.stringMatching(/^[\w-]{16}$/) }],
    })
    expect(server.heard[1]?.cluster).toBe(cluster)
    expect(server.openings).toEqual([
      {
        type: 'request',
        uid: expect.stringMatching(/^[\w-]{16}$/),
        seq: 1,
        ackedBelow: 1,
        command: { kind: 'open', ttlMs: 30_000 },
      },
    ])
    expect(server.requests).toEqual([
      {
        type: 'request',
        uid: `${server.openings[0]?.uid}@1.0`,
        seq: 1,
        ackedBelow: 1,
        command: { kind: 'service', body: { add: 1 } },
      },
    ])
  })

  it('says it once for many requests, and uses one uid', async () => {
    const { server, client } = await startPair()
    await Promise.all([client.request(1), client.request(2), client.request(3)])
    expect(server.messages.filter(({ type }) => type === 'hello')).toHaveLength(1)
    expect(new Set(server.requests.map(({ uid }) => uid)).size).toBe(1)
  })

  it('gives two clients two uids', async () => {
    const { server, client } = await startPair()
    const other = connectTo([server])
    await Promise.all([client.request(1), other.request(1)])
    expect(new Set(server.requests.map(({ uid }) => uid)).size).toBe(2)
  })

  it('goes to the servers in turn, again and again, until one welcomes it', async () => {
    const servers = await startServers(3)
    const { welcome } = servers[2]!
    for (const server of servers) server.welcome = null
    const client = connectTo(servers, { timing: hasty })
    const late = client.request('late')
    await eventually(() => expect(servers.every(({ heard }) => heard.length >= 2)).toBe(true))
    servers[2]!.welcome = welcome
    expect((await late).result).toBe('late')
  })

  it('asks members that the welcome names when those given are silent', async () => {
    const [given, member] = await startServers(2)
    given!.script = () => []
    given!.welcome = {
      ...given!.welcome!,
      members: [
        { id: 0, address: given!.address, counted: true },
        { id: 1, address: member!.address, counted: true },
      ],
    }
    const client = connectTo([given!], { timing: hasty })
    expect((await client.request('anybody?')).result).toBe('anybody?')
    expect(member!.requests.length).toBeGreaterThan(0)
    expect(given!.requests.length).toBeGreaterThan(1)
  })

  it('finds servers that are given by name', async () => {
    const [server] = await startServers(1)
    const client = connectTo([], { servers: [server!.address.replace('127.0.0.1', 'localhost')] })
    expect((await client.request(1)).result).toBe(1)
  })

  it('rejects when every server is of another cluster than the one asked for', async () => {
    const { server, client } = await startPair(echo, { cluster: 'wanted' })
    await expect(client.request(1)).rejects.toThrow(ForeignCluster)
    expect(server.requests).toEqual([])
  })

  it('falls silent when everybody who waited for it has given up', async () => {
    const { server, client } = await startPair(echo, { timing: hasty })
    server.welcome = null
    const reason = new Error('no time')
    const signal = abortedOnceHeard(server, 'hello', reason)
    await expect(client.request(1, { signal })).rejects.toBe(reason)
    await delay(50)
    const before = server.heard.length
    expect(before).toBeGreaterThan(0)
    await delay(250)
    expect(server.heard.length).toBe(before)
  })
})

/** Aborts when the server has heard a message of `type`. */
function abortedOnceHeard(server: FakeServer, type: Part['type'], reason: Error): AbortSignal {
  const controller = new AbortController()
  void eventually(() => expect(server.messages.map((message) => message.type)).toContain(type)).then(() =>
    controller.abort(reason),
  )
  return controller.signal
}

describe('a client that is challenged', () => {
  const cookies = ['a', 'b', 'c'].map((letter) => letter.repeat(22))
  const [first = '', second = ''] = cookies
  /** A server that answers only who echoes `expected`, and gives that cookie to others. */
  const challenging = (server: FakeServer, expected: string) => {
    server.challenge = (cookie) =>
      cookie === expected ? null : { type: 'challenge', cookie: expected, withheld: 1 }
  }

  it('pads what it says while it has no cookie, echoes the cookie that it is given, and asks again at once', async () => {
    const { server, client } = await startPair()
    challenging(server, first)
    expect((await client.request('x')).result).toBe('x')
    const [without, withCookie, opening, request] = server.heard
    expect(server.heard).toHaveLength(4)
    expect(without).toMatchObject({ cookie: '', bytes: 1_200, messages: [{ type: 'hello' }] })
    expect(withCookie).toMatchObject({ cookie: first, messages: [{ type: 'hello' }] })
    for (const asked of [opening, request]) {
      expect(asked).toMatchObject({ cookie: first, messages: [{ type: 'request' }] })
    }
    expect(request?.bytes).toBeLessThan(400)
  })

  it('goes on with the next cookie when the server was started again', async () => {
    const { server, client } = await startPair(echo, { timing: hasty })
    challenging(server, first)
    await client.request('x')
    challenging(server, second)
    expect((await client.request('y')).result).toBe('y')
    expect(await client.request('z')).toMatchObject({ result: 'z' })
    expect(server.heard.at(-1)?.cookie).toBe(second)
  })

  it('has a cookie for each server', async () => {
    const [silent, other] = await startServers(2)
    const client = connectTo([silent!, other!], { timing: hasty })
    challenging(silent!, first)
    challenging(other!, second)
    await client.request('x')
    silent!.script = () => []
    expect((await client.request('y')).result).toBe('y')
    expect(silent!.heard.at(-1)?.cookie).toBe(first)
    expect(other!.heard.at(-1)?.cookie).toBe(second)
  })

  it('says nothing again for challenges that it has no need of', async () => {
    const { server, client } = await startPair()
    await client.request('x')
    const before = server.heard.length
    for (let turn = 0; turn < 50; turn += 1) {
      server.say([{ type: 'challenge', cookie: cookies[turn % 3] ?? '', withheld: 9 }])
      await delay(2)
    }
    expect(server.heard.length - before).toBeLessThanOrEqual(1)
    expect((await client.request('y')).result).toBe('y')
  })
})

describe('a request', () => {
  it('is asked again under the same name when datagrams are lost', async () => {
    let lost = 0
    const { server, client } = await startPair((message) => (lost++ < 2 ? [] : echo(message)), {
      timing: hasty,
    })
    await client.request('once')
    expect(server.requests.length).toBeGreaterThanOrEqual(3)
    expect(new Set(server.requests.map((request) => JSON.stringify(request))).size).toBe(1)
  })

  it('fails over round and round, and later requests go first to the server that answered', async () => {
    const servers = await startServers(3, () => [])
    const [first, second, third] = servers
    const client = connectTo(servers, { timing: hasty })
    const round = client.request('round')
    await eventually(() => expect(third!.requests.length).toBeGreaterThan(0))
    const before = first!.requests.length
    await eventually(() => expect(first!.requests.length).toBeGreaterThan(before))
    second!.script = echo
    expect((await round).result).toBe('round')
    const names = servers.flatMap(({ requests }) => requests).map(({ uid, seq }) => `${uid} ${seq}`)
    expect(new Set(names).size).toBe(1)

    const [firstCount, secondCount, thirdCount] = servers.map(({ requests }) => requests.length)
    await client.request('again')
    expect(second!.requests.length).toBeGreaterThan(secondCount!)
    expect(first!.requests.length).toBe(firstCount)
    expect(third!.requests.length).toBe(thirdCount)
  })

  it('hears of new members from the server that it failed over to', async () => {
    const [first, second, joined] = await startServers(3, () => [])
    second!.script = echo
    second!.welcome = {
      ...second!.welcome!,
      members: [{ id: 2, address: joined!.address, counted: true }],
    }
    const client = connectTo([first!, second!], { timing: hasty })
    await client.request(1)
    await eventually(async () => {
      const known = (await client.status()).map(({ server }) => server)
      expect(known).toEqual([first!.address, second!.address, joined!.address])
    })
  })

  it('waits at the server that holds it', async () => {
    let asked = 0
    const [first, second] = await startServers(2)
    first!.script = (message) => {
      if (message.type !== 'request') return []
      asked += 1
      return asked < 4 ? [queued(message)] : echo(message)
    }
    const timing = { ...patient, failoverTimeoutMs: 1_000, reaskIntervalMs: 500 }
    const client = connectTo([first!, second!], { timing })
    expect((await client.request('patience')).result).toBe('patience')
    expect(asked).toBe(4)
    expect(second!.heard).toEqual([])
  })

  it('comes back to a busy server, and leaves one that is stopping', async () => {
    let asked = 0
    const turnAway =
      (reason: 'busy' | 'stopping'): Script =>
      (message) =>
        message.type === 'request' ? [busy(message, reason)] : []
    const [first, second] = await startServers(2)
    first!.script = turnAway('stopping')
    second!.script = (message) => (asked++ < 3 ? turnAway('busy')(message) : echo(message))
    const client = connectTo([first!, second!])
    expect((await client.request('room?')).result).toBe('room?')
    expect(first!.requests).toHaveLength(1)
    expect(second!.requests).toHaveLength(4)
  })

  it('is not disturbed by answers that are late, doubled, foreign, of another request, or noise', async () => {
    const { server, client } = await startPair((message) => {
      if (message.type !== 'request') return []
      const stray = (uid: string, seq: number): ServerMessage => ({
        type: 'response',
        uid,
        answers: [{ seq, outcome: executed('stray') }],
      })
      server.sayBytes(Buffer.from('noise'))
      server.say([stray(message.uid, message.seq)], 'elsewhere')
      const real = echo(message)
      return [stray('other@1', message.seq), stray(message.uid, message.seq - 1), ...real, ...real]
    })
    for (let round = 0; round < 5; round += 1) expect((await client.request(round)).result).toBe(round)
  })

  it('is sent as it was when it was asked, though the program changes its body later', async () => {
    let lost = 0
    const script: Script = (message) => (lost++ < 1 ? [] : echo(message))
    const { server, client } = await startPair(script, { timing: hasty })
    const body = { items: [1] }
    const sent = client.request(body)
    body.items.push(2)
    expect((await sent).result).toEqual({ items: [1] })
    expect(server.requests.length).toBeGreaterThan(1)
    for (const request of server.requests) expect(bodyOf(request)).toEqual({ items: [1] })
  })

  it('shares datagrams with the others of its turn, and tells below which seq all is answered', async () => {
    const { server, client } = await startPair()
    await client.request('warm up')
    const before = server.heard.length
    const results = await Promise.all(Array.from({ length: 60 }, (_, number) => client.request(number)))
    expect(results.map(({ result }) => result)).toEqual(Array.from({ length: 60 }, (_, number) => number))
    expect(server.heard.length - before).toBe(1)
    expect(server.requestMessages).toHaveLength(2)
    expect(server.requests.slice(1).every(({ ackedBelow }) => ackedBelow === 2)).toBe(true)
    await client.request('after')
    expect(server.requests.at(-1)).toMatchObject({ seq: 62, ackedBelow: 62 })
  })

  it('is one of twenty thousand of one turn, of which a session has at most its window in flight', async () => {
    let asked: Asked[] = []
    let most = 0
    // Answered later, so that what arrives meanwhile counts.
    const answerAll = () => {
      const sessions = new Set(asked.map(({ uid }) => uid))
      for (const uid of sessions) {
        const inFlight = asked.filter((request) => request.uid === uid)
        most = Math.max(most, inFlight.length)
        const answers = inFlight.map((request) => ({ seq: request.seq, outcome: executed(bodyOf(request)) }))
        server.say([{ type: 'response', uid, answers }])
      }
      asked = []
    }
    const { server, client } = await startPair((message) => {
      if (message.type !== 'request') return []
      if (asked.length === 0) setTimeout(answerAll, 5)
      asked.push(message)
      return []
    })
    const numbers = Array.from({ length: 20_000 }, (_, number) => number)
    const results = await Promise.all(numbers.map((number) => client.request(number)))
    expect(results.map(({ result }) => result)).toEqual(numbers)
    expect(server.requests).toHaveLength(20_000)
    expect(most).toBeLessThanOrEqual(1_024)
    expect(Math.max(...server.requestMessages.map(({ requests }) => requests.length))).toBeLessThanOrEqual(
      512,
    )
  })

  it('keeps ackedBelow at the lowest seq that is not answered', async () => {
    let held: Asked | null = null
    const { server, client } = await startPair((message) => {
      if (bodyOf(message) !== 'held') return echo(message)
      held = message as Asked
      return [queued(held)]
    })
    const waiting = client.request('held')
    await eventually(() => expect(held).not.toBeNull())
    await client.request('second')
    await client.request('third')
    expect(server.requests.at(-1)).toMatchObject({ seq: 3, ackedBelow: 1 })
    server.say([response(held!, executed('at last'))])
    await waiting
    await client.request('fourth')
    expect(server.requests.at(-1)).toMatchObject({ seq: 4, ackedBelow: 4 })
  })

  it('rejects with what the service says, and where', async () => {
    const { client } = await startPair((message) =>
      answer(message, { kind: 'failed', error: 'no such account', instance: 8, index: 2 }),
    )
    const failure = await client.request('pay').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(RequestFailed)
    expect(failure).toMatchObject({ error: 'no such account', instance: 8, index: 2 })
  })

  it.each(['stale', 'conflict'] as const)('rejects when the cluster refuses it as %s', async (reason) => {
    const { client } = await startPair((message) =>
      message.type === 'request' ? [response(message, { kind: 'refused', reason })] : [],
    )
    const refusal = await client.request('x').catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(RequestRefused)
    expect(refusal).toMatchObject({ reason })
  })

  it('is rejected before it is sent when it is larger than the option, or than the servers, allow', async () => {
    const small = await startPair(echo, { maxCommandBytes: 100 })
    const error = await small.client.request('x'.repeat(100)).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(RequestTooLarge)
    expect(error).toMatchObject({ limitBytes: 100 })
    expect((error as RequestTooLarge).sizeBytes).toBeGreaterThan(100)
    expect(small.server.heard).toEqual([])

    const { server, client } = await startPair()
    server.welcome = { ...server.welcome!, commandBytes: 200 }
    await expect(client.request('x'.repeat(200))).rejects.toMatchObject({
      name: 'RequestTooLarge',
      limitBytes: 200,
    })
    expect(server.requests).toEqual([])
  })

  it('carries a large body', async () => {
    const { client } = await startPair()
    const large = 'x'.repeat(30_000)
    expect((await client.request(large)).result).toBe(large)
  })

  const holdsItself: { self?: unknown } = {}
  holdsItself.self = holdsItself

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'body is undefined, which JSON cannot carry'],
    ['undefined in a field', { a: undefined }, 'body.a is undefined, which'],
    ['a function', () => 1, 'body is a function, which'],
    ['a BigInt', 1n, 'body is a BigInt, which'],
    ['NaN', { by: Number.NaN }, 'body.by is NaN, which JSON cannot carry'],
    ['Infinity', { a: [1, Number.POSITIVE_INFINITY] }, 'body.a[1] is Infinity, which'],
    ['-0', -0, 'body is -0, which'],
    ['a Map', new Map([[1, 2]]), 'body is a Map, which'],
    ['a Date', { 'sent at': new Date() }, 'body["sent at"] is a Date, which'],
    [
      'what holds itself',
      holdsItself,
      'body is nested more than 32 deep, or holds itself, at body.self.self.',
    ],
    [
      'what is nested deeper than servers read',
      JSON.parse('['.repeat(33) + ']'.repeat(33)),
      'more than 32 deep',
    ],
    ['text that is not well-formed', '\ud800', 'body holds half of a surrogate pair'],
    ['a key that is not well-formed', { '\ud800': 1 }, 'body has a key that holds half of a surrogate pair'],
    [
      'a getter that throws',
      Object.defineProperty({}, 'a', { enumerable: true, get: () => JSON.parse('') }),
      'JSON',
    ],
  ])('rejects %s for a body, and says why', async (_, body, why) => {
    const { server, client } = await startPair()
    const error = await client.request(body as Json).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(InvalidArgument)
    expect((error as Error).message).toContain(why)
    expect(server.heard).toEqual([])
  })

  it('takes a body of the greatest depth', async () => {
    const { client } = await startPair()
    const body = JSON.parse('['.repeat(32) + ']'.repeat(32))
    expect((await client.request(body)).result).toEqual(body)
  })
})

describe('giving a request up', () => {
  it('cancels it, asks for it no more, and rejects with the reason', async () => {
    const timing = { ...hasty, cancelTimeoutMs: 20_000 }
    const { server, client } = await startPair(cancelledWith(null), { timing })
    const reason = new Error('changed my mind')
    const signal = abortedOnceHeard(server, 'request', reason)
    await expect(client.request('wait', { signal })).rejects.toBe(reason)
    expect(server.requests.at(-1)).toMatchObject({
      seq: 2,
      ackedBelow: 1,
      command: { kind: 'cancel', seq: 1 },
    })
    await delay(20)
    const before = server.requests.length
    await delay(200)
    expect(server.requests.length).toBe(before)
    server.script = echo
    await client.request('next')
    expect(server.requests.at(-1)).toMatchObject({ seq: 3, ackedBelow: 3 })
  })

  it('sends nothing when it is aborted already', async () => {
    const { server, client } = await startPair()
    const reason = new Error('never mind')
    await expect(client.request(1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(server.heard).toEqual([])
  })

  it('rejects with the outcome when it had been executed', async () => {
    const ended = executed('done', 6, 1)
    const { server, client } = await startPair(cancelledWith(ended as unknown as Json))
    const reason = new Error('too late')
    const signal = abortedOnceHeard(server, 'request', reason)
    const error = await client.request('x', { signal }).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(Aborted)
    expect(error).toMatchObject({ outcome: ended, cause: reason })
  })

  it('rejects without knowing when nobody answers the cancel in time, and still has it executed', async () => {
    const { server, client } = await startPair(() => [], { timing: hasty })
    const reason = new Error('no time')
    const signal = abortedOnceHeard(server, 'request', reason)
    const error = await client.request('x', { signal }).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(Aborted)
    expect(error).toMatchObject({ outcome: null, cause: reason })
    const before = server.requests.filter(isCancel).length
    await eventually(() => expect(server.requests.filter(isCancel).length).toBeGreaterThan(before))
  })

  it('ignores an abort after the answer', async () => {
    const { server, client } = await startPair()
    const controller = new AbortController()
    await client.request(1, { signal: controller.signal })
    controller.abort()
    await client.request(2)
    expect(server.commands.map(({ kind }) => kind)).toEqual(['service', 'service'])
  })

  it('rejects with the reason when the lock was not taken yet, and unlocks nothing', async () => {
    const { server, client } = await startPair(cancelledWith(null))
    const reason = new Error('enough')
    await expect(
      client.locks.acquire('a', { signal: abortedOnceHeard(server, 'request', reason) }),
    ).rejects.toBe(reason)
    expect(server.requests.map(bodyOf)).not.toContainEqual(expect.objectContaining({ action: 'unlock' }))
  })

  /** The answer to `lock` is lost; the cancel finds it executed. */
  const takenMeanwhile: Script = (message) => {
    if (isCancel(message)) {
      const ended = executed({ token: 73 }, 7, 3)
      return answer(message, executed({ ended: ended as unknown as Json }))
    }
    const body = bodyOf(message) as { readonly action: string } | null
    return body?.action === 'unlock' ? answer(message, executed({ freed: true })) : []
  }
  const release = { action: 'unlock', name: 'a', token: 73 }

  it('frees a lock that was taken meanwhile, and rejects with the reason after that', async () => {
    const { server, client } = await startPair(takenMeanwhile)
    const reason = new Error('enough')
    await expect(
      client.locks.acquire('a', { signal: abortedOnceHeard(server, 'request', reason) }),
    ).rejects.toBe(reason)
    expect(bodyOf(server.requests.at(-1)!)).toEqual(release)
  })

  it('frees such a lock even when that is learned only after it has rejected', async () => {
    const { server, client } = await startPair(() => [], { timing: hasty })
    const signal = abortedOnceHeard(server, 'request', new Error('enough'))
    await expect(client.locks.acquire('a', { signal })).rejects.toThrow(Aborted)
    server.script = takenMeanwhile
    await eventually(() => expect(server.requests.map(bodyOf)).toContainEqual(release))
  })

  it('says so when the lock could not be freed', async () => {
    const { server, client } = await startPair((message) => {
      const body = bodyOf(message) as { readonly action: string } | null
      return body?.action === 'unlock'
        ? answer(message, { kind: 'refused', reason: 'expired' })
        : takenMeanwhile(message)
    })
    const signal = abortedOnceHeard(server, 'request', new Error('enough'))
    const error = await client.locks.acquire('a', { signal }).catch((error) => error)
    expect(error).toBeInstanceOf(Aborted)
    expect(error.outcome).toMatchObject({ kind: 'executed', instance: 7 })
  })
})

describe('locks and members', () => {
  it('locks, and unlocks with the token', async () => {
    const { server, client } = await startPair((message) => {
      const body = bodyOf(message) as { readonly action: string }
      const result = body.action === 'lock' ? { token: 42 } : { freed: true }
      return answer(message, executed(result, 4, 2))
    })
    const lock = await client.locks.acquire('printer')
    expect(lock).toMatchObject({ name: 'printer', token: 42 })
    expect(await lock.release()).toBe(true)
    await client.locks.release('printer')
    expect(server.requests.map(bodyOf)).toEqual([
      { action: 'lock', name: 'printer' },
      { action: 'unlock', name: 'printer', token: 42 },
      { action: 'unlock', name: 'printer' },
    ])
  })

  it('rejects what another service answers, and names that are none', async () => {
    const { client } = await startPair()
    await expect(client.locks.acquire('a')).rejects.toThrow(UnexpectedResult)
    await expect(client.locks.release('a')).rejects.toThrow(UnexpectedResult)
  })

  it.each<[string, unknown, string]>([
    ['an empty name', '', '""'],
    ['a name that is too long', 'n'.repeat(257), '1 to 256 characters of well-formed text; received "nnn'],
    ['half of a surrogate pair', '\ud800', 'well-formed'],
    ['a number', 7, 'received 7'],
    ['a BigInt', 7n, 'of the type bigint'],
  ])('sends nothing for %s, and says what the limit is', async (_, name, why) => {
    const { server, client } = await startPair()
    await expect(client.locks.acquire(name as string)).rejects.toThrow(InvalidArgument)
    await expect(client.locks.release(name as string)).rejects.toThrow(why)
    expect(server.heard).toEqual([])
  })

  it.each([null, {}, 0, -1, 1.5, '1'])('sends nothing to unlock with the token %j', async (token) => {
    const { server, client } = await startPair()
    const unlocking = client.locks.release('a', token as unknown as number)
    await expect(unlocking).rejects.toThrow(`received ${JSON.stringify(token)}`)
    expect(server.heard).toEqual([])
  })

  it('gives an unlock up', async () => {
    const { server, client } = await startPair(cancelledWith(null))
    const reason = new Error('enough')
    const signal = abortedOnceHeard(server, 'request', reason)
    await expect(client.locks.release('a', undefined, { signal })).rejects.toBe(reason)
  })

  it('gives up the unlock of a lock that it holds', async () => {
    const { server, client } = await startPair((message) => {
      const { action } = Object(bodyOf(message)) as { readonly action?: string }
      if (action !== 'lock') return cancelledWith(null)(message)
      return answer(message, executed({ token: 42 }, 4, 2))
    })
    const lock = await client.locks.acquire('a')
    const giving = new AbortController()
    const reason = new Error('enough')
    const unlocking = lock.release({ signal: giving.signal })
    await eventually(() => expect(server.requests).toHaveLength(2))
    giving.abort(reason)
    await expect(unlocking).rejects.toBe(reason)
  })

  it('asks for a change of members', async () => {
    const { server, client } = await startPair()
    const change = { action: 'remove', id: 2 } as const
    expect(await client.changeMembers(change)).toMatchObject({ instance: 1, index: 0 })
    expect(server.commands).toEqual([{ kind: 'members', change }])
    const nowhere = { action: 'add', id: 3, address: 'nowhere' } as const
    await expect(client.changeMembers(nowhere)).rejects.toThrow(InvalidArgument)
  })
})

describe('status', () => {
  it('tells what each server says, and which is silent', async () => {
    const servers = await startServers(2, (message) =>
      message.type === 'inquire' ? [{ type: 'report', status: { fine: true } }] : [],
    )
    servers[1]!.script = () => []
    const client = connectTo(servers, { timing: { ...patient, statusTimeoutMs: 1_000 } })
    expect(await client.status()).toEqual([
      { server: servers[0]!.address, status: { fine: true } },
      { server: servers[1]!.address, error: expect.any(ServerSilent) },
    ])
    expect(await client.status(servers[0]!.address)).toEqual([
      { server: servers[0]!.address, status: { fine: true } },
    ])
    await expect(client.status('127.0.0.1:1')).rejects.toThrow(/127\.0\.0\.1:1/)
  })

  it('asks again when the question is lost, and answers all who ask', async () => {
    let lost = 0
    const { client } = await startPair(() => (lost++ < 2 ? [] : [{ type: 'report', status: 1 }]), {
      timing: { ...hasty, statusTimeoutMs: 10_000 },
    })
    const both = await Promise.all([client.status(), client.status()])
    expect(both.map(([first]) => first)).toMatchObject([{ status: 1 }, { status: 1 }])
  })
})

/** Sends a message from a socket of its own. */
async function sendTo(address: string, message: RequestMessage): Promise<void> {
  const [host, port] = address.split(':')
  const socket = createSocket('udp4')
  for (const datagram of encodeEnvelope({ cluster, sender: null, messages: [message] })) {
    await new Promise((sent) => socket.send(datagram, Number(port), host, sent))
  }
  socket.close()
}

describe('closing', () => {
  it('rejects what is outstanding and what comes later, and sends nothing more', async () => {
    const { server, client } = await startPair(() => [], { timing: { ...hasty, statusTimeoutMs: 10_000 } })
    const outstanding = client.request(1)
    const status = client.status()
    await eventually(() => expect(server.requests.length).toBeGreaterThan(0))
    const [request, inquiry] = await Promise.allSettled([outstanding, status, client.close()])
    expect(request).toMatchObject({ reason: expect.any(ClientClosed) })
    expect(inquiry).toMatchObject({ reason: expect.any(ClientClosed) })
    await expect(client.request(2)).rejects.toThrow(ClientClosed)
    await expect(client.status()).rejects.toThrow(ClientClosed)
    // What was sent before it closed may be on its way yet: a datagram that is sent after it comes after it.
    const marker = { type: 'request', uid: 'marker', ackedBelow: 0 } as const
    const requests = [{ seq: 0, command: { kind: 'service', body: null } }] as const
    await sendTo(server.address, { ...marker, requests })
    await eventually(() => expect(server.requests.map(({ uid }) => uid)).toContain(marker.uid))
    const before = server.heard.length
    await delay(100)
    expect(server.heard.length).toBe(before)
    await client.close()
  })

  it('rejects requests that wait for a welcome', async () => {
    const { server, client } = await startPair()
    server.welcome = null
    const request = client.request(1)
    await client.close()
    await expect(request).rejects.toThrow(ClientClosed)
  })

  it('is not needed for the process to end', async () => {
    const [server] = await startServers(1)
    const program = `
      import { connect } from './src/client/index.ts'
      const client = connect({ servers: ['${server!.address}'] })
      console.log(JSON.stringify(await client.request('hello')))
    `
    const options = ['--import', 'tsx', '--input-type=module', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, options, { timeout: 20_000 })
    expect(JSON.parse(stdout)).toMatchObject({ result: 'hello' })
  })

  it('happens when the signal aborts, and errors carry the reason', async () => {
    const controller = new AbortController()
    const { server, client } = await startPair(() => [], { signal: controller.signal })
    const request = client.request(1)
    await eventually(() => expect(server.requests.length).toBeGreaterThan(0))
    controller.abort('enough')
    await expect(request).rejects.toMatchObject({ name: 'ClientClosed', cause: 'enough' })
  })
})

describe('options', () => {
  it.each<[string, unknown, string]>([
    ['no servers', { servers: [] }, 'servers'],
    ['a server without a port', { servers: ['localhost'] }, "'localhost'"],
    ['port 0', { servers: ['localhost:0'] }, "'localhost:0'"],
    ['an unknown wait', { timing: { patience: 1 } }, 'patience'],
    ['a wait of nothing', { timing: { askIntervalMs: 0 } }, 'timing.askIntervalMs'],
    ['a wait that is no number', { timing: { askIntervalMs: Number.NaN } }, 'NaN'],
    ['a limit above the wire', { maxCommandBytes: 10_000_000 }, '10000000'],
    ['an empty cluster', { cluster: '' }, 'cluster'],
    ['an unknown option', { server: 'a:1' }, 'there is no option server; there are servers, cluster, timing'],
    ['options that are none', 'a:1', 'the options must be an object; received "a:1"'],
    ['waits that are none', { timing: 5 }, 'the option timing must be an object; received 5'],
    ['a signal that is none', { signal: {} }, 'the option signal must be an AbortSignal; received {}'],
    ['an observer that is none', { observer: {} }, 'the option observer must be a function; received {}'],
    ['a name with more than letters', { name: 'worker 1' }, '"worker 1"'],
  ])('are refused by name and value: %s', (_, options, named) => {
    expect(() => connect(options as ConnectOptions)).toThrow(InvalidArgument)
    expect(() => connect(options as ConnectOptions)).toThrow(named)
  })
})
