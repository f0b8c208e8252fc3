/** The snapshots of a stepped node, as values: drawn at once, and kept beside the disk. */
import { bytesOf, chunkBytes, chunksAtOnce } from '../../machines/fetching.ts'
import { type SnapshotName, sameSnapshot } from '../../machines/snapshot-name.ts'
import { base64, base64Parts, bytesOfBase64, joined, textOf, utf8 } from '../core/bytes.ts'
import { sha256Hex } from '../core/digest.ts'
import type { ChunkRequest, ReceivedChunk } from '../core/driver.ts'
import { type Capture, type Installation, whyNotInstallable } from '../core/replicated-state.ts'

const sliceBytes = 1_048_576

/** The contents of a snapshot file, which is complete and synced. */
export interface SnapshotFile {
  readonly name: SnapshotName
  readonly text: string
}

/** The snapshot files of a disk. */
export interface SnapshotFiles {
  readonly snapshots: readonly SnapshotFile[]
  /** The snapshot that another server sends, as far as it has arrived; `null` for none. It survives a crash. */
  readonly receiving: { readonly snapshot: SnapshotName; readonly chunks: readonly string[] } | null
}

/** The disk with a snapshot file that a later write names. */
export function withSnapshot<D extends SnapshotFiles>(disk: D, file: SnapshotFile): D {
  return { ...disk, snapshots: [...disk.snapshots, file] }
}

/** The disk that is prepared to keep a snapshot: it goes on with what it has of that one, and drops what it has of another. */
export function resumed<D extends SnapshotFiles>(disk: D, snapshot: SnapshotName): D {
  if (sameSnapshot(disk.receiving?.snapshot ?? null, snapshot)) return disk
  return { ...disk, receiving: { snapshot, chunks: [] } }
}

/** The number of bytes that it keeps of that snapshot. */
export function keptBytesOn({ receiving }: Pick<SnapshotFiles, 'receiving'>): number {
  return (receiving?.chunks ?? []).reduce((sum, chunk) => sum + bytesOf(chunk), 0)
}

/** The disk that keeps a chunk, after the bytes below its offset. A journal may tell of a disk that had lost the bytes above it. */
export function withChunk<D extends SnapshotFiles>(
  disk: D,
  { snapshot, offsetBytes, bytes }: ReceivedChunk,
): D {
  const chunks = disk.receiving?.chunks ?? []
  const isComplete = keptBytesOn(disk) === offsetBytes
  const before = isComplete ? chunks : [base64(joined(chunks.map(bytesOfBase64)).subarray(0, offsetBytes))]
  return { ...disk, receiving: { snapshot, chunks: [...before, bytes] } }
}

/** The disk after the snapshot was refused, or held. */
export function withoutReceiving<D extends SnapshotFiles>(disk: D): D {
  return { ...disk, receiving: null }
}

/** The picture, drawn at once. */
export function drawnAtOnce(capture: Capture): SnapshotFile {
  const slices: Uint8Array[] = []
  for (let slice = capture.next(sliceBytes); slice !== null; slice = capture.next(sliceBytes))
    slices.push(slice)
  capture.end()
  const bytes = joined(slices)
  const name = { instance: capture.instance, lengthBytes: bytes.length, digest: sha256Hex(bytes) }
  return { name, text: textOf(bytes) }
}

/** The chunks that answer a question; `null` when the disk does not hold the snapshot. */
export function chunksOn(
  disk: SnapshotFiles,
  { snapshot, offsetBytes }: ChunkRequest,
): readonly string[] | null {
  const file = fileOn(disk, snapshot)
  if (file === undefined) return null
  const asked = utf8(file.text).subarray(offsetBytes, offsetBytes + chunkBytes * chunksAtOnce)
  return base64Parts(asked, chunkBytes)
}

/** The file of the snapshot that has arrived; `null` when it is not the named one, or no snapshot of the replicated state. */
export function checkedFile(
  { receiving }: SnapshotFiles,
  name: SnapshotName,
  begin: () => Installation,
): SnapshotFile | null {
  const bytes = joined((receiving?.chunks ?? []).map(bytesOfBase64))
  if (bytes.length !== name.lengthBytes || sha256Hex(bytes) !== name.digest) return null
  const installation = begin()
  try {
    installation.add(bytes)
  } catch {
    return null
  }
  return whyNotInstallable(installation, name) === null ? { name, text: textOf(bytes) } : null
}

/** The snapshot, completely read and ended. Throws when the disk does not hold it. */
export function installationOf(
  disk: SnapshotFiles,
  name: SnapshotName,
  begin: () => Installation,
): Installation {
  const file = fileOn(disk, name)
  if (file === undefined) throw new Error(`there is no file of the snapshot of instance ${name.instance}`)
  const installation = begin()
  installation.add(utf8(file.text))
  installation.end()
  return installation
}

/** The file with that name; `undefined` when the disk does not hold it. */
export function fileOn(
  { snapshots }: Pick<SnapshotFiles, 'snapshots'>,
  { digest }: SnapshotName,
): SnapshotFile | undefined {
  return snapshots.find(({ name }) => name.digest === digest)
}
