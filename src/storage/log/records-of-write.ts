import { sameBallot } from '../../../machines/ballot.ts'
import type { Batch } from '../../../machines/batch.ts'
import type { Write } from '../../../machines/outputs.ts'
import { batchBytes } from '../../core/batch-bytes.ts'
import type { DurableState } from '../../core/durable.ts'
import { isSameBytes } from './bytes.ts'
import type { StoredRecord } from './records.ts'

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
      throw new Error('the log holds no snapshots yet')
  }
}

/** True when both are stored as the same bytes. Most often they are one object. */
function isSameBatch(a: Batch, b: Batch): boolean {
  return a === b || isSameBytes(batchBytes(a), batchBytes(b))
}
