import type { Write } from '../../machines/outputs.ts'
import { joined } from '../../src/core/bytes.ts'
import type { DurableState } from '../../src/core/durable.ts'
import type { LogStore } from '../../src/storage/log-store.ts'
import type { StorageError } from '../../src/storage/storage.ts'
import { snapshotBytes } from './fixtures.ts'
import { ended } from './settled.ts'

/**
 * Requests a write, and before it writes and seals the file of the snapshot that it names. `ended` receives the first error. Returns
 * false when an operation on that file does not end, so that the write is not requested.
 */
export function persistWhole(
  store: LogStore,
  write: Write,
  ended: (error: StorageError | null) => void,
): boolean {
  if (write.by !== 'snapshot') {
    store.persist(write, ended)
    return true
  }
  let isSettled = false
  const draft = store.draft()
  const bytes = snapshotBytes(write.snapshot.instance)
  const half = bytes.length >> 1
  draft.append(bytes.subarray(0, half), () => undefined)
  draft.append(bytes.subarray(half), () => undefined)
  draft.seal((error) => {
    isSettled = true
    if (error !== null) ended(error)
    else store.persist(write, ended)
  })
  return isSettled
}

/** Throws when the store does not hold the bytes of its snapshot. */
export function checkSnapshot(store: LogStore, { snapshot }: DurableState): void {
  if (snapshot === null) return
  const parts: Uint8Array[] = []
  for (let offset = 0; offset < snapshot.lengthBytes; offset += 33) {
    parts.push(ended(store.readSnapshot(snapshot, offset, 33)) ?? new Uint8Array(0))
  }
  if (Buffer.compare(joined(parts), snapshotBytes(snapshot.instance)) === 0) return
  throw new Error(`the snapshot of instance ${snapshot.instance} has other bytes`)
}
