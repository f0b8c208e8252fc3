import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Permissions of the files of servers and commands. The files may contain all requests of clients, so only their user may
 * read them.
 */
export const privateFile = 0o600
export const privateDirectory = 0o700

/**
 * Makes all new files and directories of this process private to its user. For programs, not for
 * libraries.
 */
export function keepPrivate(): void {
  process.umask(process.umask() | 0o077)
}

/**
 * Creates the directory at `path`, with all missing parents, private to its user. Throws the errors of the file system. It
 * does not use `mkdirSync` with `recursive`, which never returns if an existing parent cannot contain directories, as
 * `/proc` (seen with Node 20.20).
 */
export function makePrivateDirectory(path: string): void {
  const parent = dirname(path)
  if (parent !== path && !existsSync(parent)) makePrivateDirectory(parent)
  try {
    mkdirSync(path, { mode: privateDirectory })
  } catch (error) {
    const isThere = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
    if (!isThere) throw error
  }
}

/** Makes the entries of the directory durable. Throws the errors of the file system. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
