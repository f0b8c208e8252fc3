/**
 * A lock on a directory: one process uses a store at a time. The lock is a socket in the directory. A process that ends closes its
 * socket, however it ends, so a lock is never stale because of a process id that another process has now.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { createConnection, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const prefix = 'lock-'

/** The directory is in use by another process. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse'
}

/**
 * Locks `directory` until the returned function is called or this process ends. Throws a `DirectoryInUse` when another process, or
 * another part of this one, holds the lock, and the error of the file system when no socket can be made there. The directory must
 * not be shared by several machines.
 *
 * Each process first listens at a name of its own, and then looks at all other names. Of two processes that lock at once, the one
 * that began to listen later finds the other, so at most one of them gets the lock.
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
        if (other !== name && (await isHeld(join(short.path, other)))) {
          throw new DirectoryInUse(
            'it is in use by another process. Stop that process, or give each server a directory of its own',
          )
        }
      }
      // Names are never used again, so a name whose process has ended can be removed at any time.
      for (const other of locksIn(directory)) {
        if (other !== name && !(await isHeld(join(short.path, other))))
          rmSync(join(directory, other), { force: true })
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

function locksIn(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => name.startsWith(prefix))
}

/** A short path to `directory`: the path of a socket has at most about a hundred bytes. */
function shortPath(directory: string): { readonly path: string; remove(): void } {
  const place = mkdtempSync(join(tmpdir(), 'paxos-'))
  const path = join(place, 'd')
  symlinkSync(directory, path)
  return { path, remove: () => rmSync(place, { recursive: true, force: true }) }
}

function listenAt(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', reject)
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
