import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runTranscript } from '../../src/transcript/file.ts'
import { parseLink } from '../../src/transcript/link.ts'
import { paxos } from './paxos.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paxos-transcript-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

const scenario = join(import.meta.dirname, '../../scenarios/helping.txt')

test('paxos transcript prints what happens', async () => {
  const golden = await readFile(scenario, 'utf8')
  expect(await paxos('transcript', scenario)).toEqual({ code: 0, stdout: golden, stderr: '' })
})

test('where it cannot go on it says why, once, and the exit code is 1', async () => {
  const file = join(folder, 'wrong.txt')
  await writeFile(file, 'servers 3\ndeliver 0->1 accept\nshow\n')
  const { code, stdout, stderr } = await paxos('transcript', file)
  expect(code).toBe(1)
  expect(stderr).toBe(`paxos: ${file}: line 2, "deliver 0->1 accept": no such datagram is in flight\n`)
  expect(stdout.endsWith('deliver 0->1 accept\n')).toBe(true)
})

test('a link to the playground says the same schedule', async () => {
  const { code, stdout } = await paxos('transcript', scenario, '--link', 'http://127.0.0.1:1/page#old')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:1\/page#playground&z=[\w-]+\n$/)
  const { schedule } = await parseLink(stdout.trim().replace(/^[^#]*/, ''))
  expect(runTranscript(schedule ?? '').run.state).toEqual(
    runTranscript(await readFile(scenario, 'utf8')).run.state,
  )
  expect((await paxos('transcript', scenario, '--link')).stdout).toMatch(/^#playground&z=/)
})

test('a file that is not there is named', async () => {
  const { code, stderr } = await paxos('transcript', join(folder, 'nothing.txt'))
  expect(code).toBe(1)
  expect(stderr).toContain('nothing.txt cannot be read')
})
