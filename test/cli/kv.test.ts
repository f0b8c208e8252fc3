/** `paxos kv`, as processes, against a server that runs both services. */
import { describe, expect, test } from 'vitest'
import { connect } from '../../src/index.ts'
import { BuiltPaxos, type Ended } from '../support/built-paxos.ts'
import { Datagrams } from '../support/datagrams.ts'
import { freePorts } from '../support/free-ports.ts'
import { oneServer } from './one-server.ts'
import { paxos } from './paxos.ts'

const server = oneServer('--service', 'kv+lock')

const kv = (...args: readonly string[]): Promise<Ended> => paxos('kv', ...args, '--servers', server.address)
const said = (stdout: string): Ended => ({ code: 0, stdout, stderr: '' })
const failed = (stderr: string): Ended => ({ code: 1, stdout: '', stderr })

describe('paxos kv', () => {
  test('puts, gets, lists and deletes', async () => {
    expect(await kv('put', 'a/1', '{"x":[1]}')).toEqual(said('put a/1 version 1\n'))
    expect(await kv('put', 'a/2', 'green light')).toEqual(said('put a/2 version 2\n'))
    expect(await kv('get', 'a/1')).toEqual(said('{"x":[1]}\n'))
    expect(await kv('get', 'a/2')).toEqual(said('green light\n'))
    expect(await kv('get', 'a/2', '--json')).toEqual(
      said('{"key":"a/2","value":"green light","version":2}\n'),
    )
    expect(await kv('list', 'a/')).toEqual(said('a/1 1 {"x":[1]}\na/2 2 green light\n'))
    expect(await kv('get', 'a/2', '--stale')).toEqual(said('green light\n'))
    expect(await kv('list', 'a/', '--stale')).toEqual(said('a/1 1 {"x":[1]}\na/2 2 green light\n'))
    expect(await kv('list', 'a/', '--limit', '1')).toEqual(said('a/1 1 {"x":[1]}\n'))
    expect(await kv('list', '--after', 'a/1', '--json')).toEqual(
      said('{"entries":[{"key":"a/2","value":"green light","version":2}]}\n'),
    )
    expect(await kv('delete', 'a/2', '--if-version', '1')).toEqual(
      failed('paxos: a/2 does not have version 1\n'),
    )
    expect(await kv('delete', 'a/2', '--if-version', '2')).toEqual(said('deleted a/2\n'))
  })

  test('a key without a value has exit code 1', async () => {
    expect(await kv('get', 'none')).toEqual(failed('paxos: none has no value\n'))
    expect(await kv('delete', 'none')).toEqual(failed('paxos: none has no value\n'))
    expect(await kv('delete', 'none', '--json')).toEqual({
      ...failed(''),
      stdout: '{"key":"none","deleted":false}\n',
    })
  })

  test('cas sets only the expected version', async () => {
    expect(await kv('cas', 'c', '1', 'x')).toEqual(failed('paxos: c has no value, not version 1\n'))
    const { stdout } = await kv('cas', 'c', '0', 'x', '--json')
    const { version } = JSON.parse(stdout)
    expect(await kv('cas', 'c', '0', 'y')).toEqual(failed(`paxos: c has version ${version}, not version 0\n`))
    expect(await kv('cas', 'c', String(version), 'y')).toEqual(said(`put c version ${version + 1}\n`))
    expect(await kv('cas', 'c', 'one', 'y')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('whole number'),
    })
  })

  test('take waits, watch shows changes, and a ttl ends', async () => {
    const client = connect({ servers: [server.address] })
    try {
      const take = new BuiltPaxos(['kv', 'take', 'queue', '--servers', server.address])
      const watch = new BuiltPaxos(['kv', 'watch', '--prefix', 'q', '--once', '--servers', server.address])
      await expect.poll(() => waiting(client), { timeout: 20_000 }).toBe(2)
      const { stdout } = await kv('put', 'queue', 'job', '--ttl', '1m')
      expect(await take.ended).toEqual(said('job\n'))
      const version = Number(stdout.trim().split(' ').at(-1))
      const seen = await watch.ended
      expect([said(`queue ${version} job\n`), said(`queue ${version + 1} deleted\n`)]).toContainEqual(seen)
      await kv('put', 'brief', '1', '--ttl', '50ms')
      await expect.poll(() => client.kv.get('brief'), { timeout: 10_000 }).toBeNull()
      expect(await kv('take', 'none', '--timeout', '300ms')).toMatchObject({ code: 3 })
      expect(await kv('watch')).toEqual({
        ...failed('paxos: give a KEY to watch, or --prefix PREFIX for all keys that begin with it\n'),
        code: 2,
      })
    } finally {
      await client.close()
    }
  })
})

async function waiting(client: ReturnType<typeof connect>): Promise<number> {
  const [answer] = await client.status()
  if (answer === undefined || !('status' in answer)) return -1
  return (answer.status as unknown as { usage: { waiting: { used: number } } }).usage.waiting.used
}

test('plain text and paxos lock reach the lock service of the same cluster', async () => {
  const plain = await Datagrams.open()
  try {
    expect(await plain.ask(server.address, "REQUEST:-1:-1:(1,'LOCK','a')")).toBe(
      "RESPOND:-1:-1:(1, 'LOCK', 'a')",
    )
    expect(await paxos('lock', 'b', '--detach', '--ttl', '1h', '--servers', server.address)).toMatchObject({
      code: 0,
    })
    expect(await paxos('unlock', 'a', '--servers', server.address)).toMatchObject({ code: 0 })
    expect(await paxos('unlock', 'b', '--servers', server.address)).toMatchObject({ code: 8 })
  } finally {
    await plain.close()
  }
})

test('a service that is none is refused with those that there are', async () => {
  const wrong = await paxos('node', '--id', '0', '--memory', '--service', 'lock+queue')
  expect(wrong).toMatchObject({ code: 2 })
  expect(wrong.stderr).toContain(
    "'lock+queue' is no service: give lock or kv, or several joined by +, each once.",
  )
  expect((await paxos('cluster', '--service', 'kv+kv')).stderr).toContain("'kv+kv' is no service")
})

test('a cluster without the store is named, with the way to start one', async () => {
  const port = await freePorts(1)
  const locks = new BuiltPaxos([
    'node',
    '--id',
    '0',
    '--members',
    `0=127.0.0.1:${port}`,
    '--memory',
    '--bootstrap',
    '--log-level',
    'warn',
  ])
  await locks.said(/ready/)
  expect(await paxos('kv', 'get', 'a', '--servers', `127.0.0.1:${port}`)).toEqual(
    failed('paxos: the cluster runs the service lock, not kv: start its servers with --service kv+lock\n'),
  )
  locks.signal('SIGTERM')
  await locks.ended
})
