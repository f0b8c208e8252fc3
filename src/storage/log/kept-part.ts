/**
 * What a store has kept of a snapshot that another server sends. A file beside the snapshot file names the snapshot, and a number of
 * bytes from its beginning with their SHA-256. These bytes were synced before. The file has two blocks, which are written in turn, so
 * that a write that is interrupted leaves the other one.
 */
import type { Json } from '../../../machines/batch.ts'
import { type SnapshotName, sameSnapshot } from '../../../machines/snapshot-name.ts'
import { type Process, until } from '../../core/process.ts'
import type { ReadableFiles } from '../files.ts'
import { blockBytes, partFileName, pathOf } from './layout.ts'
import { sealed, unsealed } from './sealed-block.ts'

export interface KeptPart {
  /** The number of this write of the file: the highest is the latest one. */
  readonly turn: number
  readonly snapshot: SnapshotName
  /** The bytes of the snapshot that are synced, from its beginning on. */
  readonly keptBytes: number
  /** The SHA-256 of these bytes, in hexadecimal. */
  readonly digest: string
}

/** The decisions about a part. A test may replace each. */
export interface PartRules {
  /** Whether the transfer of that snapshot goes on with the part. */
  readonly goesOnWith: (part: KeptPart, name: SnapshotName) => boolean
  /** Whether bytes with this SHA-256 are those of the part. */
  readonly areKept: (digest: string, part: KeptPart) => boolean
}

/** The default rules. */
export const partRules: PartRules = {
  goesOnWith: ({ snapshot }, name) => sameSnapshot(snapshot, name),
  areKept: (digest, part) => digest === part.digest,
}

/** A part, and the number of the snapshot file that holds its bytes. */
export interface StoredPart extends KeptPart {
  readonly file: number
}

const partBytes = 2 * blockBytes

const magic = 'PXPART_1'

/** The offset at which a part is written, and its bytes. */
export function encodePart(part: KeptPart): { readonly offset: number; readonly bytes: Uint8Array } {
  const offset = (part.turn % 2) * blockBytes
  return { offset, bytes: sealed(magic, part as unknown as Json, blockBytes) }
}

/** The latest part that the file names; `null` when neither of its blocks can be read. */
export function decodePart(bytes: Uint8Array): KeptPart | null {
  const blocks = [0, blockBytes].map((offset) => unsealed(magic, bytes.subarray(offset, offset + blockBytes)))
  const parts = blocks.flatMap((block) => ('fact' in block ? [block.fact as unknown as KeptPart] : []))
  return parts.sort((a, b) => b.turn - a.turn)[0] ?? null
}

/**
 * The part that the latest of these snapshot files holds; `null` for none. A file that cannot be read is passed over: nothing of the
 * state of the server is lost with it.
 */
export function* latestPart(files: ReadableFiles, numbers: readonly number[]): Process<StoredPart | null> {
  for (const file of [...numbers].sort((a, b) => b - a)) {
    try {
      const part = decodePart(yield* until(files.read(pathOf(partFileName(file)), 0, partBytes)))
      if (part !== null) return { ...part, file }
    } catch {
      // The next start removes it.
    }
  }
  return null
}
