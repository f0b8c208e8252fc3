/**
 * A server that is started with a copy of its directory: an older copy has forgotten votes, and nothing in it shows its age. So a copy
 * is refused by its marker. The original directory starts, also under another name and when its volume is mounted at another place.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { BuiltPaxos } from '../support/built-paxos.ts'
import { freePorts } from '../support/free-ports.ts'

let directory: string
let address: string
let data: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-copied-'))
  address = `127.0.0.1:${await freePorts(1)}`
  data = join(directory, '0')
  await serve(data, [], ['--members', `0=${address}`, '--bootstrap'])
})

afterEach(() => rm(directory, { recursive: true, force: true }))

const options = (dataDir: string) => ['node', '--id', '0', '--listen', address, '--data', dataDir]

/** Starts the server, takes a lock, and stops the server in good order. */
async function serve(dataDir: string, under: readonly string[] = [], more: readonly string[] = []) {
  const server = new BuiltPaxos([...options(dataDir), ...more], { under })
  await server.said(/^server 0 ready on /m)
  const client = connect({ servers: [address] })
  await (await client.locks.acquire('a')).release()
  await client.close()
  server.signal('SIGTERM')
  expect(await server.endedWithin(20_000)).toMatchObject({ code: 0 })
  return server.stderr
}

async function expectRefusal(dataDir: string, reason: RegExp): Promise<void> {
  const { code, stdout, stderr } = await new BuiltPaxos(options(dataDir)).endedWithin(60_000)
  expect(code).toBe(1)
  expect(stdout).not.toContain('ready')
  expect(stderr).toMatch(reason)
  expect(stderr).toMatch(
    /^paxos: --data \S+ is not the directory in which server 0 stored last: its file marker .*paxos members remove 0.*--join.*--moved$/m,
  )
}

const inode = /has the inode \d+, and the server made it with the inode \d+/
const otherFile = /has the inode|was made at/

describe('is refused', () => {
  test.each([
    ['cp -a', (copy: string) => execFileSync('cp', ['-a', data, copy])],
    [
      'tar',
      (copy: string) =>
        execFileSync('sh', ['-c', `mkdir ${copy} && tar -C ${data} -c . | tar -C ${copy} -xp`]),
    ],
  ])('with a copy that %s made', async (_, make) => {
    const copy = join(directory, 'copy')
    make(copy)
    await expectRefusal(copy, inode)
    // A copy on which the operator insists starts, and is the directory of the server from then on.
    expect(await serve(copy, [], ['--moved'])).toMatch(/--moved: takes \S+ for the directory of this server/)
    await serve(copy)
  })

  test('with a backup that was put back at its place', async () => {
    const backup = join(directory, 'backup')
    execFileSync('cp', ['-a', data, backup])
    await serve(data)
    await rm(data, { recursive: true })
    // The file system may use the same inodes again.
    execFileSync('cp', ['-a', backup, data])
    await expectRefusal(data, otherFile)
  })

  test('with a backup whose files were put in the place of the present ones', async () => {
    const saved = join(directory, 'saved.tar')
    execFileSync('tar', ['-C', data, '-cf', saved, '.'])
    await serve(data)
    execFileSync('tar', ['-C', data, '-xpf', saved])
    await expectRefusal(data, otherFile)
  })
})

describe('starts without a flag', () => {
  test('when the directory was renamed', async () => {
    const renamed = join(directory, 'elsewhere')
    await rename(data, renamed)
    await serve(renamed)
    expect((await readdir(renamed)).sort()).toEqual(['identity.json', 'log', 'marker'])
  })

  const mounting = ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" "$1" && shift && exec "$@"']
  const canMount = spawnSync('unshare', ['-m', 'mount', '--bind', '/tmp', '/tmp']).status === 0

  test.skipIf(!canMount)('when its volume is mounted at another place', async () => {
    const place = join(directory, 'place')
    await mkdir(place)
    await serve(place, [...mounting, data, place])
    expect(await readdir(place), 'it was a mount').toEqual([])
    await serve(data)
  })

  const hasExt4 = canMount && process.getuid?.() === 0 && spawnSync('mkfs.ext4', ['-V']).error === undefined

  test.skipIf(!hasExt4)('when its disk is unmounted, and mounted again by way of another place', async () => {
    const image = join(directory, 'image')
    const place = join(directory, 'place')
    await mkdir(place)
    execFileSync('truncate', ['-s', '640M', image])
    execFileSync('mkfs.ext4', ['-q', image])
    const script = (line: string) => ['unshare', '-m', 'sh', '-c', `${line} && shift && exec "$@"`]
    const onDisk = script('mount -o loop "$0" "$1"')
    const otherwise = script('mount -o loop "$0" /mnt && mount -o bind /mnt "$1"')
    await serve(join(place, '0'), [...onDisk, image, place], ['--members', `0=${address}`, '--bootstrap'])
    await serve(join(place, '0'), [...otherwise, image, place])
  })
})

test('warns of --moved where nothing was moved', async () => {
  expect(await serve(data, [], ['--moved'])).toMatch(
    /--moved has no effect, because \S+ was not moved: leave it out/,
  )
})
