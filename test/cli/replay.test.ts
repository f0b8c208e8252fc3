import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BuiltPaxos } from '../support/built-paxos.ts'
import { freePorts } from '../support/free-ports.ts'
import { paxos } from './paxos.ts'

let directory: string
let file: string

/** A server alone, with a journal of how a lock is taken. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-replay-'))
  file = join(directory, 'journal.ndjson')
  const address = `127.0.0.1:${await freePorts(1)}`
  const store = ['--data', join(directory, 'data'), '--journal', file]
  const server = new BuiltPaxos(['node', '--id', '0', '--members', `0=${address}`, '--bootstrap', ...store])
  await server.said(/^server 0 ready/m)
  expect((await paxos('lock', 'a', '--detach', '--ttl', '1h', '--servers', address)).code).toBe(0)
  server.signal('SIGTERM')
  expect((await server.ended).code).toBe(0)
})

afterAll(async () => {
  await rm(directory, { recursive: true })
})

test('a journal comes out the same', async () => {
  const { code, stdout, stderr } = await paxos('replay', file)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^1 server, \d+ events: every state is as in the journals, 0 received messages had been sent, and the invariants 1 2 3 4 5 6 7 8 10 14 hold\n$/,
  )
  const { stdout: json } = await paxos('replay', file, '--json')
  expect(JSON.parse(json)).toMatchObject({ servers: 1, heard: 0, judged: [1, 2, 3, 4, 5, 6, 7, 8, 10, 14] })
})

test('its events can be printed, in order', async () => {
  const { code, stdout } = await paxos('replay', file, '--events')
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(code).toBe(0)
  expect(events[0]).toMatchObject({ node: 0, event: { type: 'start' } })
  expect(events[1]).toMatchObject({
    node: 0,
    event: { type: 'request', message: { uid: expect.any(String) } },
  })
})

test('one that was tampered with is told, with the server and the clock', async () => {
  const text = await readFile(file, 'utf8')
  const changed = join(directory, 'changed.ndjson')
  await writeFile(changed, text.replace('"value":"persisting"', '"value":"listening"'))
  const { code, stdout, stderr } = await paxos('replay', changed)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(
    /^paxos: server 0, clock \d+: on \w+, the acceptor is in "listening" in the journal[^\n]*\n$/,
  )
})

test('a file that is no journal is reported by its name', async () => {
  const other = join(directory, 'other')
  await writeFile(other, 'a letter\n')
  expect(await paxos('replay', other)).toMatchObject({
    code: 1,
    stderr: `paxos: ${other}: line 1 is not JSON: a letter\n`,
  })
  expect((await paxos('replay', join(directory, 'none'))).stderr).toContain('ENOENT')
})

test('the old names, --record and paxos trace, do the same', async () => {
  const old = join(directory, 'old.ndjson')
  const address = `127.0.0.1:${await freePorts(1)}`
  const options = ['--data', join(directory, 'old-data'), '--record', old, '--trace']
  const server = new BuiltPaxos(['node', '--id', '0', '--members', `0=${address}`, '--bootstrap', ...options])
  await server.said(/^server 0 ready/m)
  server.signal('SIGTERM')
  expect((await server.ended).code).toBe(0)
  expect(await paxos('trace', old)).toMatchObject({ code: 0, stdout: (await paxos('replay', old)).stdout })
  expect(await readFile(join(directory, 'old-data', 'executed.log'), 'utf8')).toBe('')
})

test('help shows the new names only', async () => {
  const texts = [await paxos('help'), await paxos('help', 'node'), await paxos('help', 'cluster')]
  const help = texts.map(({ stdout }) => stdout).join('')
  for (const name of ['replay', '--journal', '--executed-log']) expect(help).toContain(name)
  for (const name of ['  trace', '--record', '--trace']) expect(help).not.toContain(name)
})
