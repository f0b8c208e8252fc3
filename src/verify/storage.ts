/** Invariant 15: a store that opens holds exactly what was synced, and perhaps what was in flight. */
import type { Batch, NodeId } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { canonicalJson, sha256Hex } from '../core/digest.ts'
import { afterWrite, type DurableState, withoutCompacted } from '../core/durable.ts'
import { memoByIdentity } from '../core/memo.ts'
import { Violation } from '../core/violation.ts'
import type { Identity } from '../storage/storage.ts'

/** What a store must hold. */
export interface StorageModel {
  readonly identity: Identity
  /** The state after all writes that the store acknowledged, and its chosen batches from `floor` on. */
  readonly state: DurableState
  readonly chosen: readonly Batch[]
  /** The writes that the store was asked for after that, in order. */
  readonly pending: readonly Write[]
}

/** What a store held when it was opened. */
export interface OpenedState {
  readonly identity: Identity | null
  readonly durable: DurableState
  /** The bytes of the snapshot; `null` when there is none, or when the store does not have them. */
  readonly snapshot: Uint8Array | null
  /** The chosen batches from `durable.floor` on. */
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
  checkSnapshot(node, opened)
  let expected = chosen
  let after = state
  for (let survived = 0; survived <= pending.length; survived += 1) {
    if (isEqual(opened.durable, after) && areSame(opened.chosen, expected)) return survived
    const write = pending[survived]
    if (write === undefined) break
    const before = after
    const more: Batch[] = []
    after = afterWrite(before, write, (_, batch) => more.push(batch))
    expected = withoutCompacted([...expected, ...more], before, after)
  }
  throw new Violation(
    15,
    `the store of server ${node} opened with ${shown(opened.durable)}, and ${shown(state)} was synced, with ${pending.length} writes in flight`,
  )
}

/** The bytes of a snapshot must be those that its name names. */
function checkSnapshot(node: NodeId, { durable, snapshot: bytes }: OpenedState): void {
  const name = durable.snapshot
  if (name === null) return
  const digest = bytes === null ? 'none' : sha256Hex(bytes)
  if (digest === name.digest && bytes?.length === name.lengthBytes) return
  throw new Violation(
    15,
    `the store of server ${node} opened with the snapshot of instance ${name.instance}, whose bytes have the digest ${digest} in place of ${name.digest}`,
  )
}

function shown({ promised, accepted, firstUnchosen, snapshot, floor }: DurableState): string {
  const instances = accepted.map(({ instance }) => instance).join(', ')
  return `the promise ${JSON.stringify(promised)}, accepted instances ${instances || 'none'}, the chosen ones from ${floor} to below ${firstUnchosen} and ${snapshot === null ? 'no snapshot' : `the snapshot of instance ${snapshot.instance}`}`
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
