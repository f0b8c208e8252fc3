/** A deliberate fault, which only tests can switch on: the product knows nothing of it. */
import type { AnyStateMachine } from 'xstate'
import type { RoleName } from '../../machines/inbox.ts'
import { type ReplicatedLimits, replicatedLimits } from '../../machines/limits.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { replicasOf } from '../../src/stepped/replicas.ts'
import type { Plant, Replicas } from '../../src/stepped/settings.ts'
import type { LockService } from '../services/lock/lock-driver.ts'
import { contentsIn } from '../support/replica-contents.ts'

export interface Mutation {
  /** The fault, as the table of what catches what has it. */
  readonly name: string
  /** The same cluster with the fault in it. */
  readonly plant: Plant
  /** The lock service with the fault in it, where the fault is in that service. */
  readonly locks?: LockService
}

/** A fault of one role: another guard or action in its chart. */
export function faultyRole(name: string, role: RoleName, machine: AnyStateMachine): Mutation {
  return {
    name,
    plant: (settings) => ({ ...settings, machines: { ...settings.machines, [role]: machine } }),
  }
}

/** A fault of the replicated state. */
export function faultyReplicas(name: string, replicas: (usual: Replicas) => Replicas): Mutation {
  return { name, plant: (settings) => ({ ...settings, replicas: replicas(settings.replicas) }) }
}

/** A fault of the lock service. */
export function faultyLocks(name: string, locks: LockService): Mutation {
  const { plant } = faultyReplicas(name, (usual) => replicasWith(usual, locks as Service))
  return { name, plant, locks }
}

/** Replicas of another service than the usual lock, or with other limits. */
export function replicasWith(
  usual: Replicas,
  service: Service = lockService as Service,
  limits: ReplicatedLimits = replicatedLimits,
): Replicas {
  const { service: name, members, sessions } = contentsIn(usual.initial().snapshot())
  const uids = sessions.map(({ uid }) => uid)
  const ttlsMs = Object.fromEntries(
    sessions.flatMap(({ uid, ttlMs }) => (ttlMs === null ? [] : [[uid, ttlMs]])),
  )
  return name === 'lock' ? replicasOf({ service, members, sessions: uids, ttlsMs, limits }) : usual
}
