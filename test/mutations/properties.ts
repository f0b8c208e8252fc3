/** The property tests that a fault is put before: each runs a replica, a service or a store beside a simple model. */
import fc from 'fast-check'
import { nextBoot, nothingVoted } from '../../machines/boot.ts'
import { usualNodeSettings } from '../../src/stepped/settings.ts'
import { type StoreParts, usualStoreParts } from '../../src/storage/store-parts.ts'
import { alarmReplicas, alarmSteps, runBesideModel } from '../services/alarms.ts'
import { batches, captureReplicas, runCaptured, runRestored, slices } from '../services/capture-runs.ts'
import { Pair, step } from '../services/lock/pair.ts'
import { runSessions, sessionReplicas, sessionSteps } from '../services/session-model.ts'
import { receivedSteps, runReceived } from '../storage/received-model.ts'
import { runStore, storeSteps } from '../storage/store-model.ts'
import { differingServerHalts } from '../support/differing-server-halts.ts'
import { noAnswerFromOneInDoubt, noVoteForOneThatDiffers } from '../support/no-answer-from-a-difference.ts'
import { members } from '../support/role.ts'
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
  'a store beside a model': (mutation: Mutation) =>
    fc.property(storeSteps, fc.nat(), (steps, seed) => runStore(steps, seed, storePartsOf(mutation))),
  'a received snapshot beside its bytes': (mutation: Mutation) =>
    fc.property(receivedSteps, fc.nat(), (steps, seed) => runReceived(steps, seed, storePartsOf(mutation))),
  'a server that differs halts': ({ plant }: Mutation) => differingServerHalts(plant),
  'a copy is exposed': ({ plant }: Mutation) =>
    fc.property(fc.integer({ min: 1, max: 9 }), (below) => {
      const { nodeRules } = plant({ ...usualNodeSettings, replicas: alarmReplicas })
      const sender = { node: 1, incarnation: 'founder-1' }
      const first = { ...nextBoot(null, 'first'), voted: nothingVoted }
      const second = { ...nextBoot(first, 'second'), voted: nothingVoted }
      const vote = { ballot: { round: 1, node: 0 }, below }
      const { trust } = nodeRules.heardBoot([], { ...sender, boot: first, voted: vote }, members(3))
      const { verdict } = nodeRules.heardBoot(
        trust,
        { ...sender, boot: second, voted: nothingVoted },
        members(3),
      )
      return verdict === 'exposed'
    }),
  'no vote for a server that differs': ({ plant }: Mutation) =>
    fc.property(fc.constant(null), () => noVoteForOneThatDiffers(plant)),
  'no answer from a server in doubt': ({ plant }: Mutation) =>
    fc.property(fc.constant(null), () => noAnswerFromOneInDoubt(plant)),
} as const

export type PropertyName = keyof typeof properties

function storePartsOf({ plant }: Mutation): StoreParts {
  return plant({ ...usualNodeSettings, replicas: alarmReplicas, storeParts: usualStoreParts }).storeParts
}
