import { StartError } from '../core/start-error.ts'
import { Damage } from '../storage/log/damage.ts'
import { logDirectory } from '../storage/log/layout.ts'
import { LogStorage } from '../storage/log-storage.ts'
import { MemoryStorage } from '../storage/memory-storage.ts'
import { type Identity, type OpenedStorage, type Storage, StorageError } from '../storage/storage.ts'
import type { DataDirectory } from './home.ts'
import type { OptionWords } from './option-words.ts'

/** The expected owner of the store. */
export interface StoreOwner {
  readonly identity: Identity
  /** True when the server may have voted. An empty store is then an error. */
  readonly isMember: boolean
  /** Unlocks the directory. The storage calls it when it is closed. */
  readonly release: () => Promise<void>
}

export interface OpenStore {
  readonly storage: Storage
  readonly durable: OpenedStorage
}

/**
 * Opens the store in `directory`, or one in memory, checks its owner, and then calls `opened`. Throws a `StorageError` or a
 * `StartError`, and closes the store, when the store cannot be opened, is damaged, or belongs to another server.
 */
export async function openStore(
  directory: DataDirectory | null,
  { dataDir, words }: { readonly dataDir: string | null; readonly words: OptionWords },
  owner: StoreOwner,
  opened: () => void,
): Promise<OpenStore> {
  const storage =
    directory === null ? new MemoryStorage() : new LogStorage(directory.path, { closed: owner.release })
  const place = dataDir ?? 'memory'
  // The check comes before the opening writes: the log may be another server's, which runs.
  const durable = await storage.open((stored) => {
    const refusal = whyForeign(stored, owner.identity)
    if (refusal !== null) throw new StartError(`${words.names.dataDir} ${place} ${refusal}`)
  })
  try {
    if (durable.identity === null) await initialise(storage, owner, place)
    opened()
  } catch (error) {
    await storage.close().catch(() => undefined)
    throw error
  }
  return { storage, durable }
}

/** Stores the owner in an empty store. The store of a member is never empty. */
async function initialise(
  storage: Storage,
  { identity, isMember }: StoreOwner,
  place: string,
): Promise<void> {
  if (isMember) {
    const damage = lostLog()
    throw new StorageError(place, damage.message, damage)
  }
  await storage.initialise(identity)
}

/** The damage when a server that may have voted has no log. */
export function lostLog(): Damage {
  return new Damage(logDirectory, null, 'it holds no log, but it held one before')
}

/** Why a directory, whose log belongs to `stored`, is not the one of `identity`; `null` when it is. */
export function whyForeign(stored: Identity, identity: Identity): string | null {
  if (stored.cluster === identity.cluster && stored.incarnation === identity.incarnation) return null
  return (
    `holds the log of server ${stored.node} of the cluster ${stored.cluster}, and says that it belongs to server ` +
    `${identity.node} of the cluster ${identity.cluster}: parts of two directories were put together. Put them back as they were`
  )
}
