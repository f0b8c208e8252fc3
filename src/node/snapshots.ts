/** The snapshots of a live server: a keeper over its storage, in real time. */
import { chunkBytes } from '../../machines/fetching.ts'
import type { Operation } from '../core/process.ts'
import type { SnapshotDraft, SnapshotStorage } from '../storage/snapshot-draft.ts'
import {
  type DraftOperations,
  type KeeperOptions,
  type KeeperStore,
  SnapshotKeeper,
} from '../storage/snapshot-keeper.ts'

/** The bytes of a slice: drawing one takes about a millisecond. */
const sliceBytes = 65_536

/** Receives what happens to the snapshots of a server. */
export type SnapshotReports = Pick<KeeperOptions, 'notDrawn' | 'refused' | 'resumed'>

export function keeperOf(storage: SnapshotStorage, reports: SnapshotReports): SnapshotKeeper {
  const store: KeeperStore = {
    draft: () => operationsOf(storage.draft()),
    receive: (name, visit) => operation(async () => operationsOf(await storage.receive(name, visit))),
    readSnapshot: (name, offsetBytes, lengthBytes) =>
      operation(() => storage.readSnapshot(name, offsetBytes, lengthBytes)),
  }
  const pause: Operation<void> = (ended) => setImmediate(() => ended(null))
  return new SnapshotKeeper(store, { sliceBytes, chunkBytes, pause, ...reports })
}

function operationsOf(draft: SnapshotDraft): DraftOperations {
  return {
    get lengthBytes() {
      return draft.lengthBytes
    },
    append: (bytes) => operation(() => draft.append(bytes)),
    seal: () => operation(() => draft.seal()),
    discard: () => operation(() => draft.discard()),
  }
}

function operation<T>(begin: () => Promise<T>): Operation<T> {
  return (ended) => {
    begin().then(
      (result) => ended(null, result),
      (error: Error) => ended(error),
    )
  }
}
