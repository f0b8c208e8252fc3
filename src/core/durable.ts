/** The state on a node's disk, and how each write changes it. Every storage follows this rule. */
import type { Ballot } from '../../machines/ballot.ts'
import type { AcceptedRecord, Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'

export interface DurableState {
  readonly promised: Ballot | null
  /** The accepted batches at and above `firstUnchosen`, in order. */
  readonly accepted: readonly AcceptedRecord[]
  readonly firstUnchosen: Instance
}

/** The stored state from which a node starts. */
export interface Stored {
  readonly durable: DurableState
  /** The chosen batches below `durable.firstUnchosen`. */
  readonly chosen: readonly Batch[]
}

export const nothingDurable: DurableState = { promised: null, accepted: [], firstUnchosen: 0 }

/**
 * The state after `write`. Calls `keepChosen` with each batch that became chosen. An accepted batch at an instance that is
 * already chosen changes nothing.
 */
export function afterWrite(
  state: DurableState,
  write: Write,
  keepChosen: (instance: Instance, batch: Batch) => void,
): DurableState {
  switch (write.by) {
    case 'acceptor': {
      const news = write.accepted.filter(({ instance }) => instance >= state.firstUnchosen)
      const kept = state.accepted.filter(({ instance }) =>
        news.every((record) => record.instance !== instance),
      )
      return {
        ...state,
        promised: write.promised,
        accepted: [...kept, ...news].sort((a, b) => a.instance - b.instance),
      }
    }
    case 'learner': {
      let { firstUnchosen } = state
      for (const { instance, batch } of write.chosen) {
        // No message can cause this: a learner stores batches from its first unchosen instance on, without a gap.
        if (instance !== firstUnchosen) {
          throw new Error(
            `instance ${instance} cannot be stored as chosen: ${firstUnchosen} is the first unchosen one`,
          )
        }
        keepChosen(instance, batch)
        firstUnchosen += 1
      }
      return {
        ...state,
        firstUnchosen,
        accepted: state.accepted.filter(({ instance }) => instance >= firstUnchosen),
      }
    }
  }
  write satisfies never
}
