/**
 * Where a server keeps who it is: in a file beside its store, so that a store that lost its records is not taken for a new one.
 * Invariant: the store is made after the file, and written to by the roles only once the file says that the server is a member.
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
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { FoundingRecord } from '../../machines/founding.ts'
import { messageOf } from '../core/message-of.ts'
import { StartError } from '../core/start-error.ts'
import { makePrivateDirectory, privateFile } from '../storage/permissions.ts'
import { damage, encodeRecord, openRecord, storedFormat } from '../storage/records.ts'
import { type Identity, StorageError } from '../storage/storage.ts'
import type { OptionWords } from './option-words.ts'

/** Who a server is, as far as that is settled. */
export type Standing =
  /** A founder that has not voted. */
  | { readonly kind: 'founding'; readonly record: FoundingRecord }
  /** Who it is is settled, and it has not voted: its store may be empty. */
  | { readonly kind: 'new'; readonly identity: Identity }
  /** It may have voted: its store holds all that it promised, or is damaged. */
  | { readonly kind: 'member'; readonly identity: Identity }

export interface Home {
  /** `null` when nothing was ever kept. Throws a `StorageError` when what is kept is damaged, or belongs to nothing that is known. */
  read(): Standing | null
  /** Keeps `standing`: durably once this returns. A server writes a few times in its life, before it serves. */
  write(standing: Standing): void
}

/** For a server that stores in memory. */
export const homeless: Home = { read: () => null, write: () => undefined }

const fileName = 'identity'
const storeName = 'store'

/** The directory in which the server at `dataDir` has its store. */
export function storeDirectory(dataDir: string): string {
  return join(dataDir, storeName)
}

/** What a directory says of its server, to somebody who plans to start it. */
export type DirectoryStanding =
  /** No server ever had it. */
  | 'empty'
  /** Its server has begun to found a cluster, and has not voted. */
  | 'founding'
  /** Its server may have voted; or it is damaged, which the server tells when it is started. */
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
   * The directory at `path`, which is made if there is none. `warn` is told of one that others than its owner may read. Throws a
   * `StartError` when it cannot be made.
   */
  static open(path: string, warn: (permissions: string) => void, { names }: OptionWords): DataDirectory {
    try {
      makePrivateDirectory(path)
      const { mode } = statSync(path)
      if ((mode & 0o077) !== 0) warn((mode & 0o777).toString(8))
    } catch (error) {
      throw new StartError(`${names.dataDir} ${path} cannot be made: ${messageOf(error)}`)
    }
    return new DataDirectory(path)
  }

  /** The directory at `path`, which may not be there. */
  constructor(path: string) {
    this.#path = path
  }

  read(): Standing | null {
    const text = this.#text()
    if (text === null) return this.#nothing()
    try {
      const { format, ...standing } = JSON.parse(openRecord(fileName, text.trimEnd()).json) as Standing & {
        readonly format: number
      }
      if (format === storedFormat) return standing
      throw new Error(
        `its format is ${format}, and this version reads format ${storedFormat}: use the version that made it`,
      )
    } catch (error) {
      throw new StorageError(this.#path, messageOf(error), error)
    }
  }

  /** It is written whole beside the old one and takes its place. The first one takes no place: of two processes, one fails. */
  write(standing: Standing): void {
    const path = join(this.#path, fileName)
    const temporary = `${path}.${process.pid}.tmp`
    try {
      const isFirst = this.#text() === null
      rmSync(temporary, { force: true })
      const file = openSync(temporary, 'wx', privateFile)
      try {
        writeSync(file, `${encodeRecord(0, { format: storedFormat, ...standing })}\n`)
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

  /** Makes the directory of the store, for nobody else to read. */
  makeStore(): string {
    const store = storeDirectory(this.#path)
    makePrivateDirectory(store)
    this.#sync()
    return store
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

  /** Throws when there is a store, which is made after the file. */
  #nothing(): null {
    if (this.#storeFiles().length === 0) return null
    throw new StorageError(
      this.#path,
      damage(
        `it holds a store, and its file ${fileName}, which says whose that is, is missing (version 0.1.0 made none, and this version cannot read what that made)`,
      ).message,
    )
  }

  #storeFiles(): string[] {
    try {
      return readdirSync(storeDirectory(this.#path))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw new StorageError(this.#path, `its ${storeName} cannot be read: ${messageOf(error)}`, error)
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
