import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Permissions of what servers and commands write: it may hold all that clients ever asked, so it is for their own user only. */
export const privateFile = 0o600
const privateDirectory = 0o700

/** Has this process make files and directories for its own user only, those of LevelDB too. For a program, not for a library. */
export function keepPrivate(): void {
  process.umask(process.umask() | 0o077)
}

/**
 * Makes the directory at `path`, for its own user only, with all above it that is not there. Throws what the file system says.
 * `mkdirSync` with `recursive` never returns where a parent is there and takes no directories, as `/proc` (seen with Node
 * 20.20).
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
