import { createHash } from 'node:crypto'
import type { Ballot } from '../../machines/ballot.ts'
import type { AcceptedRecord, Batch, ChosenBatch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import type { Identity } from '../../src/storage/storage.ts'

export const identity: Identity = {
  cluster: 'c1',
  node: 1,
  incarnation: 'founder-1',
  members: [
    { id: 0, address: '127.0.0.1:1000', incarnation: 'founder-0' },
    { id: 1, address: '127.0.0.1:1001', incarnation: 'founder-1' },
  ],
}

export function ballot(round: number): Ballot {
  return { round, node: 0 }
}

export function batch(name: string): Batch {
  return {
    node: 0,
    elapsedMs: 1_000,
    groups: [
      {
        ...{ uid: 'u@0', ackedBelow: 1, heldBy: 0 },
        requests: [{ seq: 1, command: { kind: 'service', body: { action: 'lock', name } } }],
      },
    ],
  }
}

export function record(instance: Instance, round: number, name: string): AcceptedRecord {
  return { instance, ballot: ballot(round), batch: batch(name) }
}

export function accepting(round: number, ...accepted: AcceptedRecord[]): Extract<Write, { by: 'acceptor' }> {
  return { by: 'acceptor', promised: ballot(round), accepted }
}

/** Learning the batches named `names`, chosen at `from` and after. */
export function learning(from: Instance, ...names: string[]): Write {
  const chosen: ChosenBatch[] = names.map((name, offset) => ({ instance: from + offset, batch: batch(name) }))
  return { by: 'learner', chosen }
}

/** The bytes of a snapshot for tests, of `lengthBytes` or a few more. */
export function snapshotBytes(instance: Instance, lengthBytes = 100): Uint8Array {
  return Uint8Array.from(Buffer.from(`the state below ${instance} `.padEnd(lengthBytes, '.')))
}

export function snapshotName(instance: Instance, bytes = snapshotBytes(instance)): SnapshotName {
  const digest = createHash('sha256').update(bytes).digest('hex')
  return { instance, lengthBytes: bytes.length, digest }
}

/** Naming the snapshot of `instance`, whose bytes are `snapshotBytes(instance)`. */
export function compacting(instance: Instance, floor: Instance): Extract<Write, { by: 'snapshot' }> {
  return { by: 'snapshot', snapshot: snapshotName(instance), floor }
}
