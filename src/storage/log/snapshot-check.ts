/** Verifies the file of a snapshot. */
import type { SnapshotName } from '../../../machines/snapshot-name.ts'
import { type Process, until } from '../../core/process.ts'
import type { ReadableFiles } from '../files.ts'
import { Sha256 } from '../sha256.ts'
import { Damage } from './damage.ts'
import { intact } from './intact.ts'
import { pathOf, snapshotFileName } from './layout.ts'
import type { StoredSnapshot } from './records.ts'

/** The part of a snapshot that is read at once. */
const partBytes = 1_024 * 1_024

/** Why a file with this digest is not the snapshot of that name; `null` when it is. A test may replace it. */
export type SnapshotRule = (digest: string, name: SnapshotName) => string | null

export function whyNotSnapshot(digest: string, name: SnapshotName): string | null {
  return digest === name.digest ? null : `its SHA-256 is ${digest}, and the log names ${name.digest}`
}

/** Throws a `Damage` when the file is missing, has another length or other bytes, or cannot be read. */
export function* checkSnapshotFile(
  files: ReadableFiles,
  { snapshot, file }: Pick<StoredSnapshot, 'snapshot' | 'file'>,
  whyNot: SnapshotRule,
): Process {
  const path = pathOf(snapshotFileName(file))
  const { lengthBytes } = snapshot
  const hash = new Sha256()
  let offset = 0
  // The last read asks for one byte after the end, to see that nothing follows.
  for (let isEnd = false; !isEnd; ) {
    const asked = Math.min(partBytes, lengthBytes + 1 - offset)
    const part: Uint8Array = yield* intact(until(files.read(path, offset, asked)), path, offset)
    hash.update(part)
    offset += part.length
    isEnd = part.length < asked || offset > lengthBytes
  }
  if (offset < lengthBytes) {
    throw new Damage(path, offset, `the file ends there, but the snapshot has ${lengthBytes} bytes`)
  }
  if (offset > lengthBytes) {
    throw new Damage(path, lengthBytes, `the file goes on there, but the snapshot has ${lengthBytes} bytes`)
  }
  const reason = whyNot(hash.hex(), snapshot)
  if (reason !== null) throw new Damage(path, 0, reason)
}
