/** The parts of a stepped node: the machines, the replica and the limits. A test may replace each. */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { NodeId } from '../../machines/batch.ts'
import type { Boot } from '../../machines/boot.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Limits } from '../../machines/limits.ts'
import type { Output } from '../../machines/outputs.ts'
import type { Timing } from '../../machines/timing.ts'
import type { NewLeaseClock } from '../client/lease-clock.ts'
import { type AuditRules, auditRules } from '../core/audit.ts'
import { type ElapsedRules, elapsedRules } from '../core/elapsed.ts'
import { type NodeRules, nodeRules } from '../core/node-rules.ts'
import type { ReplicatedState } from '../core/replicated-state.ts'
import { roleMachines } from '../core/roles.ts'
import type { Step } from '../core/step.ts'
import type { Trust } from '../core/trust.ts'
import type { StoreParts } from '../storage/store-parts.ts'
import { checkedStart, checkedStep } from './checked-step.ts'

/** Creates the replicated state of a node. */
export interface Replicas {
  /** The state before instance 0. */
  initial(): ReplicatedState
  /** Restores the state from the snapshot `bytes`. */
  restore(bytes: Uint8Array): ReplicatedState
}

/** Moves machines: `start` and `step` of src/core/step.ts with checks of their invariants, and possibly with a cache. */
export interface Stepper<Emitted = Output> {
  start(machine: AnyStateMachine, input: unknown): Step<Emitted>
  step(
    machine: AnyStateMachine,
    snapshot: AnyMachineSnapshot,
    event: { readonly type: string },
  ): Step<Emitted>
}

export interface NodeSettings {
  readonly self: NodeId
  readonly incarnation: string
  /** The present boot of the directory; omitted by engines that never copy a directory. */
  readonly boot?: Boot
  /** What was known of the boots of members in the run before; nothing by default. */
  readonly trust?: Trust
  /** Why the node sends nothing, as it had found in an earlier run; `null`, the default, while it takes part. */
  readonly withdrawn?: string | null
  /** True where directories may be copied or put back, so that a server may expose another one; false by default. */
  readonly mayBeCopied?: boolean
  readonly timing: Timing
  readonly limits: Limits
  readonly replicas: Replicas
  readonly machines: Readonly<Record<RoleName, AnyStateMachine>>
  readonly stepper: Stepper
  /** The decisions of the node outside its roles. */
  readonly nodeRules: NodeRules
  /** How a batch gets the time that it adds to the replicated clock. */
  readonly elapsedRules: ElapsedRules
  /** How servers find out that their outcomes differ. */
  readonly auditRules: AuditRules
  /** The parts of the store, in engines that have one; by default the usual ones. */
  readonly storeParts?: StoreParts
  /**
   * The number of instances between two digests of the replicated state; 0 for no digests. The cost of a digest grows with the
   * size of the state.
   */
  readonly digestEvery: number
  /**
   * The number of chosen batches in a page for a server that catches up; 16 by default. `null` when an event delivers the page to
   * the learner, as in the journal of a live server, whose pages are measured in bytes. Then events also deliver the other answers of
   * the disk.
   */
  readonly pageBatches?: number | null
}

/**
 * The parts in which a test may plant a fault: the roles, the replicated state, the decisions of the node, the measurement of time,
 * the store and the clock of leases.
 */
export type FaultyParts = Pick<
  NodeSettings,
  'machines' | 'replicas' | 'nodeRules' | 'elapsedRules' | 'auditRules' | 'storeParts'
> & {
  /** Of clients, in engines that run them with their leases; by default the usual one. */
  readonly leaseClock?: NewLeaseClock
}

/** Plants a fault in the parts of a node, for tests of the tests. */
export type Plant = <S extends FaultyParts>(settings: S) => S

/** The default settings. */
export const usualNodeSettings: Pick<
  NodeSettings,
  'machines' | 'stepper' | 'nodeRules' | 'elapsedRules' | 'auditRules' | 'digestEvery'
> = {
  machines: roleMachines,
  stepper: { start: checkedStart, step: checkedStep },
  nodeRules,
  elapsedRules,
  auditRules,
  digestEvery: 0,
}
