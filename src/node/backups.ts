/**
 * Backups for operators: the snapshot that storage holds, without its first line. A backup that must be newer has the learner take a
 * snapshot. A client that may send requests may also ask for a backup, as for any other work of an operator.
 */
import { createHash } from 'node:crypto'
import type { Address, Instance } from '../../machines/batch.ts'
import { chunkBytes, chunksAtOnce } from '../../machines/fetching.ts'
import type { LearnerContext } from '../../machines/learner.ts'
import { shownMembers } from '../../machines/members.ts'
import type { Backup, NoBackup, Offer, Part } from '../../machines/messages.ts'
import { type SnapshotName, sameSnapshot } from '../../machines/snapshot-name.ts'
import { base64Parts, joined, textOf } from '../core/bytes.ts'
import { messageOf } from '../core/message-of.ts'
import { headIn } from '../services/replica/snapshot-lines.ts'
import type { Replica } from '../services/replica.ts'
import type { SnapshotHead } from '../services/snapshot.ts'
import type { Storage } from '../storage/storage.ts'
import type { Logger } from './logger.ts'
import type { Runtime } from './runtime.ts'
import { Seldom } from './seldom.ts'

/** The bytes that are read at once while a snapshot is looked through. */
const readBytes = 1_048_576

/** The least time between two snapshots for backups, in milliseconds: anybody can ask for one. */
const wantEveryMs = 2_000

/** The least time between two lines in the log, in milliseconds. */
const reportEveryMs = 1_000

const lineEnd = 10

/** A stored snapshot as it is offered. */
interface Described {
  readonly snapshot: SnapshotName
  readonly head: SnapshotHead
  /** The bytes of the first line, with its end. */
  readonly headBytes: number
  /** The SHA-256 of the bytes after it. */
  readonly digest: string
}

export interface BackupsOptions {
  readonly cluster: string
  readonly replica: Pick<Replica, 'firstUnexecuted' | 'serviceName'>
  readonly runtime: Pick<Runtime, 'snapshot' | 'dispatch' | 'fail'>
  readonly storage: Pick<Storage, 'readSnapshot'>
  readonly logger: Logger
  readonly answer: (to: Address, message: Offer | Part | NoBackup) => void
}

export class Backups {
  readonly #options: BackupsOptions
  /** The snapshot that was looked through last; `null` before the first. */
  #described: Described | null = null
  readonly #wanted = new Seldom(wantEveryMs)
  readonly #sent = new Seldom(reportEveryMs)
  /** One read at a time: a client that asks meanwhile asks again. */
  #isReading = false

  constructor(options: BackupsOptions) {
    this.#options = options
  }

  /** Answers the question of an operator at `from`. */
  ask({ least, part, nonce }: Backup, from: Address): void {
    const repeated = nonce === undefined ? {} : { nonce }
    const answer = (message: Offer | Part | NoBackup) =>
      this.#options.answer(from, { ...message, ...repeated })
    if (part !== undefined) this.#read(() => this.#sendParts(part, answer))
    else this.#begin(least, from, answer)
  }

  #begin(least: Instance, from: Address, answer: (message: Offer | NoBackup) => void): void {
    const { replica, runtime, cluster, logger } = this.#options
    const refuse = (reason: NoBackup['reason']) => answer({ type: 'noBackup', reason })
    const held = (runtime.snapshot('learner')?.context as LearnerContext | undefined)?.snapshot ?? null
    if (replica.firstUnexecuted < least) refuse('behind')
    else if (held !== null && held.instance >= least) {
      const described = this.#described
      if (described !== null && sameSnapshot(described.snapshot, held)) {
        this.#sent.happened((times) =>
          logger.info({ to: from, instance: held.instance, times }, 'sends a backup of the replicated state'),
        )
        answer(offerOf(described, cluster))
      } else {
        this.#read(async () => {
          this.#described = await this.#describe(held)
        })
        refuse('drawing')
      }
    } else if (replica.firstUnexecuted === 0) refuse('nothing')
    else {
      this.#wanted.happened(() => runtime.dispatch('learner', { type: 'snapshot.wanted' }))
      refuse('drawing')
    }
  }

  /** Reads a whole snapshot. Returns `null` when it was deleted meanwhile. */
  async #describe(snapshot: SnapshotName): Promise<Described | null> {
    const hash = createHash('sha256')
    const head: Uint8Array[] = []
    let headBytes: number | null = null
    for (let atBytes = 0; atBytes < snapshot.lengthBytes; ) {
      const bytes = await this.#options.storage.readSnapshot(snapshot, atBytes, readBytes)
      if (bytes === null || bytes.length === 0) return null
      const end: number = headBytes === null ? bytes.indexOf(lineEnd) + 1 : 0
      if (headBytes === null) head.push(end === 0 ? bytes : bytes.subarray(0, end))
      if (headBytes === null && end > 0) headBytes = atBytes + end
      if (headBytes !== null) hash.update(bytes.subarray(end))
      atBytes += bytes.length
    }
    const text = textOf(joined(head)).trimEnd()
    return {
      snapshot,
      head: headIn(text, this.#options.replica.serviceName),
      headBytes: headBytes ?? snapshot.lengthBytes,
      digest: hash.digest('hex'),
    }
  }

  async #sendParts(
    { snapshot, offsetBytes }: NonNullable<Backup['part']>,
    answer: (message: Part | NoBackup) => void,
  ): Promise<void> {
    const described = this.#described
    const bytes =
      described !== null && sameSnapshot(described.snapshot, snapshot)
        ? await this.#options.storage.readSnapshot(
            snapshot,
            described.headBytes + offsetBytes,
            chunkBytes * chunksAtOnce,
          )
        : null
    if (bytes === null) {
      answer({ type: 'noBackup', reason: 'gone' })
      return
    }
    for (const [place, part] of base64Parts(bytes, chunkBytes).entries()) {
      answer({ type: 'part', snapshot, offsetBytes: offsetBytes + place * chunkBytes, bytes: part })
    }
  }

  /** A storage that cannot be read ends the server, as everywhere. */
  #read(read: () => Promise<void>): void {
    if (this.#isReading) return
    this.#isReading = true
    read()
      .catch((error: unknown) => this.#options.runtime.fail(messageOf(error)))
      .finally(() => {
        this.#isReading = false
      })
  }
}

function offerOf({ snapshot, head, headBytes, digest }: Described, cluster: string): Offer {
  const { members, ...others } = head
  return {
    type: 'offer',
    snapshot,
    ...{ lengthBytes: snapshot.lengthBytes - headBytes, digest, cluster },
    ...{ service: head.service, head: others, members: shownMembers(members) },
  }
}
