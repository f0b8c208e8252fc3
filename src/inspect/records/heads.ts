/** How far a server is: exact as far as its records go, and sampled while it leaves records out. */
import { type Ballot, compareBallots } from '../../../machines/ballot.ts'
import type { Instance, Json } from '../../../machines/batch.ts'
import type { DurableState } from '../../core/durable.ts'
import type { RoleStates } from './record.ts'

export interface Heads {
  readonly promised: Ballot | null
  /** `false`: it is on its way to the disk, and nobody has received it. */
  readonly isPromisedSynced: boolean
  /** It knows what was chosen in every instance below; `null` where nothing is known of it. */
  readonly firstUnchosen: Instance | null
  /** It executed every instance below. */
  readonly firstUnexecuted: Instance
}

/** Heads, at a moment. */
export interface HeadsSample extends Heads {
  readonly timeMs: number
}

export const nothingKnown: Heads = {
  promised: null,
  isPromisedSynced: true,
  firstUnchosen: null,
  firstUnexecuted: 0,
}

/** What was known of a server last, which tells its heads. */
export interface Known {
  readonly roles: RoleStates | null
  readonly durable: DurableState | null
  readonly firstUnexecuted: Instance
}

/** The heads of a server of which every record is there: in its memory while it runs, on its disk while it does not. */
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

/** Samples that are kept: of half a second at least. */
const keptSamples = 12

/** Of a server that leaves nothing out so many samples are taken: one in so many milliseconds. */
const samplingMs = 50

/**
 * The samples after a record of `timeMs`, before which the heads were `heads`: they were so at the last of the moments between.
 * So what a server that leaves nothing out was at a moment can be compared with the heads that another reported then.
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
