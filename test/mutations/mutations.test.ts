/**
 * The checks are themselves checked: each deliberate fault is caught by the quickest check that is meant to, and a cluster
 * without a fault by none. `npm run mutations` puts every fault before every check, and prints the table.
 */
import { describe, expect, test } from 'vitest'
import { mutations } from './all.ts'
import {
  type Caught,
  tryChance,
  tryChecker,
  tryPlan,
  tryProperty,
  trySchedule,
  trySimulator,
} from './checks.ts'
import type { Mutation } from './mutation.ts'
import { type PropertyName, properties } from './properties.ts'
import { littleRoom, soundReplicas } from './service-faults.ts'
import { trialOf, trials } from './trials.ts'
import { type BoundsName, type WorldName, worlds } from './worlds.ts'

const none: Mutation = { name: 'no fault', plant: (settings) => settings }

/** Seeds that are tried here where there is no fault: the rest is in test/schedule/. */
const seedsWithoutFault = 5

function tryQuickest(mutation: Mutation): Caught | null {
  const trial = trialOf(mutation.name)
  const { bounds: where, schedule, plan, property, world = 'three servers', quickest } = trial
  if (quickest === 'chance') return tryChance(mutation, world)
  if (quickest === 'simulator') return trySimulator(mutation, trial)
  if (property !== undefined) return tryProperty(mutation, property)
  if (plan !== undefined) return tryPlan(mutation, plan)
  if (schedule !== undefined) return trySchedule(mutation, schedule)
  return where === undefined ? null : tryChecker(mutation, where)
}

/** Those within which a search ends soon. `npm run mutations` goes through all. */
const soonSearched: readonly BoundsName[] = [
  'a duel',
  'four servers',
  'five servers, one proposes',
  'four servers, two of which are removed',
  'a proposer that restarts',
  'one server that restarts',
  'two reads at a server that does not propose',
]

test.each(mutations.map((mutation) => [mutation.name, mutation] as const))('%s', (_, mutation) => {
  expect(tryQuickest(mutation)).not.toBeNull()
})

test('there are as many as are asked for, each once, and each trial is for one of them', () => {
  const names = mutations.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names.length).toBeGreaterThanOrEqual(16)
  expect(Object.keys(trials).sort()).toEqual([...names].sort())
})

describe('without a fault', () => {
  test.each(soonSearched)('the checker finds nothing in %s', (name) => {
    expect(tryChecker(none, name)).toBeNull()
  })

  test.each(Object.keys(worlds) as WorldName[])('chance finds nothing in %s', (name) => {
    expect(tryChance(none, name, seedsWithoutFault)).toBeNull()
  })

  test.each(
    soundReplicas.map((sound) => [sound.name, sound] as const),
  )('nothing is found in a cluster with %s', (_, sound) => {
    expect(tryChance(sound, 'three servers', seedsWithoutFault)).toBeNull()
    expect(trySimulator(sound, { runs: seedsWithoutFault })).toBeNull()
  })

  test('clients for whose requests there is no room come back, and all are answered in the end', () => {
    expect(trySimulator(littleRoom, { runs: seedsWithoutFault })).toBeNull()
  })

  test.each(Object.keys(properties) as PropertyName[])('%s', (name) => {
    expect(tryProperty(none, name)).toBeNull()
  })

  const plans = Object.values(trials).flatMap(({ plan }) => plan ?? [])
  test.each(plans)('%s holds', (file) => {
    expect(tryPlan(none, file)).toBeNull()
  })

  const schedules = new Set(Object.values(trials).flatMap(({ schedule }) => schedule ?? []))
  test.each([...schedules])('%s goes through', (file) => {
    expect(trySchedule(none, file)).toBeNull()
  })
})
