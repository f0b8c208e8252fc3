/**
 * Stores the identity of a server in a file beside its log, so that a log that was lost is not mistaken for a new
 * one. Invariant: the log is created after the file, and the roles write to it only after the file says that the server is a
 * member.
 */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { FoundingRecord } from '../../machines/founding.ts'
import { messageOf } from '../core/message-of.ts'
import { StartError } from '../core/start-error.ts'
import { DirectoryInUse, lockDirectory } from '../storage/directory-lock.ts'
import { Damage } from '../storage/log/damage.ts'
import { logDirectory, storedFormat } from '../storage/log/layout.ts'
import { makePrivateDirectory, privateFile } from '../storage/permissions.ts'
import { type Identity, StorageError } from '../storage/storage.ts'
import type { OptionWords } from './option-words.ts'
import { afterOtherFormat, decodeStanding, encodeStanding, fileName } from './standing-file.ts'

/**
 * The identity of a server, as far as it is decided. `service` is the name of the service that its cluster runs; it is missing in a
 * directory of a version that did not store it.
 */
export type Standing =
  /** A founder that has not voted. */
  | { readonly kind: 'founding'; readonly record: FoundingRecord }
  /** Its identity is decided, and it has not voted. It may have no log yet. */
  | { readonly kind: 'new'; readonly identity: Identity; readonly service?: string }
  /** It may have voted. Its log holds all its promises, or is damaged. */
  | { readonly kind: 'member'; readonly identity: Identity; readonly service?: string }

export interface Home {
  /**
   * Returns `null` when nothing was ever stored. Throws a `StorageError` when the file is damaged, or when there is a log
   * without the file: its cause is a `Damage`.
   */
  read(): Standing | null
  /** Stores `standing`, durably when this returns. A server calls this a few times in its life, before it serves. */
  write(standing: Standing): void
}

/** The home of a server that stores in memory. */
export const homeless: Home = { read: () => null, write: () => undefined }

/** What the formats 1 and 2 kept in the directory: the owner, and records in LevelDB. */
const earlierNames = ['identity', 'store']

/** The state of a data directory, for a program that plans to start its server. */
export type DirectoryStanding =
  /** No server has used the directory. */
  | 'empty'
  /** Its server has begun to found a cluster, and has not voted. */
  | 'founding'
  /** Its server may have voted, or the directory is damaged. The server reports damage when it starts. */
  | 'member'

export function standingOf(dataDir: string): DirectoryStanding {
  try {
    const standing = new DataDirectory(dataDir).read()
    if (standing === null) return 'empty'
    return standing.kind === 'founding' ? 'founding' : 'member'
  } catch {
    return 'member'
  }
}

/** A directory of the file system. */
export class DataDirectory implements Home {
  readonly #path: string

  /**
   * Opens the directory at `path`, and creates it if it does not exist. Calls `warn` when users other than the owner can read it.
   * Throws a `StartError` when it cannot be created.
   */
  static open(path: string, warn: (permissions: string) => void, { names }: OptionWords): DataDirectory {
    try {
      makePrivateDirectory(path)
      const { mode } = statSync(path)
      if ((mode & 0o077) !== 0) warn((mode & 0o777).toString(8))
    } catch (error) {
      throw new StartError(`${names.dataDir} ${path} cannot be created: ${messageOf(error)}`)
    }
    return new DataDirectory(path)
  }

  /** The directory at `path`, which may not exist. */
  constructor(path: string) {
    this.#path = path
  }

  read(): Standing | null {
    const text = this.#text()
    if (text === null) return this.#nothing()
    try {
      return decodeStanding(text)
    } catch (error) {
      throw new StorageError(this.#path, messageOf(error), error)
    }
  }

  /**
   * Writes a temporary file and renames it over the old one. The first write links instead, and fails if the file exists: of two
   * processes, only one succeeds.
   */
  write(standing: Standing): void {
    const path = join(this.#path, fileName)
    const temporary = `${path}.${process.pid}.tmp`
    try {
      const isFirst = this.#text() === null
      rmSync(temporary, { force: true })
      const file = openSync(temporary, 'wx', privateFile)
      try {
        writeFileSync(file, encodeStanding(standing))
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      if (isFirst) {
        linkSync(temporary, path)
        rmSync(temporary)
      } else renameSync(temporary, path)
      this.#sync()
    } catch (error) {
      throw new StorageError(this.#path, `its file ${fileName} cannot be written: ${messageOf(error)}`, error)
    }
  }

  /** The path of the directory. */
  get path(): string {
    return this.#path
  }

  /** Makes sure that no other process uses the directory, until the returned function is called. */
  async lock(): Promise<() => Promise<void>> {
    try {
      return await lockDirectory(this.#path)
    } catch (error) {
      const reason = error instanceof DirectoryInUse ? '' : 'it cannot be locked: '
      throw new StorageError(this.#path, `${reason}${messageOf(error)}`, error)
    }
  }

  /** The text of the file; `null` when there is none. */
  #text(): string | null {
    try {
      return readFileSync(join(this.#path, fileName), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw new StorageError(this.#path, `its file ${fileName} cannot be read: ${messageOf(error)}`, error)
    }
  }

  /** Throws when there is a log, which is created after the file, or the files of an earlier version. */
  #nothing(): null {
    const names = this.#names()
    const earlier = names.find((name) => earlierNames.includes(name))
    if (earlier !== undefined) {
      throw new StorageError(
        this.#path,
        `its format is 1 or 2 (it holds ${earlier}), and this version reads format ${storedFormat}: ${afterOtherFormat}`,
      )
    }
    if (!names.includes(logDirectory)) return null
    const reason = `it holds a log, but the file ${fileName}, which names its owner, is missing`
    const damage = new Damage(fileName, null, reason)
    throw new StorageError(this.#path, damage.message, damage)
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw new StorageError(this.#path, `it cannot be read: ${messageOf(error)}`, error)
    }
  }

  #sync(): void {
    const directory = openSync(this.#path, 'r')
    try {
      fsyncSync(directory)
    } finally {
      closeSync(directory)
    }
  }
}
