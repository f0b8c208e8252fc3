/** The execution of stored batches when a server starts again. */
import type { DurableState } from '../core/durable.ts'
import type { ExecutedFact, NodeCore } from '../core/node-core.ts'
import type { Storage } from '../storage/storage.ts'

/** The size of the parts in which a stored snapshot is read, in bytes. */
const partBytes = 1_048_576

/**
 * Installs the stored snapshot, if there is one. Calls `read` with each part of it. Throws a `StorageError` when it is missing or
 * cannot be read, and an error with the reason when it is no snapshot of this service.
 */
export async function installStored(
  storage: Pick<Storage, 'readSnapshot'>,
  node: Pick<NodeCore, 'installation'>,
  { snapshot }: Pick<DurableState, 'snapshot'>,
  read: (part: Uint8Array) => void = () => undefined,
): Promise<void> {
  if (snapshot === null) return
  const installation = node.installation()
  for (let atBytes = 0; atBytes < snapshot.lengthBytes; ) {
    const part = await storage.readSnapshot(snapshot, atBytes, partBytes)
    if (part === null || part.length === 0) {
      throw new Error(`the snapshot of instance ${snapshot.instance} ends at byte ${atBytes}`)
    }
    installation.add(part)
    read(part)
    atBytes += part.length
  }
  installation.end()
  installation.install()
}

/**
 * Executes all stored chosen batches again, in pages of at most `pageBytes` of JSON. Calls `executed` for each batch. Throws a
 * `StorageError` when a batch is missing or cannot be read.
 */
export async function executeChosen(
  storage: Pick<Storage, 'chosen'>,
  node: Pick<NodeCore, 'recover' | 'firstUnexecuted'>,
  { firstUnchosen }: Pick<DurableState, 'firstUnchosen'>,
  { pageBytes, executed }: { pageBytes: number; executed: (fact: ExecutedFact) => void },
): Promise<void> {
  while (node.firstUnexecuted < firstUnchosen) {
    const page = await storage.chosen(node.firstUnexecuted, pageBytes)
    if (page === null)
      throw new Error(
        `the batch of instance ${node.firstUnexecuted} was deleted before it was executed again`,
      )
    for (const fact of node.recover(page)) executed(fact)
  }
}
