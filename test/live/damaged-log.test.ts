/**
 * A server whose log is damaged or cannot be read does not start: it may have forgotten a vote, and then two batches could be chosen for
 * one instance. A store that ignores such an error lets a lock be granted twice.
 */
import { existsSync } from 'node:fs'
import { cp, mkdtemp, open, readdir, readFile, rm, symlink, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../src/client/index.ts'
import { decodeHead } from '../../src/storage/log/head.ts'
import { blockBytes, type LogPosition, pathOf, segmentName } from '../../src/storage/log/layout.ts'
import { BuiltPaxos, type Ended } from '../support/built-paxos.ts'
import { LiveCluster } from '../support/live-cluster.ts'

/** More than the time after which `head` names the last group of a server that writes nothing. */
const quietMs = 500

const remedy =
  'Do not restore an older copy, which may lack promises of this server: remove the server from the cluster (`paxos members ' +
  'remove`), and let it join again with an empty directory (`paxos node --join`)'

/** The end of the log that `head` vouches for. */
async function syncedEnd(dataDir: string): Promise<LogPosition> {
  const decoded = decodeHead(await readFile(join(dataDir, pathOf('head'))))
  if ('reason' in decoded) throw new Error(decoded.reason)
  return decoded.head.synced
}

const segmentOf = ({ segment }: LogPosition) => pathOf(segmentName(segment))

async function flip(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset)
    await file.write(Buffer.from([buffer[0]! ^ 0xff]), 0, 1, offset)
  } finally {
    await file.close()
  }
}

async function zero(path: string, from: number, to: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(Buffer.alloc(to - from), 0, to - from, from)
  } finally {
    await file.close()
  }
}

/** Starts server 2 of the cluster on `dataDir`. It must end. */
/** Starts server 2 with a copy of its directory, as if that were its own. */
function startServer2(cluster: LiveCluster, dataDir: string): Promise<Ended> {
  const where = ['--listen', cluster.listening(2), '--advertise', cluster.addresses[2]!, '--data', dataDir]
  return new BuiltPaxos(['node', '--id', '2', ...where, '--moved', '--log-level', 'warn']).endedWithin(20_000)
}

function expectRefusal({ code, stdout, stderr }: Ended, file: string, offset: number, reason: RegExp): void {
  expect(code).toBe(1)
  expect(stdout).not.toContain('ready')
  expect(stderr).toContain(`it is damaged: ${file}, at byte ${offset}: `)
  expect(stderr).toMatch(reason)
  expect(stderr).toContain(remedy)
  expect(stderr).not.toContain('bootstrap')
}

describe('a server that knows many instances and was killed', () => {
  let cluster: LiveCluster
  let directory: string
  let copy: string
  let end: LogPosition

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'paxos-damaged-'))
    cluster = await LiveCluster.start(3)
    const client = cluster.connect(2)
    for (let turn = 0; turn < 100; turn += 1) await (await client.locks.acquire(`lock-${turn % 5}`)).release()
    await cluster.pass(quietMs)
    await cluster.crash(2)
    end = await syncedEnd(cluster.dataDir(2))
  })

  afterEach(() => rm(copy, { recursive: true, force: true }))

  afterAll(async () => {
    await cluster.close()
    await rm(directory, { recursive: true, force: true })
  })

  /** A copy of its directory, without the socket that the killed server left. */
  async function copied(): Promise<string> {
    copy = join(directory, 'copy')
    await cp(cluster.dataDir(2), copy, {
      recursive: true,
      filter: (path) => !/lock-[0-9a-f]{8}$/.test(path),
    })
    return copy
  }

  test.skipIf(!existsSync('/proc/self/mem'))('refuses when a read of its log fails', async () => {
    const dataDir = await copied()
    const path = join(dataDir, segmentOf(end))
    await rm(path)
    // A read at byte 0 of the memory of a process fails with EIO.
    await symlink('/proc/self/mem', path)
    const refused = await startServer2(cluster, dataDir)
    expectRefusal(refused, segmentOf(end), 0, /it cannot be read: EIO: i\/o error, read/)
  })

  const ended = /the log ends after group \d+ \(.*\), but it was synced up to group \d+, at byte \d+/

  test('refuses when one byte of its last group is another one', async () => {
    const dataDir = await copied()
    const offset = end.endBytes - blockBytes
    await flip(join(dataDir, segmentOf(end)), offset + 40)
    const refused = await startServer2(cluster, dataDir)
    expectRefusal(refused, segmentOf(end), offset, ended)
    expect(refused.stderr).toContain('the checksum of a group is wrong')
  })

  test('refuses when the last 32 KiB of its log are cut', async () => {
    const dataDir = await copied()
    const cut = end.endBytes - 32 * 1_024
    await truncate(join(dataDir, segmentOf(end)), cut)
    const reason = `the file ends there, but it was synced up to byte ${end.endBytes}`
    expectRefusal(await startServer2(cluster, dataDir), segmentOf(end), cut, new RegExp(reason))
  })

  test('refuses when the end of its log holds only zeros', async () => {
    const dataDir = await copied()
    await zero(join(dataDir, segmentOf(end)), end.endBytes - blockBytes, end.endBytes)
    const refused = await startServer2(cluster, dataDir)
    expectRefusal(refused, segmentOf(end), end.endBytes - blockBytes, ended)
    expect(refused.stderr).toContain('only zeros follow')
  })

  test('refuses when its log is empty, or not there', async () => {
    const dataDir = await copied()
    for (const name of await readdir(join(dataDir, 'log'))) await rm(join(dataDir, 'log', name))
    expectRefusal(await startServer2(cluster, dataDir), pathOf('head'), 0, /the file is missing/)
    await rm(join(dataDir, 'log'), { recursive: true })
    const { code, stdout, stderr } = await startServer2(cluster, dataDir)
    expect(code).toBe(1)
    expect(stdout).not.toContain('ready')
    expect(stderr).toContain(remedy)
    expect(stderr).not.toContain('bootstrap')
  })

  test('refuses when the file head is not there', async () => {
    const dataDir = await copied()
    await rm(join(dataDir, pathOf('head')))
    expectRefusal(await startServer2(cluster, dataDir), pathOf('head'), 0, /the file is missing/)
  })

  test('starts when its log is whole', async () => {
    expect(end.group).toBeGreaterThan(100)
    await cluster.restart(2)
  })
})

test('a lock is not granted twice when a server of the first grant is damaged', async () => {
  const cluster = await LiveCluster.start(3)
  try {
    const client = cluster.connect(0)
    await (await client.locks.acquire('before')).release()
    await cluster.crash(1)
    const held = await client.locks.acquire('a')
    await cluster.pass(quietMs)
    await cluster.crash(2)
    const end = await syncedEnd(cluster.dataDir(2))
    await flip(join(cluster.dataDir(2), segmentOf(end)), end.endBytes - blockBytes + 40)
    const refused = await startServer2(cluster, cluster.dataDir(2))
    expectRefusal(refused, segmentOf(end), end.endBytes - blockBytes, /checksum/)

    await cluster.crash(0)
    await cluster.restart(1)
    await expectNoGrant(cluster.connect(1))

    // The message says: remove the server, and let it join again with an empty directory.
    await cluster.restart(0)
    await expectNoGrant(cluster.connect(1))
    await cluster.connect(1).changeMembers({ action: 'remove', id: 2 })
    await cluster.network(2).close()
    await rm(cluster.dataDir(2), { recursive: true })
    await cluster.join(2)
    await cluster.crash(1)
    await expectNoGrant(cluster.connect(2))
    expect(await held.release()).toBe(true)
    const next = await cluster.connect(2).locks.acquire('a')
    expect(next.token).toBeGreaterThan(held.token)
  } finally {
    await cluster.close()
  }
})

/** Lock a is not granted to `client` within some seconds. */
async function expectNoGrant(client: Client): Promise<void> {
  const late = AbortSignal.timeout(3_000)
  await expect(client.locks.acquire('a', { signal: late })).rejects.toThrow()
}
