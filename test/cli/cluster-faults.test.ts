import { beforeEach, expect, test } from 'vitest'
import type { ControlCommand, FaultRule } from '../../src/inspect/records/control.ts'
import { freePorts } from '../support/free-ports.ts'
import { ToldPage } from '../support/hub.ts'
import { isRunning, paxos } from './paxos.ts'
import { running } from './running.ts'

const here = running()

let port: number

beforeEach(async () => {
  port = await freePorts(4)
})

async function startCluster(...args: string[]) {
  const cluster = here.start('cluster', '--port', `${port}`, '--inspect', `${port + 3}`, ...args)
  await cluster.said(/^cluster ready$/m)
  const [, origin = '', token = ''] = await cluster.said(/^inspector on (\S+)\/#token=(\S+)$/m)
  const page = await ToldPage.open({ port: Number(new URL(origin).port) })
  for (const node of [0, 1, 2]) {
    await page.heard((record) => record.kind === 'process' && record.node === node && record.state === 'up')
  }
  return { cluster, page, control: (command: ControlCommand) => page.control(command, token) }
}

const cut: FaultRule = { from: 0, to: 1, message: 'any', action: 'drop', delayMs: 0, count: null }
const lock = (name: string) => ({ type: 'request', action: 'lock', name }) as const
const ok = (text: string | RegExp) => ({ ok: true, text: expect.stringMatching(text) })

test('servers are paused, resumed, crashed and restarted from the page, and Ctrl-C ends even those that are paused', async () => {
  const { cluster, page, control } = await startCluster('--data', here.data, '--allow-faults')
  const pidOf = async (id: number) =>
    Number((await cluster.said(new RegExp(`^server ${id} ready on .*pid (\\d+)\\)$`, 'm')))[1])
  expect(await control(lock('a'))).toEqual(ok(/^locked a token \d+$/))
  await page.heard((record) => record.kind === 'client' && record.event === 'response')

  expect(await control({ type: 'pause', node: 0 })).toEqual(ok(/^server 0 \(pid \d+\) is paused$/))
  await page.heard((record) => record.kind === 'process' && record.node === 0 && record.state === 'paused')
  expect(await control(lock('b'))).toEqual(ok(/^locked b/))
  // Rules hold where they can, and a paused server hears of them when it goes on.
  expect(await control({ type: 'rules', rules: [cut] })).toEqual(ok(/^1 rule applies, except at server 0/))
  expect(await control({ type: 'resume', node: 0 })).toEqual(ok(/goes on$/))
  await page.heard((record) => record.kind === 'cluster' && record.rules?.length === 1)
  await page.heard(
    (record) => record.kind === 'server' && record.record.kind === 'fate' && record.record.from === 0,
  )
  expect(await control({ type: 'rules', rules: [] })).toEqual(ok(/^no rules apply$/))

  const crashed = await pidOf(1)
  expect(await control({ type: 'crash', node: 1 })).toEqual(ok(/was killed$/))
  expect(isRunning(crashed)).toBe(false)
  await cluster.said(/^server 1 \(pid \d+\) was killed from the inspector$/m)
  await page.heard((record) => record.kind === 'process' && record.node === 1 && record.state === 'gone')
  expect(await control({ type: 'crash', node: 1 })).toMatchObject({ ok: false })
  const starts = () =>
    page.records.filter(
      (record) => record.kind === 'server' && record.node === 1 && record.record.kind === 'keyframe',
    ).length
  const before = starts()
  const restarted = await control({ type: 'restart', node: 1 })
  expect(restarted).toEqual(ok(/^server 1 runs again \(pid \d+\)$/))
  await page.until(() => starts() > before)

  // Without any server the cluster stands still, and goes on when they come back.
  for (const node of [0, 1, 2]) expect(await control({ type: 'crash', node })).toMatchObject({ ok: true })
  for (const node of [0, 1, 2]) {
    expect(await control({ type: 'restart', node })).toMatchObject({ ok: true })
  }
  expect(await control({ type: 'request', action: 'unlock', name: 'a' })).toEqual(ok('unlocked a'))

  expect(await control({ type: 'pause', node: 2 })).toMatchObject({ ok: true })
  cluster.signal('SIGINT')
  const { code, stdout, stderr } = await cluster.ended
  // It stopped in good order: nobody had to be killed for not stopping in time.
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/\ncluster stopped\n$/)
})

test('a server that is paused does not outlive the program that could resume it', async () => {
  const { cluster, control } = await startCluster('--data', here.data, '--allow-faults')
  const [, pid] = await cluster.said(/^server 1 ready on .*pid (\d+)\)$/m)
  expect(await control({ type: 'pause', node: 1 })).toMatchObject({ ok: true })
  cluster.signal('SIGKILL')
  while (isRunning(Number(pid))) await new Promise((resolve) => setTimeout(resolve, 20))
})

test('without --allow-faults nothing is done, and with a wrong token neither', async () => {
  const { page, control } = await startCluster('--memory')
  for (const command of [
    { type: 'pause', node: 0 },
    { type: 'rules', rules: [cut] },
    lock('a'),
  ] satisfies ControlCommand[]) {
    expect(await control(command)).toMatchObject({ ok: false })
  }
  expect(await page.control({ type: 'pause', node: 0 }, 'x'.repeat(32))).toMatchObject({
    ok: false,
    error: expect.stringContaining('token'),
  })
  const servers = [0, 1, 2].map((id) => `127.0.0.1:${port + id}`).join(',')
  expect((await paxos('lock', 'a', '--detach', '--ttl', '1h', '--servers', servers)).code).toBe(0)
})

test('a server that keeps everything in memory is not started again', async () => {
  const { control } = await startCluster('--memory', '--allow-faults')
  expect(await control({ type: 'crash', node: 2 })).toMatchObject({ ok: true })
  expect(await control({ type: 'restart', node: 2 })).toEqual({
    ok: false,
    error: 'server 2 stored nothing, so it has lost its promises: it must not vote again',
  })
})
