import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compile, freePorts, Paxos, paxos, removeCompiled } from './paxos.ts'

let directory: string
let file: string

/** A server alone, which records how a lock is taken. */
beforeAll(async () => {
  await compile()
  directory = await mkdtemp(join(tmpdir(), 'paxos-trace-'))
  file = join(directory, 'recording.ndjson')
  const address = `127.0.0.1:${await freePorts(1)}`
  const store = ['--data', join(directory, 'data'), '--record', file]
  const server = new Paxos(['node', '--id', '0', '--members', `0=${address}`, '--bootstrap', ...store])
  await server.said(/^server 0 ready/m)
  expect((await paxos('lock', 'a', '--servers', address)).code).toBe(0)
  server.signal('SIGTERM')
  expect((await server.ended).code).toBe(0)
})

afterAll(async () => {
  await rm(directory, { recursive: true })
  await removeCompiled()
})

test('a recording comes out the same', async () => {
  const { code, stdout, stderr } = await paxos('trace', file)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^1 server, \d+ events: every state came out as recorded, 0 messages were heard that had been said, and no invariant is broken\n$/,
  )
  const { stdout: json } = await paxos('trace', file, '--json')
  expect(JSON.parse(json)).toMatchObject({ servers: 1, heard: 0, isJudged: true })
})

test('its events can be printed, in order', async () => {
  const { code, stdout } = await paxos('trace', file, '--events')
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
  const { code, stdout, stderr } = await paxos('trace', changed)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(
    /^paxos: server 0, clock \d+: on \w+, the acceptor was recorded in "listening"[^\n]*\n$/,
  )
})

test('what is no recording is told, with the file', async () => {
  const other = join(directory, 'other')
  await writeFile(other, 'a letter\n')
  expect(await paxos('trace', other)).toMatchObject({
    code: 1,
    stderr: `paxos: ${other}: line 1 is no JSON: a letter\n`,
  })
  expect((await paxos('trace', join(directory, 'none'))).stderr).toContain('ENOENT')
})
