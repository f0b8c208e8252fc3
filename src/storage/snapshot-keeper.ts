/** The snapshots of one server: the one that it draws, the one that it receives, and chunks for other servers. */
import { chunksAtOnce } from '../../machines/fetching.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { base64Parts, bytesOfBase64 } from '../core/bytes.ts'
import type { ChunkRequest, ReceivedChunk } from '../core/driver.ts'
import { messageOf } from '../core/message-of.ts'
import { type Operation, type Process, until } from '../core/process.ts'
import type { Capture, Installation } from '../core/replicated-state.ts'
import type { DraftKind, SealedSnapshot } from './snapshot-draft.ts'

/** As `SnapshotDraft`, with operations. */
export interface DraftOperations {
  append(bytes: Uint8Array): Operation<void>
  seal(): Operation<SealedSnapshot>
  discard(): Operation<void>
}

/** The part of a store that the keeper uses. */
export interface KeeperStore {
  draft(kind: DraftKind): DraftOperations
  readSnapshot(name: SnapshotName, offsetBytes: number, lengthBytes: number): Operation<Uint8Array | null>
}

export interface KeeperOptions {
  /** The most bytes of a slice. Drawing one holds up the other events of the server. */
  readonly sliceBytes: number
  /** The bytes of a chunk for another server, at most `chunkBytes` of machines/fetching.ts. */
  readonly chunkBytes: number
  /** Ends when the events that wait were handled. */
  readonly pause: Operation<void>
  /** The service failed to give its state, so storage keeps all chosen batches. */
  readonly notDrawn: (reason: string) => void
  /** The snapshot of another server was refused. */
  readonly refused: (reason: string) => void
}

/** A snapshot that another server sends. */
interface Receiving {
  readonly snapshot: SnapshotName
  readonly draft: DraftOperations
  readonly installation: Installation
  /** Why the bytes are no snapshot of this service; `null` as long as they may be one. */
  refusal: string | null
}

/** All processes throw a `StorageError` when a write or a read fails; the server must then halt. */
export class SnapshotKeeper {
  readonly #store: KeeperStore
  readonly #options: KeeperOptions
  #receiving: Receiving | null = null

  constructor(store: KeeperStore, options: KeeperOptions) {
    this.#store = store
    this.#options = options
  }

  /** Draws the picture slice by slice, and makes it durable. Returns its name, or `null` when the service fails to give its state. */
  *draw(capture: Capture): Process<SnapshotName | null> {
    const { pause } = this.#options
    const draft = this.#store.draft('taken')
    try {
      for (let slice = this.#next(capture); slice !== null; slice = this.#next(capture)) {
        if (slice === 'failed') {
          yield* until(draft.discard())
          return null
        }
        yield* until(draft.append(slice))
        yield* until(pause)
      }
    } finally {
      capture.end()
    }
    return { instance: capture.instance, ...(yield* until(draft.seal())) }
  }

  /** Reads the chunks of one answer, in base64; `null` when the store does not hold the snapshot. */
  *chunks({ snapshot, offsetBytes }: ChunkRequest): Process<readonly string[] | null> {
    const { chunkBytes } = this.#options
    const read = this.#store.readSnapshot(snapshot, offsetBytes, chunkBytes * chunksAtOnce)
    const bytes = yield* until(read)
    return bytes === null ? null : base64Parts(bytes, chunkBytes)
  }

  /** Keeps a chunk. Chunks come in order; one at offset 0 begins a snapshot. */
  *keep({ snapshot, offsetBytes, bytes }: ReceivedChunk, begin: () => Installation): Process {
    if (offsetBytes === 0) {
      const draft = this.#store.draft('received')
      this.#receiving = { snapshot, draft, installation: begin(), refusal: null }
    }
    const receiving = this.#receivingOf(snapshot)
    const chunk = bytesOfBase64(bytes)
    receiving.refusal ??= refusalOf(() => receiving.installation.add(chunk))
    yield* until(receiving.draft.append(chunk))
  }

  /** Makes the received snapshot durable. Returns true when it is the named one and sound; otherwise it is dropped. */
  *check(snapshot: SnapshotName): Process<boolean> {
    const receiving = this.#receivingOf(snapshot)
    const { lengthBytes, digest } = yield* until(receiving.draft.seal())
    const isNamed = lengthBytes === snapshot.lengthBytes && digest === snapshot.digest
    const refusal = isNamed
      ? receiving.refusal
      : `its ${lengthBytes} bytes have the digest ${digest}, and ${snapshot.lengthBytes} bytes with the digest ${snapshot.digest} were announced`
    if (refusal === null) return true
    this.#receiving = null
    yield* until(receiving.draft.discard())
    this.#options.refused(refusal)
    return false
  }

  /** The snapshot that was checked, completely read. */
  checked(snapshot: SnapshotName): Installation {
    const { installation } = this.#receivingOf(snapshot)
    this.#receiving = null
    return installation
  }

  #next(capture: Capture): Uint8Array | null | 'failed' {
    try {
      return capture.next(this.#options.sliceBytes)
    } catch (error) {
      this.#options.notDrawn(messageOf(error))
      return 'failed'
    }
  }

  /** No message can cause the error: the learner keeps the chunks of one snapshot, in order, and asks only about that one. */
  #receivingOf({ instance, digest }: SnapshotName): Receiving {
    const receiving = this.#receiving
    if (receiving?.snapshot.digest === digest) return receiving
    throw new Error(`no chunk of the snapshot of instance ${instance} was kept`)
  }
}

/** Why `read` throws; `null` when it does not. */
function refusalOf(read: () => void): string | null {
  try {
    read()
    return null
  } catch (error) {
    return messageOf(error)
  }
}
