/** What a server knows when it starts again, from what it stored. */
import type { Batch } from '../../machines/batch.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { DurableState } from '../core/durable.ts'
import type { Recovered } from '../core/roles.ts'
import type { Replica } from '../services/replica.ts'
import type { Identity, Storage } from '../storage/storage.ts'

/**
 * Executes again all that is stored as chosen, a page of at most `pageBytes` of JSON at a time. `executed` is told of each batch.
 * Throws a `StorageError` when something cannot be read, or is not there.
 */
export async function executeChosen(
  storage: Pick<Storage, 'chosen'>,
  replica: Replica,
  { firstUnchosen }: Pick<DurableState, 'firstUnchosen'>,
  { pageBytes, executed }: { pageBytes: number; executed: (batch: Batch, execution: Execution) => void },
): Promise<void> {
  while (replica.firstUnexecuted < firstUnchosen) {
    for (const batch of await storage.chosen(replica.firstUnexecuted, pageBytes)) {
      executed(batch, replica.execute(replica.firstUnexecuted, batch))
    }
  }
}

/** What the roles begin with: the members are those after all that is executed, not those that founded the cluster. */
export function recoveredFrom(
  { node, incarnation }: Identity,
  replica: Pick<Replica, 'members'>,
  { promised, accepted, firstUnchosen }: DurableState,
): Recovered {
  return { self: node, incarnation, members: replica.members, promised, accepted, firstUnchosen }
}
