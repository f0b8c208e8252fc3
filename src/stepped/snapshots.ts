/** The snapshots of a stepped node, as values: drawn at once, and kept beside the disk. */
import { chunkBytes, chunksAtOnce } from '../../machines/fetching.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { base64Parts, bytesOfBase64, joined, textOf, utf8 } from '../core/bytes.ts'
import { sha256Hex } from '../core/digest.ts'
import type { ChunkRequest, ReceivedChunk } from '../core/driver.ts'
import type { Capture, Installation } from '../core/replicated-state.ts'

const sliceBytes = 1_048_576

/** The contents of a snapshot file, which is complete and synced. */
export interface SnapshotFile {
  readonly name: SnapshotName
  readonly text: string
}

/** The snapshot files of a disk. */
export interface SnapshotFiles {
  readonly snapshots: readonly SnapshotFile[]
  /** The snapshot that another server sends, as far as it has arrived; `null` for none. */
  readonly receiving: { readonly snapshot: SnapshotName; readonly chunks: readonly string[] } | null
}

/** The disk with a snapshot file that a later write names. */
export function withSnapshot<D extends SnapshotFiles>(disk: D, file: SnapshotFile): D {
  return { ...disk, snapshots: [...disk.snapshots, file] }
}

/** The disk that keeps a chunk. One at offset 0 begins a snapshot. */
export function withChunk<D extends SnapshotFiles>(
  disk: D,
  { snapshot, offsetBytes, bytes }: ReceivedChunk,
): D {
  const before = offsetBytes === 0 ? [] : (disk.receiving?.chunks ?? [])
  return { ...disk, receiving: { snapshot, chunks: [...before, bytes] } }
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
  try {
    begin().add(bytes)
  } catch {
    return null
  }
  return { name, text: textOf(bytes) }
}

/** The snapshot, completely read. Throws when the disk does not hold it. */
export function installationOf(
  disk: SnapshotFiles,
  name: SnapshotName,
  begin: () => Installation,
): Installation {
  const file = fileOn(disk, name)
  if (file === undefined) throw new Error(`there is no file of the snapshot of instance ${name.instance}`)
  const installation = begin()
  installation.add(utf8(file.text))
  return installation
}

/** The file with that name; `undefined` when the disk does not hold it. */
export function fileOn(
  { snapshots }: Pick<SnapshotFiles, 'snapshots'>,
  { digest }: SnapshotName,
): SnapshotFile | undefined {
  return snapshots.find(({ name }) => name.digest === digest)
}
