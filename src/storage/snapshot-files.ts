/** The snapshot files of a store in files: the drafts that are being written, the present snapshot and the one before it. */
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { type Process, until } from '../core/process.ts'
import { type DraftOptions, FileDraft } from './file-draft.ts'
import { Damage } from './log/damage.ts'
import { intact } from './log/intact.ts'
import type { StoredPart } from './log/kept-part.ts'
import { partFileName, pathOf, snapshotFileName } from './log/layout.ts'
import { removeAll } from './log/leftovers.ts'
import type { StoredSnapshot } from './log/records.ts'
import { sealedAs } from './snapshot-draft.ts'

export class SnapshotFiles {
  readonly #options: DraftOptions
  #drafts: FileDraft[] = []
  #present: StoredSnapshot | null = null
  #before: StoredSnapshot | null = null
  /** What an earlier process kept of a snapshot that another server sends. */
  #kept: StoredPart | null = null
  /** The numbers of received files that a write has named, and of which the log does not hold the name yet. */
  readonly #namedParts = new Set<number>()
  /** Files that nothing needs once `head` names the present snapshot. */
  #obsolete: string[] = []
  #nextFile = 1

  constructor(options: DraftOptions) {
    this.#options = options
  }

  /** The store was opened with this snapshot, and with what is kept of another one. */
  opened(present: StoredSnapshot | null, kept: StoredPart | null, nextFile: number): void {
    this.#present = present
    this.#kept = kept
    this.#nextFile = nextFile
  }

  /** Begins the file of a snapshot that this server draws. Discards the one before, unless a write has named it. */
  draft(): FileDraft {
    this.#withdraw(({ received }) => received === null)
    return this.#begin(this.#nextFile, null)
  }

  /**
   * The file of a snapshot that another server sends, with what an earlier process kept of it. Discards the file of the one before, and
   * what is kept of another.
   */
  *receive(name: SnapshotName, visit: (bytes: Uint8Array) => void): Process<FileDraft> {
    this.#withdraw(({ received }) => received !== null)
    const kept = this.#kept
    this.#kept = null
    if (kept === null) return this.#begin(this.#nextFile, name)
    if (this.#options.partRules.goesOnWith(kept, name)) {
      const draft = this.#begin(kept.file, name)
      if (yield* draft.goOn(kept, visit)) return draft
      this.#withdraw((each) => each === draft)
    } else yield* this.#remove(kept)
    return this.#begin(this.#nextFile, name)
  }

  /** Deletes what is kept of a snapshot that brings this server no further: all below `firstUnchosen` is known. */
  *forgetBelow(firstUnchosen: number): Process {
    const kept = this.#kept
    if (kept === null || kept.snapshot.instance > firstUnchosen) return
    this.#kept = null
    yield* this.#remove(kept)
  }

  /** A write names a sealed draft, which is not discarded from now on. Throws when there is none. */
  name(name: SnapshotName): FileDraft {
    const draft = sealedAs(this.#drafts, name)
    draft.isNamed = true
    if (draft.received !== null) this.#namedParts.add(draft.file)
    this.#drafts = this.#drafts.filter((each) => each !== draft)
    return draft
  }

  /** The log holds this snapshot from now on. The one before it stays readable, and the one before that becomes obsolete. */
  use(present: StoredSnapshot): void {
    if (this.#before !== null) this.#obsolete.push(pathOf(snapshotFileName(this.#before.file)))
    if (this.#namedParts.delete(present.file)) this.#obsolete.push(pathOf(partFileName(present.file)))
    this.#before = this.#present
    this.#present = present
  }

  /** Returns the paths of the obsolete files, once each. */
  takeObsolete(): readonly string[] {
    return this.#obsolete.splice(0)
  }

  /** Reads a part of a snapshot; `null` when it is not held. Throws a `Damage` when it cannot be read or the file is too short. */
  *read(name: SnapshotName, offsetBytes: number, lengthBytes: number): Process<Uint8Array | null> {
    const stored = this.#held(name)
    if (stored === null) return null
    const path = pathOf(snapshotFileName(stored.file))
    const expectedBytes = Math.max(0, Math.min(lengthBytes, name.lengthBytes - offsetBytes))
    if (expectedBytes === 0) return new Uint8Array(0)
    try {
      const read = this.#options.files.read(path, offsetBytes, expectedBytes)
      const bytes = yield* intact(until(read), path, offsetBytes)
      if (bytes.length === expectedBytes) return bytes
      throw new Damage(path, offsetBytes + bytes.length, 'the file ends there, but the snapshot is longer')
    } catch (error) {
      // It was deleted during the reading.
      if (this.#held(name) === null) return null
      throw error
    }
  }

  /** Waits for the operations on drafts, and closes their files. */
  *close(): Process {
    for (const draft of this.#drafts) yield* draft.close()
  }

  #begin(file: number, received: SnapshotName | null): FileDraft {
    const draft = new FileDraft(file, received, this.#options)
    this.#nextFile = Math.max(this.#nextFile, file + 1)
    this.#drafts.push(draft)
    return draft
  }

  #withdraw(isIt: (draft: FileDraft) => boolean): void {
    for (const draft of this.#drafts) if (isIt(draft)) draft.discard()
    this.#drafts = this.#drafts.filter((draft) => !isIt(draft))
  }

  *#remove({ file }: StoredPart): Process {
    yield* removeAll(this.#options.files, [snapshotFileName(file), partFileName(file)].map(pathOf))
  }

  #held({ instance, digest }: SnapshotName): StoredSnapshot | null {
    const isIt = (stored: StoredSnapshot | null) =>
      stored?.snapshot.digest === digest && stored.snapshot.instance === instance
    return [this.#present, this.#before].find(isIt) ?? null
  }
}
