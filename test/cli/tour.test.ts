/** The commands of README's tour, as they stand there, in their order, against a cluster. Only ports and directories differ. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { fromSource, main } from '../support/built-paxos.ts'
import { freePorts } from '../support/free-ports.ts'
import { running } from './running.ts'

const here = running()
const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const tour = readme.slice(readme.indexOf('## Five minutes'), readme.indexOf('### What `paxos status` shows'))
const commands = [...tour.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, lines = '']) =>
  lines.trimEnd().split('\n').map(withoutComment),
)

function withoutComment(line: string): string {
  return line.replace(/ +# .*$/, '')
}

/** Sends its input as one datagram to HOST PORT, and prints the first answer, as `nc -u -w 1 HOST PORT` does. */
const nc = `#!${process.execPath}
const socket = require('node:dgram').createSocket('udp4')
const [host, port] = process.argv.slice(-2)
socket.once('message', (answer) => { process.stdout.write(answer); socket.close() })
socket.send(require('node:fs').readFileSync(0), Number(port), host)
`

/** Runs `paxos` as it was built, at `servers`, or a program from its source. */
function npx(servers: string): string {
  const [built, source] = [
    `exec ${process.execPath} ${main}`,
    `exec ${process.execPath} ${fromSource.slice(0, 2).join(' ')}`,
  ]
  return `#!/bin/sh
case "$1 $2" in
tsx*) shift; ${source} "$@" ;;
*node) shift; ${built} "$@" ;;
*members) shift 2; sub=$1; shift; ${built} members "$sub" --servers ${servers} "$@" ;;
*) shift; command=$1; shift; ${built} "$command" --servers ${servers} "$@" ;;
esac
`
}

/** Runs a line of the tour, with the programs in `bin`. */
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
  const port = await freePorts(6)
  const cluster = here.start('cluster', '--port', `${port}`, '--data', here.data)
  await cluster.said(/^cluster ready$/m)
  const servers = [0, 1, 2].map((id) => `127.0.0.1:${port + id}`).join(',')
  for (const [name, script] of Object.entries({ npx: npx(servers), nc })) {
    writeFileSync(join(here.data, name), script)
    chmodSync(join(here.data, name), 0o755)
  }
  const ports = ['29367', '29368', '29369', '29370', '29390']
  /** The line with the ports and the directory of this test, and a port without an inspector. */
  const placed = (line: string) =>
    line
      .replaceAll(/\b29\d{3}\b/g, (standing) => `${port + ports.indexOf(standing)}`)
      .replaceAll('.paxos/', `${here.data}/`)
      .replaceAll('--inspect', `--inspect 127.0.0.1:${port + ports.length}`)
  const left = [...commands]
  const started = (exec = 'exec ') => {
    const line = left.shift() ?? ''
    return { line, ran: new Line(`${exec}${placed(line)}`, here.data) }
  }
  /** Runs the next command of the tour, which is `line`, to its end. */
  const next = (line: string) => {
    expect(left[0]).toBe(line)
    return started('').ran.ended
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
  expect(await listed()).toBe('no lock is held or waited for\n')

  expect(left[0]).toContain('kill -9 "$(npx paxos status --json | ')
  await started('').ran.ended
  await cluster.said(/^server 0 .*SIGKILL/m)
  expect(await next('npx paxos lock b -- echo held')).toEqual({ code: 0, output: 'held\n' })
  expect((await next('npx paxos status')).code, 'the first server does not answer').toBe(7)
  const ready = async (line: string, id: number) => {
    const { line: found, ran } = started()
    expect(found).toContain(line)
    await vi.waitFor(() => expect(ran.output).toContain(`server ${id} ready on 127.0.0.1:`), 30_000)
  }
  await ready('npx paxos node --id 0 --members ', 0)
  expect((await new Line('npx paxos status', here.data).ended).code).toBe(0)
  await ready('npx paxos node --id 3 --join ', 3)
  expect((await next('npx paxos members list')).output).toMatch(new RegExp(`^3 .*:${port + 3}`, 'm'))
  expect(tour).toContain('run `npx paxos members remove 3`')
  const removed = await new Line('npx paxos members remove 3', here.data).ended
  expect(removed).toEqual({ code: 0, output: 'removed server 3; it may be stopped\n' })
  const answer = await next(`printf "REQUEST:-1:-1:(21,'LOCK','c')" | nc -u -w 1 127.0.0.1 29367`)
  expect(answer.output).toBe("RESPOND:-1:-1:(21, 'LOCK', 'c')")
  await ready('npx tsx src/cli/main.ts node --id 0 ', 0)
  expect(left).toEqual([])
})
