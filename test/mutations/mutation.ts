/** A deliberate fault, which only tests can switch on: the product knows nothing of it. */
import type { AnyStateMachine } from 'xstate'
import type { RoleName } from '../../machines/inbox.ts'
import type { Plant, Replicas } from '../../src/stepped/settings.ts'

export interface Mutation {
  /** The fault, as the table of what catches what has it. */
  readonly name: string
  /** The same cluster with the fault in it. */
  readonly plant: Plant
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
