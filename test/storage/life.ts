/** Runs a store through a fixed list of writes, in one process, over files that may fail. */
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState, nothingDurable } from '../../src/core/durable.ts'
import type { OpenedStorage, StorageError } from '../../src/storage/storage.ts'
import { ManualClock } from '../support/manual-clock.ts'
import type { ObservedFiles } from '../support/observed-files.ts'
import { accepting, compacting, identity, learning, record } from './fixtures.ts'
import { persistWhole } from './sealed.ts'
import { settled } from './settled.ts'
import { storeOver } from './written-store.ts'

/** Batches are accepted and chosen, of which every third is another one than the accepted one. */
function pair(instance: number): readonly Write[] {
  const round = instance + 1
  const name = (of: number) => `${of} of ${round} ${'.'.repeat(800)}`
  const accepted = [record(instance, round, name(instance)), record(instance + 1, round, name(instance + 1))]
  const chosen = instance % 3 === 2 ? `other ${round}` : name(instance)
  return [accepting(round, ...accepted), learning(instance, chosen)]
}

/** Each write changes the state. Snapshots are taken, with a tail and without, and the last one is installed. */
const writes: readonly Write[] = [
  ...[...pair(0), ...pair(1), compacting(2, 1), ...pair(2), ...pair(3)],
  ...[...pair(4), compacting(5, 3), ...pair(5), compacting(6, 6), compacting(12, 12), ...pair(12)],
]

/** The state after each number of writes. */
export const states: readonly DurableState[] = [...writes.keys(), writes.length].map((count) =>
  writes.slice(0, count).reduce((state, write) => afterWrite(state, write, () => undefined), nothingDurable),
)

const places = new Map(states.map((state, place) => [textOf(state), place]))

/** The number of writes after which this is the state. Throws when there is none. */
export function writesIn(state: DurableState): number {
  const place = places.get(textOf(state))
  if (place === undefined) throw new Error(`this state never was: ${textOf(state)}`)
  return place
}

function textOf({ promised, accepted, firstUnchosen, snapshot, floor }: DurableState): string {
  return JSON.stringify([promised, accepted, firstUnchosen, snapshot, floor])
}

/** What a process did with a store until it ended, or until an operation did not end. */
export interface Life {
  /** `null` when the opening did not end. */
  readonly opened: OpenedStorage | null
  /** The error of `open`, `initialise` or `close`. */
  readonly error: Error | null
  readonly isInitialised: boolean
  /** The number of writes that were reported as stored, and that were requested. Those of the store that was opened count. */
  readonly acknowledged: number
  readonly requested: number
  /** The errors of writes. */
  readonly refusals: readonly StorageError[]
  /** The calls of `failed`. */
  readonly reports: readonly StorageError[]
}

/** Opens the store, requests the next `count` writes, and closes it if `isClosed`. */
export function live(files: ObservedFiles, count: number, isClosed = true): Life {
  const clock = new ManualClock()
  const reports: StorageError[] = []
  const store = storeOver(files, { clock, failed: (error) => reports.push(error) })
  const life = {
    opened: null as OpenedStorage | null,
    error: null as Error | null,
    isInitialised: false,
    acknowledged: 0,
    requested: 0,
    refusals: [] as StorageError[],
    reports,
  }
  const opening = settled(store.open())
  if (opening.status === 'failed') return { ...life, error: opening.error }
  if (opening.status === 'waiting') return life
  life.opened = opening.result
  life.isInitialised = opening.result.identity !== null
  const from = writesIn(opening.result)
  life.acknowledged = from
  life.requested = from
  if (!life.isInitialised) {
    const initialising = settled(store.initialise(identity))
    if (initialising.status === 'failed') life.error = initialising.error
    if (initialising.status === 'waiting') return life
    life.isInitialised = initialising.status === 'ended'
  }
  for (const [place, write] of writes.slice(from, from + count).entries()) {
    if (life.isInitialised) life.requested += 1
    const isRequested = persistWhole(store, write, (error) => {
      if (error === null) life.acknowledged += 1
      else life.refusals.push(error)
    })
    if (!isRequested) return life
    if (place % 4 === 3) clock.advance(30)
  }
  if (!isClosed) return life
  const closing = settled(store.close())
  if (closing.status === 'failed') life.error ??= closing.error
  return life
}
