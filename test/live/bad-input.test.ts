import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { BuiltPaxos, builtPaxos } from '../support/built-paxos.ts'
import { Datagrams, until } from '../support/datagrams.ts'
import { executedTwice } from '../support/executed-orders.ts'
import { freePorts } from '../support/free-ports.ts'
import { LiveCluster } from '../support/live-cluster.ts'
import { wireText } from '../support/wire-text.ts'

let cluster: LiveCluster
let client: Datagrams
let closing: (() => Promise<void>)[] = []

async function startCluster(): Promise<void> {
  client = await Datagrams.open()
  closing.push(() => client.close())
  cluster = await LiveCluster.start(3)
  closing.push(() => cluster.close())
}

async function stopCluster(): Promise<void> {
  const all = closing
  closing = []
  await Promise.all(all.map((close) => close()))
}

/** What `paxos status --json` says of a server. */
async function statusOf(id: number): Promise<Record<string, Json>> {
  const { stdout } = await builtPaxos('status', '--json', '--servers', cluster.addresses.join(','))
  return JSON.parse(stdout).servers[id].status
}

describe('datagrams that make no sense', () => {
  let name: string
  let token: number

  beforeAll(async () => {
    await startCluster()
    token = (await cluster.connect().locks.acquire('held')).token
    expect(token).toEqual(expect.any(Number))
    name = String((await statusOf(0)).cluster)
  })

  afterAll(stopCluster)

  const ballot = { round: 9, node: 1 }
  const batch = { node: 1, elapsedMs: 0, groups: [] }
  const envelope = (fields: object) => wireText({ v: 4, c: name, s: null, m: [], ...fields })
  const request = (command: object) => ({
    type: 'request',
    uid: 'somebody',
    ackedBelow: 0,
    requests: [{ seq: 1, command }],
  })
  const locking = { kind: 'service', body: { action: 'lock', name: 'b' } }
  const accept = { type: 'accept', ballot, instance: 0, batch }
  const shown = { instance: 7, ballot, batch }
  /** A piece of a message, of which there are `count`. */
  const piece = (index: number, count: number, chunk: string) =>
    Buffer.concat([
      Buffer.from([1, 1]),
      randomBytes(8),
      Buffer.from([0, index, 0, count]),
      Buffer.from(chunk),
    ])

  /** Each with the reason under which it is counted; the text is made once the cluster's name is known. */
  const cases: readonly (readonly [string, string, () => string | Uint8Array])[] = [
    ['no bytes', 'empty', () => ''],
    ['random bytes', 'garbage', () => Buffer.concat([Buffer.from([0xff]), randomBytes(900)])],
    ['text in no known words', 'garbage', () => 'GET / HTTP/1.1'],
    ['a truncated message', 'garbage', () => envelope({ m: [request(locking)] }).slice(0, -9)],
    ['JSON that is no message', 'malformed', () => '{"v":4}'],
    ['a message of an unknown type', 'malformed', () => envelope({ m: [{ type: 'conquer' }] })],
    [
      'a message whose batch is cut',
      'malformed',
      () => envelope({ s: 1, i: 'x', r: null, m: [accept] }).slice(0, -1),
    ],
    ['a good message beside a bad one', 'malformed', () => envelope({ m: [request(locking), { type: 1 }] })],
    ['a truncated request of the seed', 'plainText', () => "REQUEST:-1:-1:(1,'LOCK'"],
    ['an unknown action of the seed', 'plainText', () => "REQUEST:-1:-1:(1,'STEAL','b')"],
    ['another version', 'version', () => envelope({ v: 2, m: [request(locking)] })],
    ['another cluster', 'foreign', () => envelope({ c: 'elsewhere', m: [request(locking)] })],
    [
      'a command above the limit',
      'oversized',
      () => envelope({ m: [request({ kind: 'service', body: 'x'.repeat(33_000) })] }),
    ],
    [
      "another server's ballot",
      'contradiction',
      () => envelope({ s: 2, m: [{ type: 'prepare', ballot, from: 0 }] }),
    ],
    [
      'nobody that accepted',
      'contradiction',
      () => envelope({ m: [{ type: 'accepted', ballot, instance: 0 }] }),
    ],
    [
      'a promise that shows an instance twice',
      'contradiction',
      () =>
        envelope({
          s: 1,
          m: [{ type: 'promise', ballot, from: 0, accepted: [shown, shown], firstUnchosen: 0 }],
        }),
    ],
    ['a piece beyond its message', 'piece', () => piece(5, 2, 'x')],
    [
      'a server that says it is this one',
      'self',
      () => envelope({ s: 0, i: 'it', r: null, m: [{ type: 'learn', from: 0 }] }),
    ],
    [
      'what only servers say to clients',
      'unexpected',
      () => envelope({ s: 1, m: [{ type: 'queued', uid: 'somebody', seqs: [1] }] }),
    ],
    [
      'what a stranger says between servers, with a clock at its end',
      'stranger',
      () => envelope({ s: 77, i: 'x', r: null, t: 2 ** 52, m: [{ type: 'accepted', ballot, instance: 0 }] }),
    ],
    [
      'a question for what was chosen, in the name of a member',
      'stranger',
      () => envelope({ s: 1, i: 'x', r: null, m: [{ type: 'learn', from: 0 }] }),
    ],
    [
      'an accept of a stranger',
      'stranger',
      () => envelope({ s: 77, i: 'x', r: 'x', m: [{ ...accept, ballot: { round: 1, node: 77 } }] }),
    ],
    [
      'an accept of nobody',
      'contradiction',
      () => envelope({ m: [{ ...accept, ballot: { round: 1_000, node: 0 } }] }),
    ],
  ]

  /** What a datagram that makes no sense must leave as it is. Other programs use the disk, too. */
  const stateOf = ({ datagrams, disk, ...state }: Record<string, Json>) => state
  const countsOf = ({ datagrams }: Record<string, Json>) =>
    (datagrams as { readonly dropped: Record<string, number> }).dropped

  test.each(cases)('%s is counted as %s and changes nothing', async (_, reason, datagram) => {
    const before = await client.inquire(cluster.listening(0))
    await client.send(cluster.listening(0), datagram())
    const counts = countsOf(before)
    const expected = { ...counts, [reason]: (counts[reason] ?? 0) + 1 }
    await until(
      async () =>
        JSON.stringify(countsOf(await client.inquire(cluster.listening(0)))) !== JSON.stringify(counts),
      5_000,
      () => 'it was not counted',
    )
    const after = await client.inquire(cluster.listening(0))
    expect(countsOf(after)).toEqual(expected)
    expect(stateOf(after)).toEqual(stateOf(before))
  })

  test('are seen in paxos status --json, and the cluster goes on', async () => {
    const dropped = countsOf(await statusOf(0))
    const expected: Record<string, number> = {}
    for (const [, reason] of cases) expected[reason] = (expected[reason] ?? 0) + 1
    expect(dropped).toEqual(expected)
    const servers = ['--servers', cluster.addresses.join(',')]
    const unlocked = await builtPaxos('unlock', 'held', '--token', `${token}`, ...servers)
    expect(unlocked.stdout).toBe('unlocked held\n')
    expect((await builtPaxos('lock', 'b', '--detach', '--ttl', '1h', ...servers)).code).toBe(0)
  })

  test('a name above the limit is refused by the client, with the limit', async () => {
    const { code, stderr } = await builtPaxos(
      'lock',
      'x'.repeat(33_000),
      '--servers',
      cluster.addresses.join(','),
    )
    expect(code).toBe(2)
    expect(stderr).toMatch(/^paxos: [^\n]* 1 to 256 characters [^\n]*\(33000 characters\)\n$/)
  })
})

describe('a server that cannot start says why in one line', () => {
  let port: number

  beforeAll(startCluster)
  afterAll(stopCluster)
  beforeEach(async () => {
    port = await freePorts(1)
  })

  /** Runs a server that must not start; answers its one line. */
  function refusal(...args: string[]): Promise<string> {
    return refusalWith(1, args)
  }

  /** As `refusal`, for options that no server takes. */
  function misuse(...args: string[]): Promise<string> {
    return refusalWith(2, args)
  }

  async function refusalWith(exitCode: number, args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await builtPaxos('node', '--log-level', 'silent', ...args)
    expect(stderr).toMatch(/^paxos: [^\n]+\n$/)
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' })
    return stderr
  }

  const listen = () => ['--listen', `127.0.0.1:${port}`]
  const emptyDir = () => join(cluster.dataDir(0), '..', `empty-${port}`)

  test('the directory is in use by another process', async () => {
    const data = cluster.dataDir(0)
    expect(await refusal('--id', '0', ...listen(), '--data', data)).toMatch(
      new RegExp(`${data}.* in use by another process`),
    )
  })

  test('the port is taken', async () => {
    const taken = createSocket('udp4').bind(port, '127.0.0.1')
    await once(taken, 'listening')
    try {
      const told = await refusal(
        '--id',
        '3',
        ...listen(),
        '--data',
        emptyDir(),
        '--join',
        cluster.addresses[0] ?? '',
      )
      expect(told).toContain(`cannot listen on 127.0.0.1:${port}`)
    } finally {
      await new Promise<void>((closed) => taken.close(closed))
    }
  })

  test('its id is no member', async () => {
    const members = ['--members', `0=127.0.0.1:${port}`, '--bootstrap', '--data', emptyDir()]
    expect(await misuse('--id', '7', ...members)).toContain('--id 7 is not among --members (0)')
  })

  test('an option is wrong', async () => {
    expect(await misuse('--id', 'first', ...listen(), '--data', emptyDir())).toContain(
      "'--id <n>' argument 'first' is invalid",
    )
    expect(await misuse('--id', '0', ...listen(), '--dta', emptyDir())).toContain("unknown option '--dta'")
  })

  test('it was told neither to found a cluster nor to join one', async () => {
    await mkdir(emptyDir())
    const told = await refusal('--id', '3', ...listen(), '--data', emptyDir())
    expect(told).toContain(`--data ${emptyDir()} is empty`)
    expect(told).toMatch(/--bootstrap .*--join HOST:PORT/)
  })

  test('nobody answers where it is to join', async () => {
    const nobody = `127.0.0.1:${await freePorts(1)}`
    expect(await refusal('--id', '3', ...listen(), '--data', emptyDir(), '--join', nobody)).toContain(
      `--join ${nobody}: no server answered there`,
    )
  })

  test('its directory is that of another server', async () => {
    await cluster.stop(1)
    const told = await refusal('--id', '2', ...listen(), '--data', cluster.dataDir(1))
    expect(told).toContain(`--data ${cluster.dataDir(1)} belongs to server 1, not to --id 2`)
    await cluster.restart(1)
  })

  test('its directory was emptied: it may have lost what it promised', async () => {
    await cluster.crash(2)
    await rm(cluster.dataDir(2), { recursive: true })
    const told = await refusal('--id', '2', '--listen', cluster.listening(2), '--data', cluster.dataDir(2))
    expect(told).toContain('must not vote: it may have lost what it promised')
    // The others go on, and it joins anew once it is removed.
    const servers = ['--servers', cluster.addresses.join(',')]
    expect((await builtPaxos('members', 'remove', '2', ...servers)).code).toBe(0)
    const anew = ['--advertise', cluster.addresses[2] ?? '', '--join', cluster.addresses[0] ?? '']
    const where = ['--listen', cluster.listening(2), '--data', cluster.dataDir(2)]
    const joined = new BuiltPaxos(['node', '--id', '2', '--log-level', 'silent', ...where, ...anew])
    try {
      await joined.said(/^server 2 ready on/m)
      expect((await client.inquire(cluster.listening(2))).counted).toBe(true)
    } finally {
      joined.signal('SIGKILL')
      await joined.ended
    }
  })
})

describe('a disk that fails', () => {
  beforeEach(startCluster)
  afterEach(stopCluster)

  test('stops its server with the reason; restarted, it is consistent and serves', async () => {
    await cluster.stop(0)
    await cluster.restart(0, { fileBlocks: 64 })
    const failing = cluster.process(0)

    let isOver = false
    const work = async (server: number, worker: number) => {
      const { request } = await cluster.client()
      // The store grows as the names are long.
      const name = `lock-${worker}-${'x'.repeat(200)}`
      for (let turn = 0; turn < 40 || !isOver; turn += 1) {
        const { result } = await request({ action: 'lock', name }, server)
        const { token } = result as { readonly token: number }
        await request({ action: 'unlock', name, token }, server)
      }
    }
    const working = Promise.all([0, 0, 1, 2].map(work))
    const ended = failing.endedWithin(40_000)
    // Nothing that was asked fails: the others answer.
    await Promise.race([ended, working])
    const { code, stderr } = await ended
    isOver = true
    await working
    expect(code).toBe(1)
    expect(stderr).toMatch(/^paxos: server 0 halted: [^\n]*a write failed: [^\n]+$/m)
    expect(stderr).not.toContain('    at ')
    await expect(client.ask(cluster.listening(0), 'REQUEST', 300)).rejects.toThrow('did not answer')

    await cluster.restart(0)
    const { request } = await cluster.client()
    for (const server of [0, 1, 2]) await request({ action: 'unlock', name: 'verify' }, server)
    const orders = await Promise.all([0, 1, 2].map((id) => cluster.executed(id)))
    const shortest = Math.min(...orders.map((order) => order.length))
    expect(shortest).toBeGreaterThanOrEqual(4 * 40 * 2)
    for (const order of orders) expect(order.slice(0, shortest)).toEqual(orders[0]?.slice(0, shortest))
    expect(executedTwice(orders)).toEqual([])
    expect((await client.inquire(cluster.listening(0))).state).toBe('running')
  })
})
