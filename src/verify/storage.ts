/** Invariant 15: a store that opens holds exactly what was synced, and perhaps what was in flight. */
import type { Batch } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { canonicalJson } from '../core/digest.ts'
import { afterWrite, type DurableState } from '../core/durable.ts'
import { memoByIdentity } from '../core/memo.ts'
import { Violation } from '../core/violation.ts'
import type { Identity } from '../storage/storage.ts'

/** What a store must hold. */
export interface StorageModel {
  readonly identity: Identity
  /** The state after all writes that the store acknowledged, and the chosen batches below its `firstUnchosen`. */
  readonly state: DurableState
  readonly chosen: readonly Batch[]
  /** The writes that the store was asked for after that, in order. */
  readonly pending: readonly Write[]
}

/** What a store held when it was opened. */
export interface OpenedState {
  readonly identity: Identity | null
  readonly durable: DurableState
  readonly chosen: readonly Batch[]
}

/** Returns the number of pending writes that the store holds. Throws a `Violation` when it holds another state than allowed. */
export function checkOpened({ identity, state, chosen, pending }: StorageModel, opened: OpenedState): number {
  const node = identity.node
  if (!isEqual(opened.identity, identity)) {
    throw new Violation(
      15,
      `the store of server ${node} opened with the identity ${JSON.stringify(opened.identity)}`,
    )
  }
  const expected = [...chosen]
  let after = state
  for (let survived = 0; survived <= pending.length; survived += 1) {
    if (isEqual(opened.durable, after) && areSame(opened.chosen, expected)) return survived
    const write = pending[survived]
    if (write !== undefined) after = afterWrite(after, write, (_, batch) => expected.push(batch))
  }
  throw new Violation(
    15,
    `the store of server ${node} opened with ${shown(opened.durable)}, and ${shown(state)} was synced, with ${pending.length} writes in flight`,
  )
}

function shown({ promised, accepted, firstUnchosen }: DurableState): string {
  const instances = accepted.map(({ instance }) => instance).join(', ')
  return `the promise ${JSON.stringify(promised)}, accepted instances ${instances || 'none'} and ${firstUnchosen} chosen ones`
}

const textOfBatch = memoByIdentity((batch: Batch) => canonicalJson(batch))

function areSame(some: readonly Batch[], others: readonly Batch[]): boolean {
  return (
    some.length === others.length &&
    some.every((batch, instance) => textOfBatch(batch) === textOfBatch(others[instance]!))
  )
}

function isEqual(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b)
}
