/** The stores of which the tests damage the files. */
import type { AcceptedRecord, Instance } from '../../machines/batch.ts'
import { accepting, compacting, learning, record } from './fixtures.ts'
import { type Moment, StoreBuilder, type WrittenStore } from './written-store.ts'

/** Accepted records of `count` instances, named after their ballot. */
function records(from: Instance, count: number, round: number): readonly AcceptedRecord[] {
  return Array.from({ length: count }, (_, place) => {
    return record(from + place, round, nameOf(from + place, round))
  })
}

function nameOf(instance: Instance, round: number): string {
  return `${instance} of ${round}`
}

/** Appends a group: it accepts `count` batches. */
function accept(store: StoreBuilder, round: number, count: number): void {
  store.group(accepting(round, ...records(store.state.firstUnchosen, count, round)))
}

/** Appends a group: `count` accepted batches are chosen, then one that was not accepted, and the others are accepted again. */
function choose(store: StoreBuilder, round: number, count: number): void {
  const { firstUnchosen, accepted } = store.state
  const names = accepted.slice(0, count).map(({ instance, ballot }) => nameOf(instance, ballot.round))
  const next = firstUnchosen + count + 1
  const again = accepted.length - count - 1
  store.group(
    learning(firstUnchosen, ...names, `other of ${round}`),
    accepting(round, ...records(next, again, round)),
  )
}

/**
 * A store with all that a log can hold: segments that are full and that an opening began, a torn group, an opening that did not end,
 * and records that are accepted, accepted again, chosen as accepted, and chosen as another batch. `head` lags behind over several
 * groups and segments. `size` is the number of records in a group, `pairs` the number of groups in each part, in pairs.
 */
function written(size: number, pairs: number): WrittenStore {
  const store = new StoreBuilder()
  let round = 0
  const appendPairs = () => {
    for (let count = 0; count < pairs; count += 1) {
      round += 2
      accept(store, round - 1, size)
      choose(store, round, size >> 1)
    }
  }
  appendPairs()
  store.rest()
  round += 1
  accept(store, round, size)
  store.reopen()
  appendPairs()
  store.withoutHead()
  appendPairs()
  round += 1
  store.tear(accepting(round, ...records(store.state.firstUnchosen, size, round)))
  store.beginOpening()
  store.reopen()
  round += 1
  accept(store, round, size)
  return store.close()
}

/**
 * A store with snapshots: one that was taken and keeps a tail of batches in segments before it, one after which nothing is kept, one
 * that is not vouched for when the process ends, so that the next opening writes it again, and one that was installed.
 */
function compacted(): WrittenStore {
  const store = new StoreBuilder()
  let round = 0
  const appendPairs = (count: number) => {
    for (let pair = 0; pair < count; pair += 1) {
      round += 2
      accept(store, round - 1, 4)
      choose(store, round, 2)
    }
  }
  const take = (tail: number) => {
    const { firstUnchosen } = store.state
    store.group(compacting(firstUnchosen - 1, firstUnchosen - 1 - tail))
  }
  appendPairs(2)
  take(2)
  appendPairs(1)
  store.reopen()
  appendPairs(1)
  store.withoutHead()
  take(5)
  appendPairs(1)
  store.reopen()
  take(0)
  const installed = store.state.firstUnchosen + 10
  store.group(compacting(installed, installed))
  appendPairs(1)
  return store.close()
}

/** Groups of one block. */
export const smallStore = written(4, 1)
/** Groups of one block to three, and some that are larger than a segment. */
export const largeStore = written(40, 2)
export const compactedStore = compacted()

/** The moments at which `head` lags behind most: before each write of `head`, and the last one. */
export function laggingMoments({ moments }: WrittenStore): readonly Moment[] {
  return moments.filter(({ contents }, place) => {
    const next = moments[place + 1]
    return next === undefined || next.contents.get('log/head') !== contents.get('log/head')
  })
}
