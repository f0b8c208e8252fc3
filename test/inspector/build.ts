/** Records of servers, made by hand. */
import {
  type AcceptedRecord,
  type Batch,
  type Instance,
  type Json,
  type NodeId,
  requestsOf,
} from '../../machines/batch.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { type DurableState, nothingDurable } from '../../src/core/durable.ts'
import type { Fact } from '../../src/core/facts.ts'
import { type Invariant, invariantNumbers } from '../../src/core/invariants.ts'
import { roleNames } from '../../src/core/roles.ts'
import type {
  InspectorRecord,
  KeyframeRecord,
  RoleStates,
  StepRecord,
  Verdict,
} from '../../src/inspect/records/record.ts'
import { executed as executedBy, execution } from '../support/facts.ts'

export const ballot = (round: number, node: NodeId) => ({ round, node })

export function batch(...names: readonly string[]): Batch {
  const requests = names.map((name, index) => ({
    seq: index + 1,
    command: { kind: 'service' as const, body: { action: 'lock', name } },
  }))
  return { node: 0, elapsedMs: 0, groups: [{ uid: 'a@0', ackedBelow: 1, heldBy: 0, requests }] }
}

export function accepted(instance: Instance, round: number, name = 'x'): AcceptedRecord {
  return { instance, ballot: ballot(round, 0), batch: batch(name) }
}

export function durable(change: Partial<DurableState> = {}): DurableState {
  return { ...nothingDurable, ...change }
}

/** An acceptor that remembers these as accepted. */
export function acceptor(records: readonly AcceptedRecord[], state = 'listening') {
  return { state, context: { promised: null, accepted: records } as unknown as Json }
}

export function stands(change: Partial<RoleStates> = {}): RoleStates {
  const all = Object.fromEntries(roleNames.map((role) => [role, { state: 'idle', context: {} }]))
  return { ...(all as unknown as RoleStates), ...change }
}

export function step(change: Partial<StepRecord> = {}, node: NodeId = 0, run = 'r1'): InspectorRecord {
  const record: StepRecord = {
    kind: 'step',
    clock: 1,
    timeMs: 1_000,
    cause: { type: 'synced' },
    moves: [],
    facts: [],
    writes: 0,
    roles: {},
    ...change,
  }
  return { kind: 'server', node, incarnation: 'founder', run, record }
}

export function keyframe(
  change: Partial<KeyframeRecord> = {},
  node: NodeId = 0,
  { run = 'r1', incarnation = 'founder' } = {},
): InspectorRecord {
  const record: KeyframeRecord = {
    kind: 'keyframe',
    clock: 1,
    timeMs: 1_000,
    address: `127.0.0.1:${node}`,
    pid: 40 + node,
    members: [],
    durable: durable(),
    firstUnexecuted: 0,
    roles: stands(),
    ...change,
  }
  return { kind: 'server', node, incarnation, run, record }
}

export function executed(instance: Instance, chosen: Batch, kind: Outcome['kind'] = 'executed'): Fact {
  const outcomes = requestsOf(chosen).map(({ uid, seq }, index) => ({
    uid,
    seq,
    outcome: { kind, instance, index, result: null, error: 'no', reason: 'stale' } as unknown as Outcome,
  }))
  return executedBy(0, chosen, execution(instance, outcomes))
}

export function process(
  state: Extract<InspectorRecord, { kind: 'process' }>['state'],
  reason: string | null = null,
  node: NodeId = 0,
): InspectorRecord {
  return { kind: 'process', node, timeMs: 2_000, state, reason }
}

export function verdict(...broken: readonly Invariant[]): Verdict {
  return {
    kind: 'verdict',
    timeMs: 3_000,
    invariants: invariantNumbers.map((invariant) => ({
      invariant,
      standing: broken.includes(invariant) ? 'broken' : 'holds',
      text: 'as it is',
    })),
  }
}
