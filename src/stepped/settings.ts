/** What a stepped node is made of: the machines, the replica and the bounds, each of which a test may replace. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { Batch, Instance, NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Limits } from '../../machines/limits.ts'
import type { Member } from '../../machines/members.ts'
import type { RequestMessage } from '../../machines/messages.ts'
import type { Execution, Full, Outcome } from '../../machines/outcome.ts'
import type { Output } from '../../machines/outputs.ts'
import type { Timing } from '../../machines/timing.ts'
import { type ElapsedRules, elapsedRules } from '../core/elapsed.ts'
import { roleMachines } from '../core/roles.ts'
import { type Step, start } from '../core/step.ts'
import { checkedStep } from './checked-step.ts'

/** The replicated state of a node, as a stepped node uses it: `Replica` of src/services/replica.ts is one. */
export interface ReplicatedState {
  readonly members: readonly Member[]
  readonly firstUnexecuted: Instance
  /** The replicated clock. */
  readonly clockMs: number
  /** The servers at which a delayed request waits. */
  readonly waitingNodes: readonly NodeId[]
  execute(instance: Instance, batch: Batch): Execution
  recall(uid: string, seq: number, command?: RequestMessage['command']): Outcome | Full | null
  /** The same bytes for the same state. */
  snapshot(): Uint8Array
  digest(): string
}

/** Makes the replicated state of a node. */
export interface Replicas {
  /** As it is before instance 0. */
  initial(): ReplicatedState
  /** The one of which `bytes` are the snapshot. */
  restore(bytes: Uint8Array): ReplicatedState
}

/** How roles are moved: `start` and `step` of src/core/step.ts, or the same with a memory. */
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

/** What a test may plant a fault in: the roles, the replicated state and the measure of time. */
export type FaultyParts = Pick<NodeSettings, 'machines' | 'replicas' | 'elapsedRules'>

/** Makes of a node's parts those with a fault in them: for tests of the tests. */
export type Plant = <S extends FaultyParts>(settings: S) => S

/** The settings that hold unless a test wants others. */
export const usualNodeSettings: Pick<NodeSettings, 'machines' | 'stepper' | 'elapsedRules' | 'digestEvery'> =
  {
    machines: roleMachines,
    stepper: { start, step: checkedStep },
    elapsedRules,
    digestEvery: 0,
  }
