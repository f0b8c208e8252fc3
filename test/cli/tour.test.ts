/** The commands about locks in README's tour, as they stand there, in their order, against a cluster. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { main } from '../support/built-paxos.ts'
import { freePorts } from './paxos.ts'
import { running } from './running.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const here = running()
const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const tour = readme.slice(readme.indexOf('## Five minutes'), readme.indexOf('Kill the first server'))
const commands = [...tour.matchAll(/^(npx paxos .*?)(?: {2,}# .*)?$/gm)].map(([, command = '']) => command)

/** Runs a line of the tour, with an `npx` that runs the built program at these servers. */
class Line {
  readonly child: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>
  output = ''

  constructor(line: string, bin: string) {
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
    this.child = spawn('sh', ['-c', line], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    children.push(this.child)
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
    }
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code) => resolve({ code, output: this.output })),
    )
  }
}

test('the commands of the tour do what it says', async () => {
  const port = await freePorts(3)
  const cluster = here.start('cluster', '--port', `${port}`, '--data', here.data)
  await cluster.said(/^cluster ready$/m)
  const servers = [0, 1, 2].map((id) => `127.0.0.1:${port + id}`).join(',')
  const npx = `#!/bin/sh\nshift; command=$1; shift\nexec ${process.execPath} ${main} "$command" --servers ${servers} "$@"\n`
  writeFileSync(join(here.data, 'npx'), npx)
  chmodSync(join(here.data, 'npx'), 0o755)
  const left = [...commands]
  const started = () => {
    const line = left.shift() ?? ''
    return { line, ran: new Line(`exec ${line}`, here.data) }
  }
  /** Runs the next command of the tour, which is `line`, to its end. */
  const next = (line: string) => {
    expect(left[0]).toBe(line)
    return started().ran.ended
  }

  const { line, ran: holder } = started()
  expect(line).toBe('npx paxos lock a')
  await vi.waitFor(() => expect(holder.output).toBe('locked a token 1\n'), 20_000)
  expect((await next('npx paxos status')).output).toContain('cluster ')
  expect((await next('npx paxos locks')).output).toMatch(/^a +held +\S+ +1 +exclusive /m)
  const busy = await next('npx paxos lock a --try')
  expect(busy).toMatchObject({ code: 3, output: expect.stringContaining('the lock "a" is not free') })
  const waiting = started()
  expect(waiting.line).toBe(`npx paxos lock a --wait 1m -- sh -c 'echo I hold token $PAXOS_LOCK_TOKEN'`)
  const listed = async () => (await new Line('npx paxos locks', here.data).ended).output
  await vi.waitFor(async () => expect(await listed()).toMatch(/^a +waiting /m), 20_000)
  holder.child.kill('SIGINT')
  expect(await holder.ended).toEqual({ code: 0, output: 'locked a token 1\nunlocked a\n' })
  expect(await waiting.ran.ended).toEqual({ code: 0, output: 'I hold token 2\n' })

  expect((await next('npx paxos lock b --detach --ttl 2h')).output).toBe('locked b token 3\n')
  expect((await next('npx paxos unlock b --token 3')).output).toBe('unlocked b\n')
  expect((await next('npx paxos lock b --detach --ttl 2h')).output).toBe('locked b token 4\n')
  expect((await next('npx paxos unlock b --force --now')).output).toMatch(/^freed b, which was held by /)
  expect(left).toEqual([])
  expect(await listed()).toBe('no lock is held or waited for\n')
})
