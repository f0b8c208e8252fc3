/** The data directory of a server, for the commands that read it. The server may run. */
import { type Stats, statSync } from 'node:fs'
import { messageOf } from '../core/message-of.ts'
import { DataDirectory } from '../node/home.ts'
import { lostLog, whyForeign } from '../node/open-store.ts'
import { Damage } from '../storage/log/damage.ts'
import type { LogContents } from '../storage/log/read-log.ts'
import { type Identity, StorageError } from '../storage/storage.ts'
import { Failure } from './exit-codes.ts'

/** Who used a directory, and whether its server may have voted. */
export interface DirectoryOwner {
  readonly identity: Identity
  readonly isMember: boolean
}

/**
 * Reads the owner of `directory`. Throws a `Failure` when it holds no store, and the `StorageError` of a directory of another
 * format or with a damaged `identity.json`.
 */
export function ownerOf(directory: string): DirectoryOwner {
  const found = statsOf(directory)
  if (found === undefined) throw new Failure(`${directory} does not exist`)
  if (!found.isDirectory()) throw new Failure(`${directory} is not a directory`)
  const standing = new DataDirectory(directory).read()
  if (standing === null)
    throw new Failure(`${directory} holds no store: give the data directory of one server`)
  if (standing.kind === 'founding') {
    throw new Failure(`${directory} holds no log yet: its server waits for the other founders`)
  }
  return { identity: standing.identity, isMember: standing.kind !== 'new' }
}

/** The log that was read in `directory`. Throws a `Damage` when it is lost, and a `Failure` when there is none yet or of another. */
export function ownLog(
  contents: LogContents | null,
  { identity, isMember }: DirectoryOwner,
  directory: string,
): LogContents {
  if (contents === null) {
    if (isMember) throw lostLog()
    throw new Failure(`${directory} holds no log yet: its server has not voted`)
  }
  const { cluster, incarnation, index } = contents
  const refusal = whyForeign({ ...(index.identity ?? identity), cluster, incarnation }, identity)
  if (refusal !== null) throw new Failure(`${directory} ${refusal}`)
  return contents
}

/** The damage that `error` is, or that it was caused by; `null` for any other error. */
export function damageOf(error: unknown): Damage | null {
  const damage = error instanceof StorageError ? error.cause : error
  return damage instanceof Damage ? damage : null
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${messageOf(error)}`)
  }
}
