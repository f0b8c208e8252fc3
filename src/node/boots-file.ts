import { readFileSync, statSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Boot } from '../../machines/boot.ts'
import { messageOf } from '../core/message-of.ts'
import type { Trust } from '../core/trust.ts'
import { privateFile } from '../storage/permissions.ts'
import type { Identity } from '../storage/storage.ts'
import { decodeChecked, encodeChecked } from './checked-json.ts'
import type { Logger } from './logger.ts'

/** The name of the file in the data directory. */
export const bootsFileName = 'boots.json'

const format = 1

/** The largest file that is read. A member takes less than a kilobyte. */
const mostBytes = 1_048_576

/** The shortest time between two writes, in milliseconds: votes are heard far more often. */
const everyMs = 1_000

/** The server of a directory, and its present boot. */
export interface BootsOwner extends Pick<Identity, 'cluster' | 'incarnation'> {
  readonly boot: Boot
}

/**
 * What a server knows of the boots of other members, in a file of its directory, so that it still knows an old copy of one of their
 * directories when it starts again. The file is replaced as a whole, and never synced: it may be lost, and then the server knows less, but
 * what stands in it is true for ever.
 */
export class BootsFile {
  /** What was stored when the file was opened. */
  readonly stored: Trust
  readonly #path: string
  readonly #owner: BootsOwner
  readonly #logger: Logger
  #unwritten: Trust | null = null
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> = Promise.resolve()
  #wroteAtMs = Number.NEGATIVE_INFINITY
  #hasFailed = false

  /**
   * Reads the file of `dataDir`. One that is damaged, or not of the last run of its server, is logged and then replaced; one of another
   * server, or of another cluster, is replaced.
   */
  constructor(dataDir: string, { cluster, incarnation, boot }: BootsOwner, logger: Logger) {
    this.#path = join(dataDir, bootsFileName)
    this.#owner = { cluster, incarnation, boot }
    this.#logger = logger
    this.stored = this.#read()
  }

  /** Stores `trust` within a second. */
  keep(trust: Trust): void {
    this.#unwritten = trust
    this.#timer ??= setTimeout(() => this.#write(), this.#waitMs).unref()
  }

  /** Stores what `keep` was given last. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#write()
    await this.#writing
  }

  get #waitMs(): number {
    return Math.max(0, this.#wroteAtMs + everyMs - performance.now())
  }

  #write(): void {
    this.#timer = null
    const trust = this.#unwritten
    if (trust === null) return
    this.#unwritten = null
    this.#wroteAtMs = performance.now()
    this.#writing = this.#writing.then(() => this.#replace(encodeChecked({ format, ...this.#owner, trust })))
  }

  async #replace(text: string): Promise<void> {
    const temporary = `${this.#path}.tmp`
    try {
      await writeFile(temporary, text, { mode: privateFile })
      await rename(temporary, this.#path)
      this.#hasFailed = false
    } catch (error) {
      // The next change is written again. A full disk would fill the log otherwise.
      if (!this.#hasFailed) {
        this.#logger.warn(
          { reason: messageOf(error) },
          `cannot store the boots of other servers in ${this.#path}: this server will know less of them when it starts again`,
        )
      }
      this.#hasFailed = true
    }
  }

  #read(): Trust {
    try {
      const content = this.#content()
      if (content === null) return []
      // A directory that was put back without this file: then this server is what others may have to find, and it starts as one that knows nothing.
      const { count, random } = content.boot as Boot
      const { boot } = this.#owner
      const isLater = count >= boot.count || (count === boot.count - 1 && random !== boot.after)
      if (isLater) throw new Error(`it is of boot ${count}, and the rest of the directory is older`)
      return content.trust as Trust
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      this.#logger.warn(
        { reason: messageOf(error) },
        `cannot use the boots of other servers in ${this.#path}: this server knows nothing of them until it hears them again`,
      )
      return []
    }
  }

  /** `null` for the file of another server, or of another cluster. */
  #content(): Record<string, unknown> | null {
    const { size } = statSync(this.#path)
    if (size > mostBytes) throw new Error(`it has ${size} bytes, and at most ${mostBytes} are written`)
    const content = decodeChecked(bootsFileName, readFileSync(this.#path, 'utf8'))
    const { cluster, incarnation } = this.#owner
    const isOwn =
      content.format === format && content.cluster === cluster && content.incarnation === incarnation
    return isOwn ? content : null
  }
}
