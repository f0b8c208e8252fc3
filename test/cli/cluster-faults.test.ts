import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { ControlCommand, ControlResult, FaultRule } from '../../src/inspect/control.ts'
import type { HubToPage, PageToHub } from '../../src/inspect/protocol.ts'
import type { InspectorRecord } from '../../src/inspect/record.ts'
import { compile, freePorts, isRunning, Paxos, paxos, removeCompiled } from './paxos.ts'

// A test starts a dozen processes, one after the other, and its machine may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

let port: number
let data: string
let running: Paxos[]
let pages: Page[]

beforeAll(compile)
afterAll(removeCompiled)

beforeEach(async () => {
  port = await freePorts(4)
  data = await mkdtemp(join(tmpdir(), 'paxos-'))
  running = []
  pages = []
})

afterEach(async () => {
  for (const page of pages) page.close()
  for (const process of running) process.signal('SIGTERM')
  await Promise.all(running.map(({ ended }) => ended))
  await rm(data, { recursive: true, force: true })
})

/** What a page hears and asks, without a browser. */
class Page {
  readonly records: InspectorRecord[] = []
  readonly #socket: WebSocket
  readonly #token: string
  readonly #asked = new Map<number, (result: ControlResult) => void>()

  constructor(origin: string, token: string) {
    this.#token = token
    this.#socket = new WebSocket(`${origin.replace('http', 'ws')}/pages`, { origin })
    this.#socket.on('message', (data) => {
      const said: HubToPage = JSON.parse(String(data))
      if (said.type === 'hub.records') this.records.push(...said.records)
      if (said.type === 'hub.result') this.#asked.get(said.id)?.(said.result)
    })
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.once('open', () => resolve())
      this.#socket.once('error', reject)
    })
  }

  control(command: ControlCommand): Promise<ControlResult> {
    const id = this.#asked.size
    const asked: PageToHub = { type: 'page.control', id, token: this.#token, command }
    return new Promise((resolve) => {
      this.#asked.set(id, resolve)
      this.#socket.send(JSON.stringify(asked))
    })
  }

  /** Resolves when a record that `isIt` has come. */
  async heard(isIt: (record: InspectorRecord) => boolean): Promise<void> {
    while (!this.records.some(isIt)) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  close(): void {
    this.#socket.terminate()
  }
}

async function startCluster(...args: string[]) {
  const cluster = new Paxos(['cluster', '--port', `${port}`, '--inspect', `${port + 3}`, ...args])
  running.push(cluster)
  await cluster.said(/^cluster ready$/m)
  const [, origin = '', token = ''] = await cluster.said(/^inspector on (\S+)\/#token=(\S+)$/m)
  const page = new Page(origin, token)
  pages.push(page)
  await page.open()
  for (const node of [0, 1, 2]) {
    await page.heard((record) => record.kind === 'process' && record.node === node && record.state === 'up')
  }
  return { cluster, page, origin }
}

const cut: FaultRule = { from: 0, to: 1, message: 'any', action: 'drop', delayMs: 0, count: null }
const lock = (name: string) => ({ type: 'request', action: 'lock', name }) as const
const ok = (text: string | RegExp) => ({ ok: true, text: expect.stringMatching(text) })

test('servers are paused, resumed, crashed and restarted from the page, and Ctrl-C ends even those that are paused', async () => {
  const { cluster, page } = await startCluster('--data', data, '--allow-faults')
  const pidOf = async (id: number) =>
    Number((await cluster.said(new RegExp(`^server ${id} ready on .*pid (\\d+)\\)$`, 'm')))[1])
  expect(await page.control(lock('a'))).toEqual(ok(/^locked a token \d+\.\d+$/))
  await page.heard((record) => record.kind === 'client' && record.stand.state === 'answered')

  expect(await page.control({ type: 'pause', node: 0 })).toEqual(ok(/^server 0 \(pid \d+\) is paused$/))
  await page.heard((record) => record.kind === 'process' && record.node === 0 && record.state === 'paused')
  expect(await page.control(lock('b'))).toEqual(ok(/^locked b/))
  // Rules hold where they can, and a paused server hears of them when it goes on.
  expect(await page.control({ type: 'rules', rules: [cut] })).toEqual(ok(/^1 rule holds, save at server 0/))
  expect(await page.control({ type: 'resume', node: 0 })).toEqual(ok(/goes on$/))
  await page.heard((record) => record.kind === 'cluster' && record.rules?.length === 1)
  await page.heard(
    (record) => record.kind === 'server' && record.record.kind === 'fate' && record.record.from === 0,
  )
  expect(await page.control({ type: 'rules', rules: [] })).toEqual(ok(/^no rules hold$/))

  const crashed = await pidOf(1)
  expect(await page.control({ type: 'crash', node: 1 })).toEqual(ok(/was killed$/))
  expect(isRunning(crashed)).toBe(false)
  await cluster.said(/^server 1 \(pid \d+\) was killed from the inspector$/m)
  await page.heard((record) => record.kind === 'process' && record.node === 1 && record.state === 'gone')
  expect(await page.control({ type: 'crash', node: 1 })).toMatchObject({ ok: false })
  const starts = () =>
    page.records.filter(
      (record) => record.kind === 'server' && record.node === 1 && record.record.kind === 'survey',
    ).length
  const before = starts()
  const restarted = await page.control({ type: 'restart', node: 1 })
  expect(restarted).toEqual(ok(/^server 1 runs again \(pid \d+\)$/))
  while (starts() === before) await new Promise((resolve) => setTimeout(resolve, 20))

  // Without any server the cluster stands still, and goes on when they come back.
  for (const node of [0, 1, 2])
    expect(await page.control({ type: 'crash', node })).toMatchObject({ ok: true })
  for (const node of [0, 1, 2]) {
    expect(await page.control({ type: 'restart', node })).toMatchObject({ ok: true })
  }
  expect(await page.control({ type: 'request', action: 'unlock', name: 'a' })).toEqual(ok('unlocked a'))

  expect(await page.control({ type: 'pause', node: 2 })).toMatchObject({ ok: true })
  cluster.signal('SIGINT')
  const { code, stdout, stderr } = await cluster.ended
  // It stopped in good order: nobody had to be killed for not stopping in time.
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/\ncluster stopped\n$/)
})

test('a server that is paused does not outlive the program that could resume it', async () => {
  const { cluster, page } = await startCluster('--data', data, '--allow-faults')
  const [, pid] = await cluster.said(/^server 1 ready on .*pid (\d+)\)$/m)
  expect(await page.control({ type: 'pause', node: 1 })).toMatchObject({ ok: true })
  cluster.signal('SIGKILL')
  while (isRunning(Number(pid))) await new Promise((resolve) => setTimeout(resolve, 20))
})

test('without --allow-faults nothing is done, and with a wrong token neither', async () => {
  const { page, origin } = await startCluster('--memory')
  for (const command of [
    { type: 'pause', node: 0 },
    { type: 'rules', rules: [cut] },
    lock('a'),
  ] satisfies ControlCommand[]) {
    expect(await page.control(command)).toMatchObject({ ok: false })
  }
  const stranger = new Page(origin, 'x'.repeat(32))
  pages.push(stranger)
  await stranger.open()
  expect(await stranger.control({ type: 'pause', node: 0 })).toMatchObject({
    ok: false,
    error: expect.stringContaining('token'),
  })
  const servers = [0, 1, 2].map((id) => `127.0.0.1:${port + id}`).join(',')
  expect((await paxos('lock', 'a', '--servers', servers)).code).toBe(0)
})

test('a server that keeps everything in memory is not started again', async () => {
  const { page } = await startCluster('--memory', '--allow-faults')
  expect(await page.control({ type: 'crash', node: 2 })).toMatchObject({ ok: true })
  expect(await page.control({ type: 'restart', node: 2 })).toEqual({
    ok: false,
    error: 'server 2 stored nothing, so it has forgotten what it promised: it must not vote again',
  })
})
