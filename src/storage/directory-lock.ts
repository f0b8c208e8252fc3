/**
 * A lock on a directory: one process uses a store at a time. The lock is a socket in the directory. A process that ends closes its
 * socket, however it ends, so a lock is never stale because of a process id that another process has now.
 *
 * Why at most one process holds the lock: a holder was listening, at a name that was there, before it looked at the other names. Of
 * two holders, the later one to listen would have found the other one.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { createConnection, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { resolve as absolute, join } from 'node:path'
import { messageOf } from '../core/message-of.ts'

const prefix = 'lock-'
const lockName = /^lock-[0-9a-f]{8}$/

/** The directory is in use by another process. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse'
}

/**
 * Locks `directory` until the returned function is called or this process ends. Throws a `DirectoryInUse` when another process, or
 * another part of this one, holds the lock, and an error with the reason when no socket can be made there. The directory must not
 * be shared by several machines. Processes that lock at once may all be refused.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const short = shortPath(directory)
  try {
    const name = `${prefix}${randomUUID().slice(0, 8)}`
    const server = await listenAt(join(short.path, name))
    const release = async () => {
      await closed(server)
      rmSync(join(directory, name), { force: true })
    }
    try {
      for (const other of locksIn(directory)) {
        if (other !== name && (await isHeld(join(short.path, other)))) throw inUse()
      }
      // Another process that held the lock may have removed the name, before this one listened at it.
      if (!locksIn(directory).includes(name)) throw inUse()
      // Names are never used again, so a name whose process has ended can be removed at any time.
      for (const other of locksIn(directory)) {
        if (other !== name && !(await isHeld(join(short.path, other)))) {
          rmSync(join(directory, other), { force: true })
        }
      }
    } catch (error) {
      await release()
      throw error
    }
    return release
  } finally {
    short.remove()
  }
}

function inUse(): DirectoryInUse {
  return new DirectoryInUse(
    'it is in use by another process. Stop that process, or give each server a directory of its own',
  )
}

function locksIn(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => lockName.test(name))
}

/** The longest path of a socket, in bytes, on all systems. */
const longestPath = 100

/** A short path to `directory`. A long one needs a link in the directory for temporary files. */
function shortPath(directory: string): { readonly path: string; remove(): void } {
  if (Buffer.byteLength(join(directory, `${prefix}12345678`)) <= longestPath) {
    return { path: directory, remove: () => undefined }
  }
  const place = mkdtempSync(join(tmpdir(), 'paxos-'))
  const path = join(place, 'd')
  if (Buffer.byteLength(join(path, `${prefix}12345678`)) > longestPath) {
    rmSync(place, { recursive: true, force: true })
    throw new Error(
      `its path and that of the directory for temporary files (${tmpdir()}) are too long for a socket`,
    )
  }
  symlinkSync(absolute(directory), path)
  return { path, remove: () => rmSync(place, { recursive: true, force: true }) }
}

function listenAt(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.on('error', (error) => reject(new Error(`no socket can be made in it: ${messageOf(error)}`)))
    server.listen(path, () => {
      server.unref()
      resolve(server)
    })
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

/** True when a process listens there, and also when nobody can tell. */
function isHeld(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT')
    })
  })
}
