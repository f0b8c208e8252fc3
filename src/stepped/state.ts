/** A node as a value, and the events that can happen to it. */
import type { AnyMachineSnapshot } from 'xstate'
import type { Address, NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Member } from '../../machines/members.ts'
import type { Respond } from '../../machines/outputs.ts'
import type { SentMessage } from '../core/driver.ts'
import type { Fact } from '../core/facts.ts'
import type { CoreMemory } from '../core/node-core.ts'
import type { HeardFrom } from '../core/reach.ts'
import { type Disk, emptyDisk } from './disk.ts'
import type { ArmedTimer } from './node.ts'

/** A node between two events. It is immutable, so any number of schedules may continue from it. */
export interface NodeState {
  readonly disk: Disk
  /** `null` while it is down. */
  readonly running: Running | null
}

/** What a crash loses. */
export interface Running {
  /** XState's snapshots. Two snapshots of one role differ only in `value` and `context`, which are plain JSON. */
  readonly roles: Readonly<Record<RoleName, AnyMachineSnapshot>>
  /** In the order in which they were armed, which need not be the order in which they are due. */
  readonly timers: readonly ArmedTimer[]
  readonly replica: ReplicaState
  readonly memory: CoreMemory
  readonly heardFrom: Readonly<Record<NodeId, HeardFrom>>
}

/** The replicated state as data. */
export interface ReplicaState {
  /** The replica's snapshot, as text. */
  readonly snapshot: string
  /** These are copies from the snapshot, so that sending a message does not require parsing it. */
  readonly members: readonly Member[]
  readonly firstUnexecuted: number
  readonly deadlineMs: number | null
  readonly runningDigest: string
}

/** A node that was never started. */
export const neverStarted: NodeState = { disk: emptyDisk, running: null }

/** The result of an event: the next state, and the messages and facts of the node. */
export interface NodeStep {
  readonly state: NodeState
  readonly sends: readonly SentMessage[]
  readonly responses: readonly SentResponse[]
  readonly facts: readonly Fact[]
}

export interface SentResponse {
  readonly to: Address
  readonly message: Respond['message']
}
