/** Faults in what the replica makes of a service, and of the bounds of what it keeps. */
import type { Json } from '../../machines/batch.ts'
import { type ReplicatedLimits, replicatedLimits } from '../../machines/limits.ts'
import type { ReplicatedState } from '../../src/core/replicated-state.ts'
import { type LockCommand, type LockState, lockService } from '../../src/services/lock.ts'
import type { Changed, Service } from '../../src/services/service.ts'
import type { Replicas } from '../../src/stepped/settings.ts'
import { faultyReplicas, type Mutation, replicasWith } from './mutation.ts'
import { Passing } from './replica-faults.ts'

/** The lock service, but that every third instance grants no lock: it makes the state with the lock in it, and throws. */
interface Clumsy {
  readonly locks: LockState
}

function clumsyLock(onThrow: (before: Clumsy, after: Clumsy) => void = () => undefined): Service {
  const locks = lockService as Service<LockState, Json>
  return {
    ...locks,
    initial: () => ({ locks: locks.initial() }),
    execute(state, command, at) {
      const before = state as Clumsy
      const answer = locks.execute(before.locks, command as Json, at)
      const after = answer.state === before.locks ? before : { locks: answer.state }
      if ((command as unknown as LockCommand).action === 'lock' && at.instance % 3 === 2) {
        onThrow(before, after)
        throw new Error('not now')
      }
      return { ...answer, state: after }
    },
    timerFired: (state, name, at) => within(state, (inner) => locks.timerFired?.(inner, name, at)),
    requestEnded: (state, request, at) => within(state, (inner) => locks.requestEnded?.(inner, request, at)),
    sessionEnded: (state, uid, at) => within(state, (inner) => locks.sessionEnded?.(inner, uid, at)),
    holds: (state, uid) => locks.holds?.((state as Clumsy).locks, uid) ?? false,
    sizeBytes: (state) => locks.sizeBytes?.((state as Clumsy).locks) ?? 0,
    stillHolds: (state, command, result) =>
      locks.stillHolds?.((state as Clumsy).locks, command as Json, result) ?? true,
    snapshot: (state) => locks.snapshot((state as Clumsy).locks),
    restore: (bytes) => ({ locks: locks.restore(bytes) }),
    view: (state) => locks.view?.((state as Clumsy).locks) ?? { tables: [] },
  }
}

/** A change that the lock service makes of the locks within the state. */
function within(
  state: unknown,
  change: (locks: LockState) => Changed<LockState> | undefined,
): Changed<Clumsy> {
  const changed = change((state as Clumsy).locks)
  if (changed === undefined) throw new Error('the lock service has no such method')
  return { ...changed, state: { locks: changed.state } }
}

/** The same with a replica that keeps what was made before it threw. */
function keptClumsyLock(): Service {
  const kept = new WeakMap<Clumsy, Clumsy>()
  const inner = clumsyLock((before, after) => kept.set(before, after))
  const keptOf = (state: unknown): unknown => {
    const next = kept.get(state as Clumsy)
    return next === undefined || next === state ? state : keptOf(next)
  }
  return {
    ...inner,
    execute: (state, command, at) => inner.execute(keptOf(state), command, at),
    snapshot: (state) => inner.snapshot(keptOf(state)),
  }
}

/** Of the result of a lock that is taken at every third instance it makes what JSON cannot carry; the next try may succeed. */
function oddLock(): Service {
  return {
    ...(lockService as Service),
    execute(state, command, at) {
      const answer = (lockService as Service).execute(state, command, at)
      const isOdd = (command as unknown as LockCommand).action === 'lock' && at.instance % 3 === 2
      if (answer.kind === 'delayed' || !isOdd) return answer
      return { ...answer, result: { ...Object(answer.result), at: undefined as unknown as Json } }
    },
  }
}

/** Some of the servers have `these`, others `those`. */
function mixed(these: Replicas, those: Replicas): Replicas {
  let made = 0
  const next = () => {
    made += 1
    return made % 2 === 0 ? these : those
  }
  return { initial: () => next().initial(), restore: (bytes) => next().restore(bytes) }
}

/** So few that results are forgotten while their clients may still ask. */
export const fewResults: ReplicatedLimits = { ...replicatedLimits, sessionResults: 2 }

const lock = lockService as Service

/** Executes what it has forgotten as if it had never been. */
class ForgetsThatItForgot extends Passing {
  override execute(...batch: Parameters<ReplicatedState['execute']>) {
    this.rewrite({ sessions: this.contents.sessions.map((session) => ({ ...session, forgottenBelow: 0 })) })
    return this.inner.execute(...batch)
  }
}

/** What a cluster without these faults does with the same services and limits. */
export const soundReplicas: readonly Mutation[] = [
  faultyReplicas('a service that throws', (usual) => replicasWith(usual, clumsyLock())),
  faultyReplicas('a service whose results cannot be kept', (usual) => replicasWith(usual, oddLock())),
  faultyReplicas('few results', (usual) => replicasWith(usual, lock, fewResults)),
]

/** Clients that are turned away come back again and again, so a cluster with them does not come to rest while a lock is held. */
export const littleRoom = faultyReplicas('room for one that waits', (usual) =>
  replicasWith(usual, lock, { ...replicatedLimits, waiting: 1, sessionWaiting: 1 }),
)

export const serviceFaults: readonly Mutation[] = [
  faultyReplicas('keeps the state of a service that threw', (usual) => replicasWith(usual, keptClumsyLock())),
  faultyReplicas('checks results on some servers only', (usual) =>
    mixed(replicasWith(usual, oddLock()), usual),
  ),
  faultyReplicas('keeps fewer sessions on some servers', (usual) =>
    mixed(replicasWith(usual, lock, { ...replicatedLimits, sessions: 1 }), usual),
  ),
  faultyReplicas('forgets results on some servers only', (usual) =>
    mixed(replicasWith(usual, lock, fewResults), usual),
  ),
  faultyReplicas('executes again what it has forgotten', (usual) => {
    const replicas = replicasWith(usual, lock, { ...replicatedLimits, resultBytes: 1 })
    return {
      initial: () => new ForgetsThatItForgot(replicas, replicas.initial()),
      restore: (bytes) => new ForgetsThatItForgot(replicas, replicas.restore(bytes)),
    }
  }),
]
