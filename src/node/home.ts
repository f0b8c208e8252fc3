/**
 * Stores the identity of a server in a file beside its log, so that a log that was lost is not mistaken for a new
 * one. Invariant: the log is created after the file, and the roles write to it only after the file says that the server is a
 * member.
 */

import { randomBytes } from 'node:crypto'
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
import { type Boot, nextBoot } from '../../machines/boot.ts'
import type { FoundingRecord } from '../../machines/founding.ts'
import { messageOf } from '../core/message-of.ts'
import { StartError } from '../core/start-error.ts'
import { DirectoryInUse, lockDirectory } from '../storage/directory-lock.ts'
import { Damage } from '../storage/log/damage.ts'
import { logDirectory, readFormats } from '../storage/log/layout.ts'
import { findMarker, makeMarker, markBoot, type Origin, whyNotOriginal } from '../storage/marker.ts'
import { makePrivateDirectory, privateFile, syncDirectory } from '../storage/permissions.ts'
import { type Identity, StorageError } from '../storage/storage.ts'
import { commandWords, type OptionWords } from './option-words.ts'
import {
  afterOtherFormat,
  decodeStanding,
  encodeStanding,
  fileName,
  type StoredStanding,
} from './standing-file.ts'

/**
 * The identity of a server, as far as it is decided. `service` is the name of the service that its cluster runs; it is missing in a
 * directory of a version that did not store it.
 */
export type Standing =
  /** A founder that has not voted. */
  | { readonly kind: 'founding'; readonly record: FoundingRecord }
  /** Its identity is decided, and it has not voted. It may have no log yet. */
  | { readonly kind: 'new'; readonly identity: Identity; readonly service?: string }
  /** It may have voted. Its log holds all its promises, or is damaged. `withdrawn` says why it sends nothing, if it does not. */
  | {
      readonly kind: 'member'
      readonly identity: Identity
      readonly service?: string
      readonly withdrawn?: string
    }
  /** A quorum has proof that it is a copy, or was put back: it may lack votes. */
  | {
      readonly kind: 'condemned'
      readonly identity: Identity
      readonly service?: string
      readonly reason: string
    }

export interface Home {
  /**
   * Returns `null` when nothing was ever stored. Throws a `StorageError` when the file is damaged, or when there is a log
   * without the file: its cause is a `Damage`.
   */
  read(): Standing | null
  /** Stores `standing`, durably when this returns. A server calls this a few times in its life, before it serves. */
  write(standing: Standing): void
  /**
   * Begins a boot; it is durable when this returns, unless nothing was stored yet. Then the first `write` stores it. Throws a
   * `StartError` when the directory is a copy of the one in which its server stored, unless `isMoved` says that nothing was lost.
   */
  beginBoot(isMoved: boolean): BegunBoot
}

export interface BegunBoot {
  readonly boot: Boot
  /** Why the directory is not the original one, which `isMoved` overrides; `null` when it is the original one, or new. */
  readonly notOriginal: string | null
}

/** The home of a server that stores in memory. */
export function homeless(): Home {
  const boot = nextBoot(null, newRandom())
  return { read: () => null, write: () => undefined, beginBoot: () => ({ boot, notOriginal: null }) }
}

function newRandom(): string {
  return randomBytes(8).toString('hex')
}

/** The temporary files of `identity.json`, each with the id of the process that wrote it. */
const interruptedWrite = /^identity\.json\.\d+\.tmp$/

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
  readonly #words: OptionWords
  /** The boot of a directory in which nothing is stored yet. */
  #firstBoot: Boot = nextBoot(null, newRandom())

  /**
   * Opens the directory at `path`, and creates it if it does not exist. Calls `warn` when users other than the owner can read it.
   * Throws a `StartError` when it cannot be created.
   */
  static open(path: string, warn: (permissions: string) => void, words: OptionWords): DataDirectory {
    try {
      makePrivateDirectory(path)
      const { mode } = statSync(path)
      if ((mode & 0o077) !== 0) warn((mode & 0o777).toString(8))
    } catch (error) {
      throw new StartError(`${words.names.dataDir} ${path} cannot be created: ${messageOf(error)}`)
    }
    return new DataDirectory(path, words)
  }

  /** The directory at `path`, which may not exist. `words` names the options in errors. */
  constructor(path: string, words: OptionWords = commandWords) {
    this.#path = path
    this.#words = words
  }

  read(): Standing | null {
    return this.#stored()?.standing ?? this.#nothing()
  }

  /** Keeps the origin of the directory. The first write makes the marker before that. */
  write(standing: Standing): void {
    const stored = this.#stored()
    const origin = stored?.origin ?? this.#originOf(this.#firstBoot)
    this.#write({ standing, origin }, stored === null)
  }

  beginBoot(isMoved: boolean): BegunBoot {
    const stored = this.#stored()
    if (stored === null) return { boot: this.#firstBoot, notOriginal: null }
    const { standing, origin } = stored
    const notOriginal = this.notOriginal
    if (notOriginal !== null && !isMoved) throw this.#copied(notOriginal, standing)
    const boot = nextBoot(origin?.boot ?? null, newRandom())
    const kept = notOriginal === null ? origin : null
    const mark = kept?.mark ?? this.#originOf(boot).mark
    // If the next write is interrupted, the marker contains an older boot, which `whyNotOriginal` accepts.
    this.#write({ standing, origin: { mark, boot } }, false)
    this.#inDirectory(() => markBoot(this.#path, boot))
    return { boot, notOriginal }
  }

  /** Why the directory is not the one in which its server stored last; `null` when it is, or nothing tells. */
  get notOriginal(): string | null {
    const origin = this.#stored()?.origin ?? null
    if (origin === null) return null
    return whyNotOriginal(
      origin,
      this.#inDirectory(() => findMarker(this.#path)),
    )
  }

  /** The content of `identity.json`; `null` when there is no such file. */
  #stored(): StoredStanding | null {
    const text = this.#text()
    if (text === null) return null
    try {
      return decodeStanding(text)
    } catch (error) {
      throw new StorageError(this.#path, messageOf(error), error)
    }
  }

  #copied(reason: string, standing: Standing): StartError {
    const { article, names } = this.#words
    const node = standing.kind === 'founding' ? standing.record.node : standing.identity.node
    return new StartError(
      `${article}${names.dataDir} ${this.#path} is not the directory in which server ${node} stored last: ${reason}. ` +
        'So it is a copy, or was restored. A server that starts with an older copy has forgotten votes on which the others rely: then two clients can receive ' +
        `one lock. If anything may be missing, remove the server (paxos members remove ${node}), and let it join again with an empty directory (${names.join}). ` +
        `Only if the directory was moved with nothing lost, and no server uses the old place, start it once with ${names.moved}`,
    )
  }

  /** Makes a marker. */
  #originOf(boot: Boot): Origin {
    return { mark: this.#inDirectory(() => makeMarker(this.#path, boot)), boot }
  }

  #inDirectory<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw new StorageError(this.#path, `its marker cannot be used: ${messageOf(error)}`, error)
    }
  }

  /**
   * Writes a temporary file and renames it over the old one. The first write links instead, and fails if the file exists: of two
   * processes, only one succeeds. A write that fails, as on a full disk, leaves no temporary file.
   */
  #write(content: StoredStanding, isFirst: boolean): void {
    const path = join(this.#path, fileName)
    const temporary = `${path}.${process.pid}.tmp`
    try {
      rmSync(temporary, { force: true })
      const file = openSync(temporary, 'wx', privateFile)
      try {
        writeFileSync(file, encodeStanding(content))
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      if (isFirst) {
        linkSync(temporary, path)
        rmSync(temporary)
      } else renameSync(temporary, path)
      syncDirectory(this.#path)
    } catch (error) {
      removeIfPossible(temporary)
      throw new StorageError(this.#path, `its file ${fileName} cannot be written: ${messageOf(error)}`, error)
    }
  }

  /** The path of the directory. */
  get path(): string {
    return this.#path
  }

  /**
   * Makes sure that no other process uses the directory, until the returned function is called. Then no file of an interrupted write is
   * in use either, so it removes those.
   */
  async lock(): Promise<() => Promise<void>> {
    const release = await this.#lock()
    try {
      this.#removeInterrupted()
      return release
    } catch (error) {
      await release()
      throw error
    }
  }

  async #lock(): Promise<() => Promise<void>> {
    try {
      return await lockDirectory(this.#path)
    } catch (error) {
      const reason = error instanceof DirectoryInUse ? '' : 'it cannot be locked: '
      throw new StorageError(this.#path, `${reason}${messageOf(error)}`, error)
    }
  }

  /** Removes the temporary files of processes that ended while they wrote `identity.json`. */
  #removeInterrupted(): void {
    for (const name of this.#names().filter((other) => interruptedWrite.test(other))) {
      try {
        rmSync(join(this.#path, name), { force: true })
      } catch (error) {
        throw new StorageError(this.#path, `its file ${name} cannot be removed: ${messageOf(error)}`, error)
      }
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
        `its format is 1 or 2 (it holds ${earlier}), and this version reads ${readFormats}: ${afterOtherFormat}`,
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
}

/** Removes a file after an error, which counts more than one of the removal. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // The next start removes it.
  }
}
