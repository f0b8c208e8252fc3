/** What a stepped node is made of: the machines, the replica and the bounds, each of which a test may replace. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Limits } from '../../machines/limits.ts'
import type { Output } from '../../machines/outputs.ts'
import type { Timing } from '../../machines/timing.ts'
import { type ElapsedRules, elapsedRules } from '../core/elapsed.ts'
import { type NodeRules, nodeRules } from '../core/node-rules.ts'
import type { ReplicatedState } from '../core/replicated-state.ts'
import { roleMachines } from '../core/roles.ts'
import type { Step } from '../core/step.ts'
import { checkedStart, checkedStep } from './checked-step.ts'

/** Makes the replicated state of a node. */
export interface Replicas {
  /** As it is before instance 0. */
  initial(): ReplicatedState
  /** The one of which `bytes` are the snapshot. */
  restore(bytes: Uint8Array): ReplicatedState
}

/** How machines are moved: `start` and `step` of src/core/step.ts, with the checks of their invariants, and maybe with a memory. */
export interface Stepper<Said = Output> {
  start(machine: AnyStateMachine, input: unknown): Step<Said>
  step(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: { readonly type: string }): Step<Said>
}

export interface NodeSettings {
  readonly self: NodeId
  readonly incarnation: string
  readonly timing: Timing
  readonly limits: Limits
  readonly replicas: Replicas
  readonly machines: Readonly<Record<RoleName, AnyStateMachine>>
  readonly stepper: Stepper
  /** The decisions that the node makes beside its roles. */
  readonly nodeRules: NodeRules
  /** How the time that a batch brings is measured. */
  readonly elapsedRules: ElapsedRules
  /** A digest of the replicated state is reported after each so many instances; 0 for never, since it costs its size. */
  readonly digestEvery: number
  /**
   * Chosen batches that are read at once for a server that catches up, 16 by default; `null` when the learner is told of what was read by
   * an event, as in the recording of a live server, whose pages are measured in bytes.
   */
  readonly pageBatches?: number | null
}

/** What a test may plant a fault in: the roles, the replicated state, the decisions of the node and the measure of time. */
export type FaultyParts = Pick<NodeSettings, 'machines' | 'replicas' | 'nodeRules' | 'elapsedRules'>

/** Makes of a node's parts those with a fault in them: for tests of the tests. */
export type Plant = <S extends FaultyParts>(settings: S) => S

/** The settings that hold unless a test wants others. */
export const usualNodeSettings: Pick<
  NodeSettings,
  'machines' | 'stepper' | 'nodeRules' | 'elapsedRules' | 'digestEvery'
> = {
  machines: roleMachines,
  stepper: { start: checkedStart, step: checkedStep },
  nodeRules,
  elapsedRules,
  digestEvery: 0,
}
