import type { Ballot } from '../../machines/ballot.ts'
import type { Instance, NodeId } from '../../machines/batch.ts'
import { type Operation, promised } from '../core/process.ts'
import { Damage, damageRemedy } from '../storage/log/damage.ts'
import { pathOf, segmentName, snapshotFileName } from '../storage/log/layout.ts'
import type { LogContents, SegmentSummary } from '../storage/log/read-log.ts'
import { readRunningLog } from '../storage/log/read-running-log.ts'
import type { StoredSnapshot } from '../storage/log/records.ts'
import { RealFiles } from '../storage/real-files.ts'
import type { TornTail } from '../storage/storage.ts'
import { damageOf, ownerOf, ownLog } from './storage-directory.ts'

/** The result of `paxos storage check`, as `--json` prints it. A field that damage leaves unknown is `null`. */
export interface StorageCheck {
  readonly verdict: 'sound' | 'torn tail' | 'damaged'
  /** The end of the log, which the next start drops. */
  readonly torn: TornTail | null
  readonly damage: FoundDamage | null
  readonly server: CheckedServer | null
  readonly state: CheckedState | null
  readonly head: CheckedHead | null
  /** `null` when there is none, too. */
  readonly snapshot: CheckedSnapshot | null
  readonly segments: readonly CheckedSegment[] | null
  /** The files that are no part of the store. The next start removes them. */
  readonly unused: readonly string[] | null
}

interface FoundDamage {
  readonly file: string
  /** `null` when the whole file is damaged or missing. */
  readonly offset: number | null
  readonly reason: string
  readonly remedy: string
}

interface CheckedServer {
  readonly id: NodeId
  readonly cluster: string
  readonly incarnation: string
}

/** The state after all records, also those after `head`. */
interface CheckedState {
  readonly promised: Ballot | null
  /** The number of accepted batches that are not known to be chosen. */
  readonly accepted: number
  readonly firstUnchosen: Instance
  /** The first instance whose chosen batch is held. */
  readonly floor: Instance
}

interface CheckedSnapshot {
  readonly file: string
  /** The first instance that it does not contain. */
  readonly instance: Instance
  readonly bytes: number
  readonly digest: string
}

/** The place up to which `head` says that the log was synced, and the number of records after it. */
interface CheckedHead {
  readonly file: string
  readonly offset: number
  readonly group: number
  readonly recordsAfter: number
}

interface CheckedSegment {
  readonly file: string
  readonly begun: SegmentSummary['begun']
  readonly groups: number
  readonly records: number
  readonly bytes: number
}

/** The time between two readings of a log that looks damaged. */
const pauseMs = 50

const pause: Operation<void> = (ended) => setTimeout(() => ended(null), pauseMs)

/**
 * Checks the data directory of a server, which may run. Changes nothing. Throws a `Failure` or a `StorageError` when the directory
 * holds no store of this format.
 */
export async function checkStorage(directory: string): Promise<StorageCheck> {
  let server: CheckedServer | null = null
  try {
    const owner = ownerOf(directory)
    const { cluster, node: id, incarnation } = owner.identity
    server = { id, cluster, incarnation }
    const contents = await promised(readRunningLog(new RealFiles(directory), pause))
    return resultOf(ownLog(contents, owner, directory), server)
  } catch (error) {
    const damage = damageOf(error)
    if (damage !== null) return damaged(damage, server)
    throw error
  }
}

function damaged({ file, offset, reason }: Damage, server: CheckedServer | null): StorageCheck {
  const damage = { file, offset, reason, remedy: damageRemedy }
  return {
    verdict: 'damaged',
    torn: null,
    damage,
    server,
    state: null,
    head: null,
    snapshot: null,
    segments: null,
    unused: null,
  }
}

function resultOf(contents: LogContents, server: CheckedServer): StorageCheck {
  const { torn, head, tail, snapshot, segments, leftovers } = contents
  const { segment, endBytes, group } = head.synced
  const file = pathOf(segmentName(segment))
  return {
    verdict: torn === null ? 'sound' : 'torn tail',
    torn,
    damage: null,
    server,
    state: stateOf(contents, file, endBytes),
    head: { file, offset: endBytes, group, recordsAfter: tail.length },
    snapshot: snapshot === null ? null : checkedSnapshot(snapshot),
    segments: segments.map(({ endBytes: bytes, ...summary }) => ({ ...summary, bytes })),
    unused: [...leftovers.unused, ...leftovers.compacted],
  }
}

function checkedSnapshot({ snapshot, file }: StoredSnapshot): CheckedSnapshot {
  const { instance, lengthBytes: bytes, digest } = snapshot
  return { file: pathOf(snapshotFileName(file)), instance, bytes, digest }
}

/** The state after the records after `head`, which begin at `offset` of `file`. */
function stateOf({ index, tail }: LogContents, file: string, offset: number): CheckedState {
  for (const record of tail) {
    // The state is read, and the batches are not: their places are not needed.
    const refusal = index.apply(record, 0, 0, 0)
    if (refusal !== null) throw new Damage(file, offset, refusal)
  }
  const { promised: ballot, accepted, firstUnchosen, floor } = index.durable
  return { promised: ballot, accepted: accepted.length, firstUnchosen, floor }
}
