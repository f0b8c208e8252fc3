/** The execution of stored batches when a server starts again. */
import type { DurableState } from '../core/durable.ts'
import type { ExecutedFact, NodeCore } from '../core/node-core.ts'
import type { Storage } from '../storage/storage.ts'

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
