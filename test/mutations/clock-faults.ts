import { type ElapsedRules, elapsedRules, withSight, withStamp } from '../../src/core/elapsed.ts'
import type { Mutation } from './mutation.ts'

/** A fault in how the time that a batch brings is measured. */
function faultyMeasure(name: string, faults: Partial<ElapsedRules>): Mutation {
  return { name, plant: (settings) => ({ ...settings, elapsedRules: { ...elapsedRules, ...faults } }) }
}

export const clockFaults: readonly Mutation[] = [
  faultyMeasure('measures from the first sight of any batch', {
    withExecution: ({ sinceMs, stamped, sights }, instance) => ({
      sinceMs: sights.find((sight) => sight.instance === instance)?.atMs ?? sinceMs,
      stamped,
      sights: sights.filter((sight) => sight.instance > instance),
    }),
  }),
  faultyMeasure('counts the time of two batches that overlap', {
    withExecution: (elapsed, instance, batch, nowMs) => {
      const next = elapsedRules.withExecution(elapsed, instance, batch, nowMs)
      return { ...next, sinceMs: Math.min(next.sinceMs, elapsed.sinceMs) }
    },
  }),
  faultyMeasure('rounds the time of a batch up', {
    withStamp: (elapsed, batch, nowMs) => {
      const { batch: stamped } = withStamp(elapsed, batch, Math.ceil(nowMs))
      return { elapsed: withStamp(elapsed, batch, nowMs).elapsed, batch: stamped }
    },
    withSight: (elapsed, instance, batch, nowMs) => withSight(elapsed, instance, batch, Math.floor(nowMs)),
  }),
  {
    name: 'counts a minute for the time that it was down',
    plant: (settings) => {
      let hasRun = false
      const { nodeRules, elapsedRules } = settings
      return {
        ...settings,
        // A node begins to measure when it has recovered.
        nodeRules: {
          ...nodeRules,
          recoveredFrom: (identity, replica, durable) => {
            hasRun = durable.promised !== null
            return nodeRules.recoveredFrom(identity, replica, durable)
          },
        },
        elapsedRules: {
          ...elapsedRules,
          begin: (nowMs) => elapsedRules.begin(hasRun ? nowMs - 60_000 : nowMs),
        },
      }
    },
  },
  {
    name: 'counts a lease by the wall clock alone',
    plant: (settings) => ({ ...settings, leaseClock: ({ wallMs }) => ({ readMs: wallMs }) }),
  },
]
