/** Opens the files of a store, which may be damaged, and judges what the opening gives. */
import { isDeepStrictEqual } from 'node:util'
import type { DurableState } from '../../src/core/durable.ts'
import { damageRemedy } from '../../src/storage/log/damage.ts'
import { type OpenedStorage, StorageError } from '../../src/storage/storage.ts'
import { type Contents, MemoryFiles } from '../support/memory-files.ts'
import { identity } from './fixtures.ts'
import { checkSnapshot } from './sealed.ts'
import { ended } from './settled.ts'
import { storeOver, type WrittenStore } from './written-store.ts'

/** What a refusal says: the file, the offset and a reason, and then the remedy. */
const refusal = /^storage d: it is damaged: log\/(head|\d{8}\.log|\d{8}\.snapshot), at byte \d+: \S.+\. $/

function isRefusal(error: unknown): boolean {
  if (!(error instanceof StorageError) || !error.message.endsWith(damageRemedy)) return false
  return refusal.test(error.message.slice(0, -damageRemedy.length))
}

/** What one opening may give. */
export interface Expected {
  /** The least and the last place in the states of the store that the opening may give. */
  readonly vouched: number
  readonly requested: number
}

export class StoreJudge {
  readonly #store: Pick<WrittenStore, 'states' | 'chosen'>
  /** The last place of each state. */
  readonly #places: ReadonlyMap<string, number>

  constructor(store: Pick<WrittenStore, 'states' | 'chosen'>) {
    this.#store = store
    this.#places = new Map(store.states.map((state, place) => [textOf(state), place]))
  }

  /** Opens `contents`; true when the store refuses. Throws when it opens with another state than `expected` allows. */
  refuses(contents: Contents, expected: Expected): boolean {
    return this.#opened(contents, expected) === null
  }

  /** As `refuses`, and reads all chosen batches, and opens the store once more: both must give the same. */
  refusesClosely(contents: Contents, expected: Expected): boolean {
    const opened = this.#opened(contents, expected)
    if (opened === null) return true
    const { files, place } = opened
    const again = this.#opened(files.contents, { vouched: place, requested: place })
    if (again === null) throw new Error('the second opening refuses what the first one accepted')
    for (const { store } of [opened, again]) {
      const state = this.#store.states[place]!
      const { firstUnchosen, floor } = state
      checkSnapshot(store, state)
      const chosen = ended(store.chosen(floor, Number.POSITIVE_INFINITY))
      if (!isDeepStrictEqual(chosen, this.#store.chosen.slice(floor, firstUnchosen))) {
        throw new Error(`other batches are chosen: ${JSON.stringify(chosen)}`)
      }
    }
    return false
  }

  /** `null` when the opening refuses. */
  #opened(contents: Contents, { vouched, requested }: Expected) {
    const files = new MemoryFiles(contents)
    const store = storeOver(files)
    let state: OpenedStorage
    try {
      state = ended(store.open())
    } catch (error) {
      if (isRefusal(error)) return null
      throw error
    }
    const place = this.#places.get(textOf(state))
    if (place === undefined) throw new Error(`it opens with a state that never was: ${textOf(state)}`)
    if (place < vouched) throw new Error(`it opens with state ${place}, and head vouches for ${vouched}`)
    if (place > requested) throw new Error(`it opens with state ${place}, and ${requested} is the last one`)
    if (!isDeepStrictEqual(state.identity, identity)) throw new Error('it opens with another identity')
    return { files, store, place }
  }
}

function textOf({ promised, accepted, firstUnchosen, snapshot, floor }: DurableState): string {
  return JSON.stringify([promised, accepted, firstUnchosen, snapshot, floor])
}
