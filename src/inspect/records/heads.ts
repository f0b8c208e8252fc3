/** How far a server is: exact where its records are complete, sampled while it leaves records out. */
import { type Ballot, compareBallots } from '../../../machines/ballot.ts'
import type { Instance, Json } from '../../../machines/batch.ts'
import type { DurableState } from '../../core/durable.ts'
import type { RoleStates } from './record.ts'

export interface Heads {
  readonly promised: Ballot | null
  /** `false`: the write of the promise is in progress, and the server has not sent the promise. */
  readonly isPromisedSynced: boolean
  /** The server knows the chosen batch of every instance below this one; `null` when this is not known. */
  readonly firstUnchosen: Instance | null
  /** The server executed every instance below this one. */
  readonly firstUnexecuted: Instance
}

/** The heads at one moment. */
export interface HeadsSample extends Heads {
  readonly timeMs: number
}

export const nothingKnown: Heads = {
  promised: null,
  isPromisedSynced: true,
  firstUnchosen: null,
  firstUnexecuted: 0,
}

/** The last known state of a server, from which its heads follow. */
export interface Known {
  readonly roles: RoleStates | null
  readonly durable: DurableState | null
  readonly firstUnexecuted: Instance
}

/** The heads of a server whose records are complete: from its memory while it runs, from its disk while it does not. */
export function headsOf({ roles, durable, firstUnexecuted }: Known): Heads {
  const onDisk = durable?.promised ?? null
  const isKnown = durable !== null || firstUnexecuted > 0
  const firstUnchosen = isKnown ? Math.max(durable?.firstUnchosen ?? 0, firstUnexecuted) : null
  const inMemory = roles === null ? null : ballotIn(roles.acceptor.context)
  const isSynced = inMemory === null || compareBallots(inMemory, onDisk) <= 0
  return {
    promised: isSynced ? onDisk : inMemory,
    isPromisedSynced: isSynced,
    firstUnchosen,
    firstUnexecuted,
  }
}

/** How many samples are kept. They cover half a second at least. */
const keptSamples = 12

/** The interval between two samples of a server that leaves nothing out, in milliseconds. */
const samplingMs = 50

/**
 * The samples after a record at `timeMs`. `heads` held until that record, so they are also the heads at the last sampling moment
 * before it. With these samples a server that leaves nothing out can be compared with the heads that another server reported.
 */
export function sampledUntil(
  samples: readonly HeadsSample[],
  heads: Heads,
  beforeMs: number,
  timeMs: number,
): readonly HeadsSample[] {
  const tickMs = Math.floor(timeMs / samplingMs) * samplingMs
  return beforeMs > 0 && beforeMs < tickMs ? withSample(samples, { ...heads, timeMs: tickMs }) : samples
}

export function withSample(samples: readonly HeadsSample[], sample: HeadsSample): readonly HeadsSample[] {
  return [...samples.slice(1 - keptSamples), sample]
}

function ballotIn(context: Json): Ballot | null {
  const { promised } = (context ?? {}) as { promised?: Partial<Ballot> | null }
  return typeof promised?.round === 'number' && typeof promised.node === 'number'
    ? { round: promised.round, node: promised.node }
    : null
}
