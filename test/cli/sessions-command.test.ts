/** `paxos sessions`, as processes, against a server. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { formatDuration } from '../../src/cli/durations.ts'
import { type Client, connect, SessionExpired } from '../../src/client/index.ts'
import { asksOnce } from '../support/asks-once.ts'
import type { Ended } from '../support/built-paxos.ts'
import { oneServer } from './one-server.ts'
import { paxos } from './paxos.ts'

const server = oneServer()
const clients: Client[] = []

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

/** A client with a session of that ttl, and the public id of its session. */
async function opened(ttlMs: number): Promise<{ readonly client: Client; readonly id: string }> {
  const client = connect({ servers: [server.address], ttlMs, ...asksOnce })
  clients.push(client)
  const own = (await client.sessions.list()).at(-1)
  expect(own).toMatchObject({ ttlMs, endsInMs: ttlMs, revoked: false, waiting: 0, holds: false })
  return { client, id: own?.id ?? '' }
}

const sessions = (...args: readonly string[]): Promise<Ended> =>
  paxos('sessions', ...args, '--servers', server.address)

/** The row of a session in the table, without its columns of times. */
async function rowOf(id: string): Promise<readonly string[]> {
  const { stdout } = await sessions()
  expect(stdout).toMatch(/^SESSION +TTL +ENDS IN +WAITING +HOLDS +REVOKED\n/)
  const row = stdout.split('\n').find((line) => line.startsWith(`${id} `)) ?? ''
  return row.split(/ +/)
}

const lock = { action: 'lock', name: 'a' }

describe('paxos sessions', () => {
  test('has no session of a command that has ended', async () => {
    const run = (...args: readonly string[]) => paxos(...args, '--servers', server.address)
    const listed = async () => JSON.parse((await sessions('--json')).stdout).sessions
    const before = await listed()
    const { stdout } = await run('lock', 'left', '--detach', '--ttl', '1h', '--json')
    const { token } = JSON.parse(stdout)
    expect(await run('unlock', 'left', '--token', String(token))).toMatchObject({ code: 0 })
    expect(await run('quota', 'set', '2GiB')).toMatchObject({ code: 0 })
    expect(await paxos('lock', '--servers', server.address, 'run', '--', 'true')).toMatchObject({ code: 0 })
    const after = await listed()
    // The list has the session of its own command. The one of the detached lock lives for its ttl.
    expect(after.slice(before.length - 1).map((session: { ttlMs: number }) => session.ttlMs)).toEqual([
      3_600_000, 30_000,
    ])
  })

  test('lists the sessions with their ttl, and with what keeps them', async () => {
    const [holder, waiter] = [await opened(3_600_000), await opened(90_000)]
    expect(await rowOf(holder.id)).toMatchObject([holder.id, '1h', /m|h/, '0', 'no', 'no'].map(matching))
    await holder.client.request(lock)
    const waiting = waiter.client.request(lock).catch(() => null)
    await vi.waitFor(async () => expect((await rowOf(waiter.id))[3]).toBe('1'), 20_000)
    expect((await rowOf(waiter.id))[1]).toBe('1m30s')
    expect((await rowOf(holder.id)).slice(3)).toEqual(['0', 'yes', 'no'])
    const listed = JSON.parse((await sessions('list', '--json')).stdout).sessions
    expect(listed).toContainEqual({
      id: holder.id,
      ttlMs: 3_600_000,
      endsInMs: expect.any(Number),
      revoked: false,
      waiting: 0,
      holds: true,
    })
    expect(JSON.stringify(listed)).not.toContain('@')
    await sessions('end', holder.id, '--now')
    await waiting
  })

  test('lists more than a page of them, each once', async () => {
    const ids: string[] = []
    for (let count = 0; count < 130; count += 1) ids.push((await opened(60_000)).id)
    const { stdout } = await sessions('--json')
    const listed = (JSON.parse(stdout).sessions as { readonly id: string }[]).map(({ id }) => id)
    expect(new Set(listed).size).toBe(listed.length)
    expect(listed).toEqual(expect.arrayContaining(ids))
  })

  test('end revokes: the session ends when its ttl has run', async () => {
    const { client, id } = await opened(2_000)
    const b = { action: 'lock', name: 'b' }
    await client.request(b)
    const { code, stdout } = await sessions('end', id)
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(endsLater(id)) })
    await vi.waitFor(async () => expect((await rowOf(id))[0]).toBe(''), 20_000)
    const other = await opened(60_000)
    await expect(other.client.request({ ...b, try: true })).resolves.toMatchObject({
      result: { token: expect.any(Number) },
    })
  })

  test('end --now ends it at once', async () => {
    const { client, id } = await opened(3_600_000)
    expect(await sessions('end', id, '--now')).toEqual({
      code: 0,
      stdout: `ended session ${id}\n`,
      stderr: '',
    })
    await expect(client.request(lock)).rejects.toThrow(SessionExpired)
  })

  test('a session that is not there', async () => {
    expect(await sessions('end', '9999.0')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'paxos: there is no session 9999.0: paxos sessions lists them\n',
    })
    expect(await sessions('end', '9999.0', '--json')).toMatchObject({
      code: 1,
      stdout: '{"id":"9999.0","found":false,"endsInMs":null}\n',
    })
    expect(await sessions('end', 'nine')).toMatchObject({ code: 2, stdout: '' })
  })
})

function endsLater(id: string): RegExp {
  return new RegExp(`^revoked session ${id}: it ends in [\\d.]+m?s, and frees then what it holds\n$`)
}

function matching(text: string | RegExp): unknown {
  return typeof text === 'string' ? text : expect.stringMatching(text)
}

test.each([
  [0, '0ms'],
  [250, '250ms'],
  [2_540, '2.5s'],
  [59_600, '1m'],
  [90_000, '1m30s'],
  [3_600_000, '1h'],
  [7_540_000, '2h6m'],
])('%d ms is shown as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})
