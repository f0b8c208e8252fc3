/** Servers whose disks have little room left: they turn clients away before a write fails, and go on by themselves. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import { type RunningNode, startNode } from '../../src/node/node.ts'
import { paxos } from '../cli/paxos.ts'
import { BuiltPaxos } from '../support/built-paxos.ts'
import { freePorts } from '../support/free-ports.ts'

const running: RunningNode[] = []
const clients: Client[] = []
const servers: BuiltPaxos[] = []
const directories: string[] = []
const mounted: string[] = []

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
  await Promise.all(running.splice(0).map((node) => node.stop()))
  for (const server of servers.splice(0)) {
    server.signal('SIGKILL')
    await server.ended
  }
  for (const directory of mounted.splice(0)) spawnSync('umount', [directory])
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'paxos-disk-'))
  directories.push(directory)
  return directory
}

function client(servers: readonly string[]): Client {
  const connected = connect({ servers: [...servers] })
  clients.push(connected)
  return connected
}

const mib = 1_048_576

test('clients go to another server, and the one whose disk is nearly full still votes', async () => {
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const dataDir = newDirectory()
  const start = (id: number, diskLowWaterBytes: number) =>
    startNode({
      ...{ id, listen: `127.0.0.1:${port + id}`, bootstrap: { members } },
      ...{ dataDir: join(dataDir, String(id)), diskLowWaterBytes },
    })
  const nodes = await Promise.all([start(0, 2 ** 50), start(1, 1), start(2, 0)])
  running.push(...nodes)
  await expect.poll(() => nodes[0]?.status()).toMatchObject({ disk: { isLow: true } })
  await expect.poll(() => nodes[1]?.status()).toMatchObject({ disk: { isLow: false, lowWaterBytes: 1 } })
  expect(nodes[2]?.status()).toMatchObject({ disk: null })
  await nodes[2]?.stop()
  // Without the vote of server 0 there is no quorum.
  const lock = await client(members.map(({ address }) => address)).locks.acquire('a')
  expect(nodes[0]?.status()).toMatchObject({ queue: { length: 0 }, roles: { acceptor: 'listening' } })
  await lock.release()
})

/** Mounts a file system of 96 MiB in memory; `null` where that is not allowed. */
function mountSmall(): string | null {
  const directory = newDirectory()
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', directory])
  if (status !== 0) return null
  mounted.push(directory)
  return directory
}

test('a server whose disk runs full waits for room, and then answers what it turned away', async (context) => {
  const disk = mountSmall()
  if (disk === null) return context.skip('only root may mount a file system of a fixed size')
  const address = `127.0.0.1:${await freePorts(1)}`
  const server = new BuiltPaxos([
    ...['node', '--id', '0', '--members', `0=${address}`, '--bootstrap', '--service', 'kv'],
    ...['--data', join(disk, 'data'), '--disk-low-water', '32MiB', '--log-level', 'info'],
  ])
  servers.push(server)
  await server.said(/ready/)
  const kv = client([address]).kv
  await kv.put('a', 1)
  writeFileSync(join(disk, 'filler'), Buffer.alloc(75 * mib))
  const status = () => paxos('status', '--servers', address)
  await vi.waitFor(
    async () => expect((await status()).stdout).toContain('server 0: takes no requests of clients'),
    20_000,
  )
  const refused = await paxos('kv', 'put', 'b', '1', '--servers', address, '--timeout', '2s')
  expect(refused).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('the disk of server 0 has little room left'),
  })
  let isDone = false
  const put = kv.put('c', 1).then(() => {
    isDone = true
  })
  expect(await kv.get('a')).toMatchObject({ value: 1 })
  expect(isDone).toBe(false)
  rmSync(join(disk, 'filler'))
  await put
  expect((await status()).stdout).not.toContain('takes no requests')
  server.signal('SIGTERM')
  const { stderr } = await server.ended
  expect(stderr.match(/the disk has little room left/g)).toHaveLength(1)
  expect(stderr.match(/the disk has room again/g)).toHaveLength(1)
}, 60_000)
