/** The state on a node's disk, and how each write changes it. Every storage follows this rule. */
import type { Ballot } from '../../machines/ballot.ts'
import type { AcceptedRecord, Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'

export interface DurableState {
  readonly promised: Ballot | null
  /** The accepted batches at and above `firstUnchosen`, in order. */
  readonly accepted: readonly AcceptedRecord[]
  readonly firstUnchosen: Instance
  /** The snapshot that holds the state below its instance. Invariant: `floor` <= its instance <= `firstUnchosen`. */
  readonly snapshot: SnapshotName | null
  /** The first instance whose chosen batch is held. Invariant: 0 without a snapshot. */
  readonly floor: Instance
}

/** The stored state from which a node starts. */
export interface Stored {
  readonly durable: DurableState
  /** The bytes of `durable.snapshot`; `null` when there is none. */
  readonly snapshot: Uint8Array | null
  /** The chosen batches from `durable.floor` to below `durable.firstUnchosen`. */
  readonly chosen: readonly Batch[]
}

export const nothingDurable: DurableState = {
  promised: null,
  accepted: [],
  firstUnchosen: 0,
  snapshot: null,
  floor: 0,
}

/** The fields of the durable state, of an object that has more. */
export function durablePart({
  promised,
  accepted,
  firstUnchosen,
  snapshot,
  floor,
}: DurableState): DurableState {
  return { promised, accepted, firstUnchosen, snapshot, floor }
}

/** The first instance that a starting node must execute: its snapshot, if it has one, contains all below. */
export function firstAfterSnapshot({ snapshot }: Pick<DurableState, 'snapshot'>): Instance {
  return snapshot?.instance ?? 0
}

/** The chosen batches that a starting node must execute after it has read its snapshot. */
export function batchesAfterSnapshot({
  durable,
  chosen,
}: Pick<Stored, 'durable' | 'chosen'>): readonly Batch[] {
  return chosen.slice(firstAfterSnapshot(durable) - durable.floor)
}

/**
 * The state after `write`. Calls `keepChosen` with each batch that became chosen. An accepted batch at an instance that is
 * already chosen changes nothing. Throws an error for a write that no correct server asks for.
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
    case 'snapshot':
      return afterSnapshot(state, write)
  }
  write satisfies never
}

/** True when somebody waits for the sync of `write`, so that it begins at once. */
export function isSyncedAtOnce({ by }: Pick<Write, 'by'>): boolean {
  switch (by) {
    case 'acceptor':
    case 'snapshot':
      return true
    case 'learner':
      return false
  }
  by satisfies never
}

/** True when `write` brings the state of instances that are not known here: then no batch below its instance stays. */
export function isInstalled(
  { firstUnchosen }: Pick<DurableState, 'firstUnchosen'>,
  { snapshot }: Extract<Write, { by: 'snapshot' }>,
): boolean {
  return snapshot.instance > firstUnchosen
}

function afterSnapshot(state: DurableState, write: Extract<Write, { by: 'snapshot' }>): DurableState {
  const { snapshot, floor } = write
  const { instance } = snapshot
  const held = state.snapshot?.instance ?? 0
  if (instance <= held) {
    throw new Error(
      `the snapshot of instance ${instance} is not newer than the one held, of instance ${held}`,
    )
  }
  const leastFloor = isInstalled(state, write) ? instance : 0
  if (!(floor >= leastFloor && floor <= instance)) {
    throw new Error(
      `the floor of the snapshot of instance ${instance} is ${floor}: it must be from ${leastFloor} to ${instance}`,
    )
  }
  const firstUnchosen = Math.max(state.firstUnchosen, instance)
  return {
    ...state,
    firstUnchosen,
    accepted: state.accepted.filter((record) => record.instance >= firstUnchosen),
    snapshot,
    floor: Math.max(state.floor, floor),
  }
}

/** The batches from `after.floor` on, of `chosen`, which begins at `before.floor`. */
export function withoutCompacted(
  chosen: readonly Batch[],
  before: Pick<DurableState, 'floor'>,
  after: Pick<DurableState, 'floor'>,
): readonly Batch[] {
  return after.floor === before.floor ? chosen : chosen.slice(after.floor - before.floor)
}
