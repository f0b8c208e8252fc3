/** The snapshots of a storage in memory. */
import type { Instance } from '../../machines/batch.ts'
import { type SnapshotName, sameSnapshot } from '../../machines/snapshot-name.ts'
import { joined } from '../core/bytes.ts'
import { sha256Hex } from '../core/digest.ts'
import { type SealedSnapshot, type SnapshotDraft, sealedAs } from './snapshot-draft.ts'
import { StorageError } from './storage.ts'

/** Why no snapshot may be written now; `null` when one may. */
type Refusal = () => StorageError | null

export interface MemorySnapshotsOptions {
  readonly refusal: Refusal
  /** What is kept of a received snapshot survives a crash each time when so many bytes have arrived. */
  readonly keepEveryBytes: number
}

class MemoryDraft implements SnapshotDraft {
  /** The snapshot that another server sends; `null` for one that this server draws. */
  readonly received: SnapshotName | null
  sealed: SealedSnapshot | null = null
  readonly #options: MemorySnapshotsOptions
  readonly #parts: Uint8Array[] = []
  #lengthBytes = 0
  #keptBytes = 0
  #isDiscarded = false

  constructor(received: SnapshotName | null, kept: Uint8Array, options: MemorySnapshotsOptions) {
    this.received = received
    this.#options = options
    this.#parts.push(kept)
    this.#lengthBytes = kept.length
    this.#keptBytes = kept.length
  }

  get lengthBytes(): number {
    return this.#lengthBytes
  }

  get bytes(): Uint8Array {
    return joined(this.#parts)
  }

  /** What survives a crash. */
  get kept(): Uint8Array {
    return this.bytes.subarray(0, this.#isDiscarded ? 0 : this.#keptBytes)
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#lengthBytes += bytes.length
    this.#checkIsOpen()
    this.#parts.push(Uint8Array.from(bytes))
    if (this.#lengthBytes - this.#keptBytes >= this.#options.keepEveryBytes)
      this.#keptBytes = this.#lengthBytes
  }

  async seal(): Promise<SealedSnapshot> {
    this.#checkIsOpen()
    this.#keptBytes = this.#lengthBytes
    this.sealed = { lengthBytes: this.#lengthBytes, digest: sha256Hex(this.bytes) }
    return this.sealed
  }

  async discard(): Promise<void> {
    this.#isDiscarded = true
    this.sealed = null
  }

  #checkIsOpen(): void {
    const refusal = this.#options.refusal()
    if (refusal !== null) throw refusal
    if (this.#isDiscarded) throw new StorageError('memory', 'the snapshot was discarded')
    if (this.sealed !== null) throw new StorageError('memory', 'the snapshot is sealed')
  }
}

interface Kept {
  readonly name: SnapshotName
  readonly bytes: Uint8Array
}

interface Held extends Kept {
  /** True when another server has sent it. */
  readonly isReceived: boolean
}

const nothing = new Uint8Array(0)

export class MemorySnapshots {
  readonly #options: MemorySnapshotsOptions
  #drafts: MemoryDraft[] = []
  /** The snapshots that writes have named, in order: of those that are synced, the last two. */
  #held: readonly Held[] = []
  /** What was kept of a received snapshot before the last start. */
  #kept: Kept | null = null

  constructor(options: MemorySnapshotsOptions) {
    this.#options = options
  }

  draft(): SnapshotDraft {
    return this.#begin(null, nothing)
  }

  receive(name: SnapshotName, visit: (bytes: Uint8Array) => void): SnapshotDraft {
    const kept = sameSnapshot(this.#kept?.name ?? null, name) ? this.#kept : null
    this.#kept = null
    if (kept !== null) visit(kept.bytes)
    return this.#begin(name, kept?.bytes ?? nothing)
  }

  /** A write names a sealed draft. Throws when there is none. */
  name(name: SnapshotName): void {
    const draft = sealedAs(this.#drafts, name)
    this.#drafts = this.#drafts.filter((each) => each !== draft)
    this.#held = [...this.#held, { name, bytes: draft.bytes, isReceived: draft.received !== null }]
  }

  /** That snapshot is synced: the one before it is kept, and older ones are not. */
  synced({ instance }: SnapshotName): void {
    const place = this.#held.findIndex(({ name }) => name.instance === instance)
    this.#held = this.#held.slice(Math.max(0, place - 1))
  }

  read(name: SnapshotName, offsetBytes: number, lengthBytes: number): Uint8Array | null {
    const isIt = (held: Held) => held.name.instance === name.instance && held.name.digest === name.digest
    return this.#held.find(isIt)?.bytes.slice(offsetBytes, offsetBytes + lengthBytes) ?? null
  }

  /** After a start: the snapshot `present` is left, and what is kept of one that brings the server beyond `firstUnchosen`. */
  started(present: SnapshotName | null, firstUnchosen: Instance): void {
    const unsynced = this.#held.filter(({ name, isReceived }) => isReceived && name.instance > firstUnchosen)
    const receiving = this.#drafts.flatMap(({ received, kept }) =>
      received === null || received.instance <= firstUnchosen ? [] : [{ name: received, bytes: kept }],
    )
    const kept = [this.#kept, ...unsynced, ...receiving].filter(
      (each) => each !== null && each.name.instance > firstUnchosen,
    )
    this.#kept = kept.at(-1) ?? null
    this.#drafts = []
    this.#held = this.#held.filter(({ name }) => name.instance === present?.instance)
  }

  #begin(received: SnapshotName | null, kept: Uint8Array): MemoryDraft {
    const isOfKind = (draft: MemoryDraft) => (draft.received === null) === (received === null)
    for (const draft of this.#drafts) if (isOfKind(draft)) void draft.discard()
    const draft = new MemoryDraft(received, kept, this.#options)
    this.#drafts = [...this.#drafts.filter((each) => !isOfKind(each)), draft]
    return draft
  }
}
