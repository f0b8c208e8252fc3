import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { readReport } from '../../src/cli/status-report.ts'
import { connect } from '../../src/client/index.ts'
import { BuiltPaxos, type Ended, fromSource } from '../support/built-paxos.ts'
import { freePorts } from '../support/free-ports.ts'
import { isRunning, paxos } from './paxos.ts'
import { running } from './running.ts'

const here = running()

let port: number
let servers: string[]

beforeEach(async () => {
  port = await freePorts(4)
  servers = ['--servers', [0, 1, 2].map((id) => `127.0.0.1:${port + id}`).join(',')]
})

/** Starts the cluster; answers it with the pid of each server. */
async function startCluster(...args: string[]) {
  const cluster = here.start('cluster', '--port', `${port}`, '--data', here.data, ...args)
  await cluster.said(/^cluster ready$/m)
  const pids: number[] = []
  for (const id of [0, 1, 2]) {
    const line = `^server ${id} ready on 127.0.0.1:${port + id} \\(data ${here.data}/${id}, pid (\\d+)\\)$`
    pids.push(Number((await cluster.said(new RegExp(line, 'm')))[1]))
  }
  return { cluster, pids }
}

async function allEnded(pids: readonly number[]): Promise<void> {
  while (pids.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Resolves when a server holds a request that is delayed. */
async function someRequestIsDelayed(): Promise<void> {
  const client = connect({ servers: [0, 1, 2].map((id) => `127.0.0.1:${port + id}`) })
  const isDelayed = async () => {
    const reports = (await client.status()).map((answer) =>
      readReport('status' in answer ? answer.status : null),
    )
    return reports.some((report) => report !== null && report.queue.delayed > 0)
  }
  while (!(await isDelayed())) await new Promise((resolve) => setTimeout(resolve, 20))
  await client.close()
}

const told = ({ code, stdout }: Ended) => ({ code, stdout: stdout.trimEnd() })

test('a lock is taken, waited for, given up and freed, and outlives the cluster', async () => {
  const { cluster } = await startCluster('--executed-log')
  const locked = await paxos('lock', 'a', '--detach', '--ttl', '1h', ...servers)
  const [, token = ''] = /^locked a token (\d+)\n$/.exec(locked.stdout) ?? []
  expect({ code: locked.code, stderr: locked.stderr, token }).toEqual({
    code: 0,
    stderr: '',
    token: expect.stringMatching(/^\d+$/),
  })

  const impatient = await paxos('lock', 'a', '--timeout', '0.5', ...servers)
  expect(told(impatient)).toEqual({ code: 3, stdout: '' })
  expect(impatient.stderr).toMatch(
    /^paxos: gave up after 0.5 s \([123] of 3 members answer(, and a majority is needed)?\)\n$/,
  )

  const interrupted = here.start('lock', 'a', ...servers)
  await someRequestIsDelayed()
  interrupted.signal('SIGINT')
  expect(told(await interrupted.ended)).toEqual({ code: 130, stdout: '' })

  const waiting = here.start('lock', 'a', '--json', ...servers)
  expect(told(await paxos('unlock', 'a', '--token', '99999', ...servers))).toEqual({
    code: 8,
    stdout: 'a is not held under token 99999',
  })
  expect(told(await paxos('unlock', 'a', '--token', token, ...servers))).toEqual({
    code: 0,
    stdout: 'unlocked a',
  })
  const [, granted = ''] = await waiting.said(/^\{"name":"a","token":(\d+)\}$/m)
  expect(Number(granted)).toBeGreaterThan(Number(token))
  waiting.signal('SIGINT')
  expect(told(await waiting.ended)).toEqual({ code: 0, stdout: `{"name":"a","token":${granted}}` })
  const kept = await paxos('lock', 'a', '--detach', '--ttl', '1h', '--json', ...servers)
  const { token: keptToken } = JSON.parse(kept.stdout)

  cluster.signal('SIGINT')
  const first = await cluster.ended
  expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' })
  expect(first.stdout).toMatch(/\ncluster stopped\n$/)

  await startCluster()
  expect(told(await paxos('lock', 'a', '--timeout', '0.5', ...servers)).code).toBe(3)
  expect(told(await paxos('unlock', 'a', '--token', `${keptToken}`, '--json', ...servers))).toEqual({
    code: 0,
    stdout: '{"name":"a","freed":true}',
  })
  expect(told(await paxos('unlock', 'a', ...servers))).toEqual({
    code: 8,
    stdout: 'a was not locked in plain text',
  })
  expect(await readFile(join(here.data, '0', 'executed.log'), 'utf8')).toContain('"action":"lock"')
})

test('a server is killed, the others go on, and it is started again with the command that was printed', async () => {
  const { cluster, pids } = await startCluster()
  const all = await paxos('status', '--json', ...servers)
  expect(all.code).toBe(0)
  const reports = JSON.parse(all.stdout).servers as {
    status: { id: number; pid: number; members: unknown[] }
  }[]
  expect(reports.map(({ status: { id, pid, members } }) => ({ id, pid, members: members.length }))).toEqual(
    pids.map((pid, id) => ({ id, pid, members: 3 })),
  )

  process.kill(pids[0] ?? 0, 'SIGKILL')
  const [, again = ''] = await cluster.said(
    /^server 0 \(pid \d+\) ended: SIGKILL\. Start it again with: (.*)$/m,
  )
  const without = await paxos('status', ...servers)
  expect(without.code).toBe(7)
  expect(without.stdout).toMatch(new RegExp(`^- +127.0.0.1:${port} +no answer$`, 'm'))
  expect((await paxos('lock', 'a', '--detach', '--ttl', '1h', ...servers)).code).toBe(0)

  const [, args = ''] = /main\.js (node .*)$/.exec(again) ?? []
  const restarted = here.start(...args.split(' '))
  await restarted.said(new RegExp(`^server 0 ready on 127.0.0.1:${port} \\(data ${here.data}/0\\)$`, 'm'))
  expect((await paxos('status', ...servers)).code).toBe(0)
  restarted.signal('SIGTERM')
  expect((await restarted.ended).code).toBe(0)
})

test('when its terminal closes, the cluster and its servers hear it, and stop in good order', async () => {
  const { cluster, pids } = await startCluster()
  // A terminal tells all processes that it started.
  for (const pid of pids) process.kill(pid, 'SIGHUP')
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(pids.every(isRunning)).toBe(true)
  cluster.signal('SIGHUP')
  const { code, stdout } = await cluster.ended
  expect(code).toBe(0)
  expect(stdout).toMatch(/^cluster stopped$/m)
  await allEnded(pids)
})

test('a fourth server that is counted and was not started again is told of, with how to remove it', async () => {
  const { cluster } = await startCluster()
  const address = `127.0.0.1:${port + 3}`
  const join_ = ['--listen', address, '--join', `127.0.0.1:${port}`, '--data', join(here.data, '3')]
  const fourth = here.start('node', '--id', '3', ...join_)
  await fourth.said(/^server 3 ready on/m)
  await vi.waitFor(
    async () => expect((await paxos('members', 'list', ...servers)).stdout).toMatch(/^3 .* yes$/m),
    { timeout: 30_000, interval: 100 },
  )
  const stop = async (...processes: BuiltPaxos[]) => {
    for (const process of processes) process.signal('SIGTERM')
    await Promise.all(processes.map(({ ended }) => ended))
  }
  await stop(cluster, fourth)
  const { cluster: again } = await startCluster()
  const line = `^server 3 at ${address} is counted, and is not one of these: start it, or remove it with: .* (members remove 3 --servers \\S+)$`
  const [, remove = ''] = await again.said(new RegExp(line, 'm'))
  expect((await paxos(...remove.split(' '))).code).toBe(0)
  await stop(again)
  const { cluster: without } = await startCluster()
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  await stop(without)
  expect((await without.ended).stdout).not.toContain('is counted')
})

test('a fourth server joins and another is removed', async () => {
  await startCluster()
  const address = `127.0.0.1:${port + 3}`
  const added = await paxos('members', 'add', `3=${address}`, ...servers)
  expect({ code: added.code, stdout: added.stdout }).toEqual({
    code: 0,
    stdout: expect.stringContaining(
      `paxos node --id 3 --listen ${address} --join 127.0.0.1:${port} --data DIR`,
    ),
  })
  expect((await paxos('members', 'list', ...servers)).stdout).toMatch(/^3 .* not yet: it has to join$/m)
  const join_ = ['--join', `127.0.0.1:${port}`]
  const fourth = here.start(
    'node',
    '--id',
    '3',
    '--listen',
    address,
    '--data',
    join(here.data, '3'),
    ...join_,
  )
  await fourth.said(/^server 3 ready on/m)
  expect(told(await paxos('members', 'remove', '1', ...servers))).toEqual({
    code: 0,
    stdout: 'removed server 1; it may be stopped',
  })
  const { members } = JSON.parse((await paxos('members', 'list', '--json', ...servers)).stdout)
  expect(members).toEqual([
    { id: 0, address: `127.0.0.1:${port}`, counted: true },
    { id: 2, address: `127.0.0.1:${port + 2}`, counted: true },
    { id: 3, address, counted: true },
  ])
  const unknown = await paxos('members', 'remove', '9', ...servers)
  expect({ code: unknown.code, stderr: unknown.stderr }).toEqual({
    code: 1,
    stderr: 'paxos: server 9 is not a member: the members are 0, 2, 3\n',
  })
})

test('run from source, the servers stop when the cluster is killed', async () => {
  const cluster = new BuiltPaxos(['cluster', '--port', `${port}`, '--memory'], { program: fromSource })
  here.add(cluster)
  await cluster.said(/^cluster ready$/m)
  const pids = await Promise.all(
    [0, 1, 2].map(async (id) =>
      Number((await cluster.said(new RegExp(`^server ${id} .*pid (\\d+)`, 'm')))[1]),
    ),
  )
  cluster.signal('SIGKILL')
  await allEnded(pids)
})

test('a port that is taken is told of, and nothing is started', async () => {
  const socket = createSocket('udp4').bind(port + 1, '127.0.0.1')
  await once(socket, 'listening')
  try {
    const { code, stdout, stderr } = await here.start('cluster', '--port', `${port}`, '--data', here.data)
      .ended
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^paxos: cannot listen on 127.0.0.1:${port + 1}: [^\\n]+\\n$`))
  } finally {
    socket.close()
  }
  // Nothing was founded, so the same command founds the cluster once the port is free.
  await startCluster()
})

/** Server `id` of three, that founds a cluster where `startCluster` does. */
function startFounder(id: number, ...args: string[]): BuiltPaxos {
  const members = [0, 1, 2].map((member) => `${member}=127.0.0.1:${port + member}`).join(',')
  const data = ['--data', join(here.data, `${id}`)]
  return here.start('node', '--id', `${id}`, '--members', members, '--bootstrap', ...data, ...args)
}

test('a founding of which servers are killed goes on, and status says who is waited for', async () => {
  const founders = [0, 1].map((id) => startFounder(id))
  await founders[0]?.said(/waits for server 1 at \S+, server 2 at/)
  const { code, stdout } = await paxos('status', ...servers)
  expect({ code, row: /^0 .*$/m.exec(stdout)?.[0] }).toEqual({
    code: 7,
    row: expect.stringMatching(/founding, waits for server (1, )?2$/),
  })
  expect((await paxos('members', 'list', ...servers)).stderr).toMatch(/^paxos: .*founding/)
  const impatient = await paxos('lock', 'a', '--timeout', '1.5', ...servers)
  expect(impatient.code).toBe(4)
  expect(impatient.stderr).toMatch(
    /^paxos: gave up after 1.5 s \(server [01] is founding the cluster, and waits for server .*2\): see paxos status\n$/,
  )
  for (const founder of founders) founder.signal('SIGKILL')
  await Promise.all(founders.map(({ ended }) => ended))
  await startCluster()
  expect((await paxos('lock', 'a', '--detach', '--ttl', '1h', ...servers)).code).toBe(0)
})

test('a founder that lost its directory does not vote with --bootstrap, and joins as it is told', async () => {
  const { pids } = await startCluster()
  process.kill(pids[2] ?? 0, 'SIGKILL')
  await allEnded([pids[2] ?? 0])
  await rm(join(here.data, '2'), { recursive: true })
  const { code, stdout, stderr } = await startFounder(2, '--log-level', 'silent').ended
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(
    /^paxos: the cluster exists, as server [01] [^\n]* must not vote in its place[^\n]*\n$/,
  )
  const [, remove = '', seed = ''] = /paxos (members remove 2 --servers (\S+));/.exec(stderr) ?? []
  expect((await paxos(...remove.split(' '))).code).toBe(0)
  const where = ['--listen', `127.0.0.1:${port + 2}`, '--data', join(here.data, '2')]
  const joined = here.start('node', '--id', '2', ...where, '--join', seed)
  await joined.said(/^server 2 ready on/m)
})

test('what servers write is for their own user only', async () => {
  await startCluster('--executed-log')
  await paxos('lock', 'a', '--detach', '--ttl', '1h', ...servers)
  const entries = await readdir(here.data, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    const { mode } = await stat(path)
    // The lock of a directory is a socket.
    expect(`${path} ${(mode & 0o777).toString(8)}`).toBe(`${path} ${entry.isFile() ? 600 : 700}`)
  }
  expect(entries.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['identity.json', 'executed.log', 'log', '00000001.log', 'head']),
  )
})

test('a server whose directory was lost is not started, and joins anew as it was told', async () => {
  const { cluster } = await startCluster()
  cluster.signal('SIGTERM')
  await cluster.ended
  await rm(join(here.data, '2'), { recursive: true })

  const again = here.start('cluster', '--port', `${port}`, '--data', here.data)
  await again.said(/^cluster ready, with 2 of 3 servers$/m)
  const told = await again.said(
    /^paxos: server 2 is not started: .* (members remove .*); then .*?(node --id .*); or/m,
  )
  expect((await paxos(...(told[1] ?? '').split(' '))).code).toBe(0)
  const joined = here.start(...(told[2] ?? '').split(' '))
  await joined.said(/^server 2 ready on/m)
  expect((await paxos('status', ...servers)).code).toBe(0)
})

test('a server whose data is damaged does not start, and joins anew as the cluster says', async () => {
  const { cluster } = await startCluster()
  await paxos('lock', 'a', '--detach', '--ttl', '1h', ...servers)
  cluster.signal('SIGTERM')
  await cluster.ended
  const damaged = join(here.data, '2')
  const file = await open(join(damaged, 'log/00000001.log'), 'r+')
  await file.write(Buffer.from([0xff]), 0, 1, 4_096 + 40)
  await file.close()

  const options = ['cluster', '--port', `${port}`, '--data', here.data]
  const { code, stderr } = await paxos(...options)
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /2: it is damaged: log\/00000001\.log, at byte 4096: .* members remove.* node --join/,
  )
  expect(stderr).toMatch(
    /^paxos: server (0, )?(1, )?2 could not start; .* whose data is damaged away, and start the cluster again/m,
  )
  expect((await paxos('storage', 'check', damaged)).code).toBe(6)

  await rename(damaged, `${damaged}-damaged`)
  const again = here.start(...options)
  await again.said(/^cluster ready, with 2 of 3 servers$/m)
  const told = await again.said(
    /^paxos: server 2 is not started: .* (members remove .*); then .*?(node --id .*); or/m,
  )
  expect((await paxos(...(told[1] ?? '').split(' '))).code).toBe(0)
  await here.start(...(told[2] ?? '').split(' ')).said(/^server 2 ready on/m)
  const { stdout } = await paxos('storage', 'check', damaged)
  expect(stdout).toMatch(/^(sound|torn tail: .*)\n/)
})

test('all servers end and the cluster says so', async () => {
  const { cluster, pids } = await startCluster()
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  const { code, stderr } = await cluster.ended
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'paxos: all servers have ended\n' })
})
