/**
 * Every damage of a kind to the files of a store. An opening after it gives at least the state that `head` vouched for, or refuses.
 * `npm run storage:exhaustive` tries every byte at more moments, and takes some minutes.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { byteKinds, damages, fileKinds, type Kind, kinds, placeKinds } from './damage.ts'
import { type Counts, counts } from './damage-counts.ts'
import { StoreJudge } from './judge.ts'
import { compactedStore, laggingMoments, largeStore, smallStore } from './stores.ts'
import type { Moment, WrittenStore } from './written-store.ts'

const isExhaustive = process.env.STORAGE_EXHAUSTIVE !== undefined
const limitMs = isExhaustive ? 3 * 3_600_000 : 600_000

/** Of the kinds with a case for each byte, one case in so many is judged closely. */
const closely = 61
/** Of the kinds with a case for each byte, the usual tests try so few bytes at most moments. */
const usualStepBytes = 997

interface Trial {
  readonly store: WrittenStore
  readonly moments: readonly Moment[]
  readonly kinds: readonly Kind[]
  readonly stepBytes: number
}

/** At the watched moment they try more. The number is odd, so that they come to each place in the fields of headers and to each bit. */
const watchedStepBytes = 7

/** The moment that the usual tests try most closely: a full segment follows the one that `head` names. */
const watched = laggingMoments(smallStore)[1]!

const structure = [...placeKinds, ...fileKinds]
const usual: readonly Trial[] = [
  { store: smallStore, moments: [watched], kinds: byteKinds, stepBytes: watchedStepBytes },
  { store: smallStore, moments: smallStore.moments, kinds: byteKinds, stepBytes: usualStepBytes },
  { store: smallStore, moments: smallStore.moments, kinds: structure, stepBytes: 1 },
  { store: largeStore, moments: laggingMoments(largeStore), kinds: fileKinds, stepBytes: 1 },
  {
    store: compactedStore,
    moments: laggingMoments(compactedStore),
    kinds: byteKinds,
    stepBytes: usualStepBytes,
  },
  { store: compactedStore, moments: laggingMoments(compactedStore), kinds: placeKinds, stepBytes: 1 },
  { store: compactedStore, moments: compactedStore.moments, kinds: fileKinds, stepBytes: 1 },
]
const exhaustive: readonly Trial[] = [
  { store: smallStore, moments: laggingMoments(smallStore), kinds: byteKinds, stepBytes: 1 },
  { store: smallStore, moments: smallStore.moments, kinds: structure, stepBytes: 1 },
  { store: largeStore, moments: largeStore.moments, kinds: structure, stepBytes: 1 },
  { store: compactedStore, moments: laggingMoments(compactedStore), kinds: byteKinds, stepBytes: 1 },
  { store: compactedStore, moments: compactedStore.moments, kinds: structure, stepBytes: 1 },
]
const trials = isExhaustive ? exhaustive : usual

/** Judges all damages of `kind` in a trial. */
function tryAll({ store, moments, stepBytes }: Trial, kind: Kind): Counts {
  const judge = new StoreJudge(store)
  const step = byteKinds.includes(kind) ? closely : 1
  let cases = 0
  let refused = 0
  for (const moment of moments) {
    const number = store.moments.indexOf(moment)
    const earlier = store.moments.slice(0, number).map(({ contents }) => contents)
    for (const { what, contents } of damages[kind](moment.contents, { earlier, stepBytes })) {
      try {
        const isRefused =
          cases % step === 0 ? judge.refusesClosely(contents, moment) : judge.refuses(contents, moment)
        if (isRefused) refused += 1
      } catch (error) {
        const reason = `${what} (moment ${number}, ${moment.after}): ${(error as Error).message}`
        throw new Error(reason, { cause: error })
      }
      cases += 1
    }
  }
  return { cases, refused }
}

describe('a damaged store opens with at least what head vouches for, or refuses', () => {
  it('opens at each moment without damage', () => {
    for (const store of [smallStore, largeStore, compactedStore]) {
      const judge = new StoreJudge(store)
      for (const moment of store.moments) {
        expect(judge.refusesClosely(moment.contents, moment), moment.after).toBe(false)
      }
    }
  })

  it.each(kinds)(
    '%s',
    (kind) => {
      let cases = 0
      let refused = 0
      for (const trial of trials.filter((each) => each.kinds.includes(kind))) {
        const counted = tryAll(trial, kind)
        cases += counted.cases
        refused += counted.refused
      }
      if (isExhaustive) expect(cases).toBeGreaterThanOrEqual(counts[kind].cases)
      else expect({ cases, refused }).toEqual(counts[kind])
    },
    limitMs,
  )

  it('has these numbers in docs/verification.md', () => {
    const text = readFileSync(new URL('../../docs/verification.md', import.meta.url), 'utf8')
    const rows = kinds.map((kind) => {
      const { cases, refused } = counts[kind]
      return `| ${[kind, ...[cases, refused].map((count) => count.toLocaleString('en'))].join(' | ')} |`
    })
    expect(text).toContain(rows.join('\n'))
  })
})
