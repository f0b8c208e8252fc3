/**
 * One process uses a data directory at a time. No test repeats a process id: the lock holds no process id, so a process that has the id
 * of one that was killed, as after a reboot, is no case of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DirectoryInUse, lockDirectory } from '../../src/storage/directory-lock.ts'
import { bundled } from '../support/bundled.ts'

const program = bundled(fileURLToPath(new URL('./lock-holder.ts', import.meta.url)))

let directory: string
let children: ChildProcess[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-lock-'))
  children = []
})

afterEach(async () => {
  await Promise.all(children.map(end))
  await rm(directory, { recursive: true, force: true })
})

/** Starts a process that locks the directory. Returns it with its first line: `locked`, or why it is not. */
async function locking(): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, [program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [said] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
  return { child, said }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const locksIn = async () => (await readdir(directory)).filter((name) => name.startsWith('lock-'))

test('two parts of one process do not lock a directory together', async () => {
  const release = await lockDirectory(directory)
  await expect(lockDirectory(directory)).rejects.toThrow(DirectoryInUse)
  expect(await locksIn()).toHaveLength(1)
  await release()
  expect(await locksIn()).toEqual([])
  await (await lockDirectory(directory))()
})

test('another process does not lock a locked directory, and leaves nothing in it', async () => {
  const release = await lockDirectory(directory)
  expect((await locking()).said).toMatch(/^it is in use by another process\. Stop that process/)
  expect(await locksIn()).toHaveLength(1)
  await release()
  expect((await locking()).said).toBe('locked')
  await expect(lockDirectory(directory)).rejects.toThrow(DirectoryInUse)
})

test('a process that was killed holds no lock, though its socket is still there', async () => {
  const { child, said } = await locking()
  expect(said).toBe('locked')
  await end(child)
  expect(await locksIn()).toHaveLength(1)
  const release = await lockDirectory(directory)
  expect(await locksIn(), 'the old socket was removed').toHaveLength(1)
  await release()
})

test('a process that was stopped still holds its lock', async () => {
  const { child } = await locking()
  child.kill('SIGSTOP')
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(lockDirectory(directory)).rejects.toThrow(DirectoryInUse)
  }
  child.kill('SIGCONT')
  await expect(lockDirectory(directory)).rejects.toThrow(DirectoryInUse)
})

test('a plain file with the name of a lock is no lock and is removed; other names are left alone', async () => {
  await writeFile(join(directory, 'lock-0123abcd'), '')
  await writeFile(join(directory, 'lock-of-mine'), '')
  const release = await lockDirectory(directory)
  expect(await locksIn()).toHaveLength(2)
  await release()
  expect(await locksIn()).toEqual(['lock-of-mine'])
})

test('a lock is not held without its socket: a holder before may have removed it', async () => {
  const listen = vi.spyOn(createServer().constructor.prototype, 'listen')
  listen.mockImplementationOnce(function (this: ReturnType<typeof createServer>, ...args: unknown[]) {
    const [path, listening] = args as [string, () => void]
    listen.mockRestore()
    return this.listen(path, () => rm(path).then(listening))
  })
  await expect(lockDirectory(directory)).rejects.toThrow(DirectoryInUse)
  await (await lockDirectory(directory))()
})

test('of ten processes that start at once, at most one locks the directory', async () => {
  let locked = 0
  for (let round = 0; round < 3; round += 1) {
    const all = await Promise.all(Array.from({ length: 10 }, locking))
    const holders = all.filter(({ said }) => said === 'locked')
    expect(holders.length).toBeLessThanOrEqual(1)
    locked += holders.length
    for (const { said } of all) expect(said).toMatch(/^locked$|^it is in use by another process/)
    await Promise.all(children.map(end))
  }
  expect((await locking()).said, 'nobody is left who holds it').toBe('locked')
  expect(locked).toBeLessThanOrEqual(3)
})

test('a directory with a relative path is locked, and one with a path of 300 bytes', async () => {
  const long = join(directory, 'x'.repeat(150), 'y'.repeat(150))
  await mkdir(long, { recursive: true })
  for (const path of [directory, long]) {
    const release = await lockDirectory(relative(process.cwd(), path))
    await expect(lockDirectory(path)).rejects.toThrow(DirectoryInUse)
    await release()
    expect((await readdir(path)).filter((name) => name.startsWith('lock-'))).toEqual([])
    await (await lockDirectory(path))()
  }
})

test.skipIf(!existsSync('/proc/self'))('a directory that cannot hold a socket is refused', async () => {
  await expect(lockDirectory('/proc/self')).rejects.toThrow(/^no socket can be made in it: .*\/proc\/self/)
})

test.skipIf(process.getuid?.() === 0)('a directory that cannot be written is refused', async () => {
  await chmod(directory, 0o500)
  await expect(lockDirectory(directory)).rejects.toThrow(/^no socket can be made in it: .*EACCES/)
})
