import { StartError } from '../core/start-error.ts'
import { LevelStorage } from '../storage/level-storage.ts'
import { MemoryStorage } from '../storage/memory-storage.ts'
import { damage } from '../storage/records.ts'
import { type Durable, type Identity, type Storage, StorageError } from '../storage/storage.ts'
import type { DataDirectory } from './home.ts'
import type { OptionWords } from './option-words.ts'

/** Who the server is that the store is to be of. */
export interface StoreOwner {
  readonly identity: Identity
  /** It may have voted: its store must not be taken for a new one. */
  readonly isMember: boolean
}

export interface OpenStore {
  readonly storage: Storage
  readonly durable: Durable
}

/**
 * Opens the store in `directory`, or one in memory, and makes sure that it is its owner's; `opened` is then called. Throws a
 * `StorageError` or a `StartError` when it cannot be opened, is damaged, or is another server's, and closes it.
 */
export async function openStore(
  directory: DataDirectory | null,
  { dataDir, words }: { readonly dataDir: string | null; readonly words: OptionWords },
  owner: StoreOwner,
  opened: () => void,
): Promise<OpenStore> {
  const storage = directory === null ? new MemoryStorage() : new LevelStorage(directory.makeStore())
  const durable = await storage.open()
  try {
    await claim(storage, durable, owner, dataDir ?? 'memory', words)
    opened()
  } catch (error) {
    await storage.close().catch(() => undefined)
    throw error
  }
  return { storage, durable }
}

/** Makes sure that the store is that of its owner, and that a member's store is not taken for a new one. */
async function claim(
  storage: Storage,
  { identity: stored }: Durable,
  { identity, isMember }: StoreOwner,
  place: string,
  { names }: OptionWords,
): Promise<void> {
  if (stored === null) {
    if (isMember) throw new StorageError(place, damage('it holds no records, and it held some').message)
    await storage.initialise(identity)
    return
  }
  if (stored.cluster === identity.cluster && stored.incarnation === identity.incarnation) return
  throw new StartError(
    `${names.dataDir} ${place} holds the store of server ${stored.node} of the cluster ${stored.cluster}, and says that it belongs to server ` +
      `${identity.node} of the cluster ${identity.cluster}: parts of two directories were put together. Put them back as they were`,
  )
}
