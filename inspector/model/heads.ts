/** What stands above a server's column in the ledger. */
import { type Ballot, compareBallots } from '../../machines/ballot.ts'
import type { Instance, Json } from '../../machines/batch.ts'
import type { ServerPicture } from '../../src/inspect/picture.ts'

export interface Heads {
  readonly promised: Ballot | null
  /** `false`: it is on its way to the disk, and nobody was told of it. */
  readonly isPromisedSynced: boolean
  /** It knows what was chosen in every instance below; `null` where nothing is known of it. */
  readonly firstUnchosen: Instance | null
}

/** What the server has promised and learned: in its memory while it runs, on its disk while it does not. */
export function durableHeads({ roles, durable, firstUnexecuted }: ServerPicture): Heads {
  const onDisk = durable?.promised ?? null
  const isKnown = durable !== null || firstUnexecuted > 0
  const firstUnchosen = isKnown ? Math.max(durable?.firstUnchosen ?? 0, firstUnexecuted) : null
  const inMemory = roles === null ? null : ballotIn(roles.acceptor.context)
  const isSynced = inMemory === null || compareBallots(inMemory, onDisk) <= 0
  return { promised: isSynced ? onDisk : inMemory, isPromisedSynced: isSynced, firstUnchosen }
}

function ballotIn(context: Json): Ballot | null {
  const { promised } = (context ?? {}) as { promised?: Partial<Ballot> | null }
  return typeof promised?.round === 'number' && typeof promised.node === 'number'
    ? { round: promised.round, node: promised.node }
    : null
}
