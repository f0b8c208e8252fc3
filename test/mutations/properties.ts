/** The property tests that a fault is put before: each runs a replica, a service or a store beside a simple model. */
import fc from 'fast-check'
import { usualNodeSettings } from '../../src/stepped/settings.ts'
import { usualStoreParts } from '../../src/storage/store-parts.ts'
import { alarmReplicas, alarmSteps, runBesideModel } from '../services/alarms.ts'
import { batches, captureReplicas, runCaptured, runRestored, slices } from '../services/capture-runs.ts'
import { Pair, step } from '../services/lock/pair.ts'
import { runSessions, sessionReplicas, sessionSteps } from '../services/session-model.ts'
import { runStore, storeSteps } from '../storage/store-model.ts'
import { differingServerHalts } from '../support/differing-server-halts.ts'
import type { Mutation } from './mutation.ts'

export const properties = {
  'the lock service beside lists': ({ locks }: Mutation) =>
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const pair = new Pair(locks)
      for (const each of steps) pair.do(each)
    }),
  'timers beside a list': ({ plant }: Mutation) =>
    fc.property(alarmSteps, (steps) => {
      const { replicas } = plant({ ...usualNodeSettings, replicas: alarmReplicas })
      runBesideModel(steps, 20, replicas)
    }),
  'sessions beside a list': ({ plant }: Mutation) =>
    fc.property(sessionSteps, (steps) => {
      const { replicas } = plant({ ...usualNodeSettings, replicas: sessionReplicas })
      runSessions(steps, replicas)
    }),
  'a restored replica beside one that executed everything': ({ plant }: Mutation) =>
    fc.property(batches, fc.nat(20), (given, takenAt) => {
      const { replicas } = plant({ ...usualNodeSettings, replicas: captureReplicas })
      runRestored(given, takenAt, replicas)
    }),
  'a capture beside a snapshot': ({ plant }: Mutation) =>
    fc.property(batches, fc.nat(12), slices, (given, beginAt, sizes) => {
      const { replicas } = plant({ ...usualNodeSettings, replicas: captureReplicas })
      runCaptured(given, beginAt, sizes, replicas.initial())
    }),
  'a store beside a model': ({ plant }: Mutation) =>
    fc.property(storeSteps, fc.nat(), (steps, seed) => {
      const { storeParts } = plant({
        ...usualNodeSettings,
        replicas: alarmReplicas,
        storeParts: usualStoreParts,
      })
      runStore(steps, seed, storeParts)
    }),
  'a server that differs halts': ({ plant }: Mutation) => differingServerHalts(plant),
} as const

export type PropertyName = keyof typeof properties
