/** What the servers of a schedule would tell the inspector, with as many records missing as a test wants. */
import type { NodeId } from '../../machines/batch.ts'
import { roleNames } from '../../src/core/roles.ts'
import { machineStateOf } from '../../src/inspect/records/machine-state.ts'
import type {
  Cause,
  InspectorRecord,
  KeyframeRecord,
  RoleStates,
  RunName,
  ServerRecord,
  StepRecord,
} from '../../src/inspect/records/record.ts'
import type { ClusterSettings, ClusterState } from '../../src/schedule/cluster.ts'
import type { ClusterEvent, ClusterStep } from '../../src/schedule/events.ts'

/** Something that happened to a server, and where it was after it. */
export type Told =
  | {
      readonly kind: 'step'
      readonly node: NodeId
      readonly run: string
      readonly incarnation: string
      readonly step: StepRecord
      readonly keyframe: KeyframeRecord
    }
  | {
      readonly kind: 'gone'
      readonly node: NodeId
      readonly name: RunName
      readonly ended: ServerRecord
    }

/** Give it each event of a schedule, and it holds what the servers have to tell. */
export class ScheduleTeller {
  readonly told: Told[] = []

  /** `event` is `null` for the founding. */
  watch(event: ClusterEvent | null, before: ClusterState, { state, facts }: ClusterStep): void {
    for (const { id } of state.servers) {
      const own = facts.filter((fact) => 'node' in fact && fact.node === id)
      const isConcerned = event === null ? true : serverOf(event, before) === id
      if (!isConcerned) continue
      const run = runOf(state, id)
      if (own.some(({ type }) => type === 'crashed')) {
        const incarnation = before.servers[id]?.incarnation ?? ''
        this.told.push({
          kind: 'gone',
          node: id,
          name: { node: id, incarnation, run: runOf(before, id) },
          ended: { kind: 'ended', clock: this.told.length, timeMs: state.nowMs, reason: null },
        })
        continue
      }
      const keyframe = surveyOf(state, id, this.told.length)
      if (keyframe === null) continue
      const cause: Cause = event === null ? { type: 'start' } : causeOf(event, before)
      const step: StepRecord = {
        kind: 'step',
        clock: this.told.length,
        timeMs: state.nowMs,
        cause,
        moves: [],
        facts: own,
        writes: 0,
        roles: {},
      }
      const incarnation = state.servers[id]?.incarnation ?? ''
      this.told.push({ kind: 'step', node: id, run, incarnation, step, keyframe })
    }
  }
}

export function clusterRecord({ founders }: ClusterSettings): InspectorRecord {
  return { kind: 'cluster', cluster: 'test', service: 'lock', founders, allowsFaults: false }
}

/**
 * The records, without those that `isLost` names by their place in `told`: of a server that is gone, it says whether that is
 * seen from outside only.
 */
export function recordsOf(told: readonly Told[], isLost: (place: number) => boolean): InspectorRecord[] {
  const missing = new Map<NodeId, { run: string; count: number }>()
  return told.flatMap((one, place): InspectorRecord[] => {
    const { node } = one
    if (one.kind === 'gone') {
      missing.delete(node)
      if (!isLost(place)) return [{ kind: 'server', ...one.name, record: one.ended }]
      return [{ kind: 'process', node, timeMs: 0, state: 'gone', reason: null }]
    }
    const { run, incarnation, step, keyframe } = one
    if (isLost(place)) {
      const before = missing.get(node)
      missing.set(node, { run, count: (before?.run === run ? before.count : 0) + 1 })
      return []
    }
    const name = { node, run, incarnation }
    const gap = missing.get(node)
    missing.delete(node)
    if (gap === undefined) return [{ kind: 'server', ...name, record: step }]
    return [
      { kind: 'gap', ...name, count: gap.count },
      // As a server does: where it is before what it tells, and nothing of what it did meanwhile.
      { kind: 'server', ...name, record: { ...keyframe, clock: step.clock } },
    ]
  })
}

function runOf({ servers }: ClusterState, id: NodeId): string {
  return `${id}-${servers[id]?.starts}`
}

function serverOf(event: ClusterEvent, before: ClusterState): NodeId | null {
  switch (event.type) {
    case 'deliver': {
      const to = before.flying.find(({ id }) => id === event.flight)?.to
      return typeof to === 'number' ? to : null
    }
    case 'sync':
    case 'sync.failed':
    case 'timer':
    case 'crash':
    case 'restart':
    case 'join':
    case 'greet':
      return event.server
    default:
      return null
  }
}

function causeOf(event: ClusterEvent, before: ClusterState): Cause {
  switch (event.type) {
    case 'deliver': {
      const flight = before.flying.find(({ id }) => id === event.flight)
      if (flight === undefined) throw new Error('nothing flies')
      const { from, message } = flight
      return typeof from === 'number'
        ? { type: 'hear', sender: from, message: message as never }
        : { type: 'request', message: message as never, replyTo: from }
    }
    case 'timer':
      return { type: 'timer', role: event.role, id: event.id }
    case 'sync':
      return { type: 'synced' }
    case 'greet':
      return { type: 'tell', role: 'learner', event: 'behind.noticed' }
    default:
      return { type: 'start' }
  }
}

function surveyOf(state: ClusterState, id: NodeId, clock: number): KeyframeRecord | null {
  const { running, disk } = state.servers[id]?.node ?? { running: null, disk: null }
  if (running === null || disk === null) return null
  const stands = roleNames.map((role) => [role, machineStateOf(role, running.roles[role])] as const)
  return {
    kind: 'keyframe',
    clock,
    timeMs: state.nowMs,
    address: `server-${id}`,
    pid: null,
    members: running.replica.members,
    durable: disk.durable,
    firstUnexecuted: running.replica.firstUnexecuted,
    roles: Object.fromEntries(stands) as unknown as RoleStates,
  }
}
