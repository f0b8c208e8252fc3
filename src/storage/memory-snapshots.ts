/** The snapshots of a storage in memory. */
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { joined } from '../core/bytes.ts'
import { sha256Hex } from '../core/digest.ts'
import { type DraftKind, type SealedSnapshot, type SnapshotDraft, sealedAs } from './snapshot-draft.ts'
import { StorageError } from './storage.ts'

/** Why no snapshot may be written now; `null` when one may. */
type Refusal = () => StorageError | null

class MemoryDraft implements SnapshotDraft {
  readonly kind: DraftKind
  sealed: SealedSnapshot | null = null
  readonly #refusal: Refusal
  readonly #parts: Uint8Array[] = []
  #lengthBytes = 0
  #isDiscarded = false

  constructor(kind: DraftKind, refusal: Refusal) {
    this.kind = kind
    this.#refusal = refusal
  }

  get lengthBytes(): number {
    return this.#lengthBytes
  }

  get bytes(): Uint8Array {
    return joined(this.#parts)
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#lengthBytes += bytes.length
    this.#checkIsOpen()
    this.#parts.push(Uint8Array.from(bytes))
  }

  async seal(): Promise<SealedSnapshot> {
    this.#checkIsOpen()
    this.sealed = { lengthBytes: this.#lengthBytes, digest: sha256Hex(this.bytes) }
    return this.sealed
  }

  async discard(): Promise<void> {
    this.#isDiscarded = true
    this.sealed = null
  }

  #checkIsOpen(): void {
    const refusal = this.#refusal()
    if (refusal !== null) throw refusal
    if (this.#isDiscarded) throw new StorageError('memory', 'the snapshot was discarded')
    if (this.sealed !== null) throw new StorageError('memory', 'the snapshot is sealed')
  }
}

interface Held {
  readonly name: SnapshotName
  readonly bytes: Uint8Array
}

export class MemorySnapshots {
  readonly #refusal: Refusal
  #drafts: MemoryDraft[] = []
  /** The snapshots that writes have named, in order: of those that are synced, the last two. */
  #held: readonly Held[] = []

  constructor(refusal: Refusal) {
    this.#refusal = refusal
  }

  draft(kind: DraftKind): SnapshotDraft {
    for (const draft of this.#drafts) if (draft.kind === kind) void draft.discard()
    const draft = new MemoryDraft(kind, this.#refusal)
    this.#drafts = [...this.#drafts.filter((each) => each.kind !== kind), draft]
    return draft
  }

  /** A write names a sealed draft. Throws when there is none. */
  name(name: SnapshotName): void {
    const draft = sealedAs(this.#drafts, name)
    this.#drafts = this.#drafts.filter((each) => each !== draft)
    this.#held = [...this.#held, { name, bytes: draft.bytes }]
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

  /** After a start: only the snapshot `present` is left. */
  keepOnly(present: SnapshotName | null): void {
    this.#drafts = []
    this.#held = this.#held.filter(({ name }) => name.instance === present?.instance)
  }
}
