/** What a server executes when it starts again, from what it stored. */
import type { DurableState } from '../core/durable.ts'
import type { ExecutedFact, NodeCore } from '../core/node-core.ts'
import type { Storage } from '../storage/storage.ts'

/**
 * Executes again all that is stored as chosen, a page of at most `pageBytes` of JSON at a time. `executed` receives each batch.
 * Throws a `StorageError` when something cannot be read, or is not there.
 */
export async function executeChosen(
  storage: Pick<Storage, 'chosen'>,
  node: Pick<NodeCore, 'recover' | 'firstUnexecuted'>,
  { firstUnchosen }: Pick<DurableState, 'firstUnchosen'>,
  { pageBytes, executed }: { pageBytes: number; executed: (fact: ExecutedFact) => void },
): Promise<void> {
  while (node.firstUnexecuted < firstUnchosen) {
    const page = await storage.chosen(node.firstUnexecuted, pageBytes)
    for (const fact of node.recover(page)) executed(fact)
  }
}
