import { sameBallot } from '../../../machines/ballot.ts'
import type { Batch } from '../../../machines/batch.ts'
import type { Write } from '../../../machines/outputs.ts'
import { batchBytes } from '../../core/batch-bytes.ts'
import type { DurableState } from '../../core/durable.ts'
import type { Identity } from '../storage.ts'
import { isSameBytes } from './bytes.ts'
import type { StoredRecord, StoredSnapshot } from './records.ts'

/** The records of a write. A promise is written when it is new; a chosen batch, when the accepted one is another. */
export function recordsOf(write: Write, before: DurableState): readonly StoredRecord[] {
  switch (write.by) {
    case 'acceptor': {
      const { promised } = write
      const isNew = promised !== null && !sameBallot(promised, before.promised)
      const open = write.accepted.filter(({ instance }) => instance >= before.firstUnchosen)
      return [
        ...(isNew ? [{ type: 'promise', ballot: promised } as const] : []),
        ...open.map((accepted) => ({ type: 'accepted', ...accepted }) as const),
      ]
    }
    case 'learner':
      return write.chosen.map(({ instance, batch }) => {
        const accepted = before.accepted.find((record) => record.instance === instance)
        const isAccepted = accepted !== undefined && isSameBatch(accepted.batch, batch)
        return isAccepted ? { type: 'chosenAsAccepted', instance } : { type: 'chosen', instance, batch }
      })
    case 'snapshot':
      throw new Error('a snapshot has a group of its own, see baseRecords')
  }
}

/** The records of a group from which a log can begin: a snapshot, and all of the state after it that must not be forgotten. */
export function baseRecords(
  snapshot: StoredSnapshot,
  identity: Identity,
  { promised, accepted }: DurableState,
): readonly StoredRecord[] {
  return [
    { type: 'identity', identity },
    { type: 'snapshot', ...snapshot },
    ...(promised === null ? [] : [{ type: 'promise', ballot: promised } as const]),
    ...accepted.map((record) => ({ type: 'accepted', ...record }) as const),
  ]
}

/** True when both are stored as the same bytes. Most often they are one object. */
function isSameBatch(a: Batch, b: Batch): boolean {
  return a === b || isSameBytes(batchBytes(a), batchBytes(b))
}
