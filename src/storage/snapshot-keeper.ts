/** The snapshots of one server: the one that it draws, the one that it receives, and chunks for other servers. */
import { chunksAtOnce } from '../../machines/fetching.ts'
import { type SnapshotName, sameSnapshot } from '../../machines/snapshot-name.ts'
import { base64Parts, bytesOfBase64 } from '../core/bytes.ts'
import type { ChunkRequest, ReceivedChunk } from '../core/driver.ts'
import { messageOf } from '../core/message-of.ts'
import { type Operation, type Process, until } from '../core/process.ts'
import { type Capture, type Installation, whyNotInstallable } from '../core/replicated-state.ts'
import type { SealedSnapshot } from './snapshot-draft.ts'

/** As `SnapshotDraft`, with operations. */
export interface DraftOperations {
  readonly lengthBytes: number
  append(bytes: Uint8Array): Operation<void>
  seal(): Operation<SealedSnapshot>
  discard(): Operation<void>
}

/** The part of a store that the keeper uses. */
export interface KeeperStore {
  draft(): DraftOperations
  receive(name: SnapshotName, visit: (bytes: Uint8Array) => void): Operation<DraftOperations>
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
  /** The transfer of a snapshot goes on after a restart of this server, with the first `keptBytes` from before. */
  readonly resumed: (snapshot: SnapshotName, keptBytes: number) => void
}

/** A snapshot that another server sends. */
interface Receiving {
  readonly snapshot: SnapshotName
  readonly draft: DraftOperations
  readonly reading: Reading
}

/** The reading of a snapshot while it arrives. */
class Reading {
  readonly installation: Installation
  /** Why the bytes are no snapshot of this service; `null` as long as they may be one. */
  refusal: string | null = null

  constructor(installation: Installation) {
    this.installation = installation
  }

  add(bytes: Uint8Array): void {
    if (this.refusal !== null) return
    try {
      this.installation.add(bytes)
    } catch (error) {
      this.refusal = messageOf(error)
    }
  }
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
    const draft = this.#store.draft()
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

  /**
   * Prepares to keep a snapshot. What an earlier process kept of it is read again: its bytes are verified by the store, and its contents
   * here. Returns the number of these bytes; 0 when the snapshot begins.
   */
  *resume(snapshot: SnapshotName, begin: () => Installation): Process<number> {
    this.#receiving = null
    let reading = new Reading(begin())
    let draft = yield* until(this.#store.receive(snapshot, (bytes) => reading.add(bytes)))
    const { refusal } = reading
    if (draft.lengthBytes > 0 && refusal !== null) {
      this.#options.refused(refusal)
      draft = yield* until(this.#store.receive(snapshot, () => undefined))
    }
    if (draft.lengthBytes === 0) reading = new Reading(begin())
    else this.#options.resumed(snapshot, draft.lengthBytes)
    this.#receiving = { snapshot, draft, reading }
    return draft.lengthBytes
  }

  /** Keeps a chunk. Chunks come in order, after what is kept. */
  *keep({ snapshot, offsetBytes, bytes }: ReceivedChunk): Process {
    const { draft, reading } = this.#receivingOf(snapshot)
    if (offsetBytes !== draft.lengthBytes) {
      throw new Error(
        `a chunk at byte ${offsetBytes} does not follow the ${draft.lengthBytes} bytes that are kept`,
      )
    }
    const chunk = bytesOfBase64(bytes)
    reading.add(chunk)
    yield* until(draft.append(chunk))
  }

  /** Makes the received snapshot durable. Returns true when it is the named one and sound; otherwise it is dropped. */
  *check(snapshot: SnapshotName): Process<boolean> {
    const receiving = this.#receivingOf(snapshot)
    const { lengthBytes, digest } = yield* until(receiving.draft.seal())
    const isNamed = lengthBytes === snapshot.lengthBytes && digest === snapshot.digest
    const { refusal: unreadable, installation } = receiving.reading
    const refusal = isNamed
      ? (unreadable ?? whyNotInstallable(installation, snapshot))
      : `its ${lengthBytes} bytes have the digest ${digest}, and ${snapshot.lengthBytes} bytes with the digest ${snapshot.digest} were announced`
    if (refusal === null) return true
    this.#receiving = null
    yield* until(receiving.draft.discard())
    this.#options.refused(refusal)
    return false
  }

  /** The snapshot that was checked, completely read and ended. */
  checked(snapshot: SnapshotName): Installation {
    const { installation } = this.#receivingOf(snapshot).reading
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
  #receivingOf(snapshot: SnapshotName): Receiving {
    const receiving = this.#receiving
    if (receiving !== null && sameSnapshot(receiving.snapshot, snapshot)) return receiving
    throw new Error(`the snapshot of instance ${snapshot.instance} is not being received`)
  }
}
