/**
 * The records that the inspector receives: from the servers of a live cluster over a WebSocket, or from a schedule that runs in
 * the page. The page shows these records and nothing else, so it shows a live cluster, a file and the playground in the same way.
 *
 * One event at a server is one record. It holds the event, the transitions of the roles in order, what they sent, persisted and
 * executed, and their states afterwards.
 */
import type { Ballot } from '../../../machines/ballot.ts'
import type { Address, Instance, Json, NodeId } from '../../../machines/batch.ts'
import type { RoleName } from '../../../machines/inbox.ts'
import type { Member } from '../../../machines/members.ts'
import type { ClientAsk, ClientMessage, NodeMessage, ServerMessage } from '../../../machines/messages.ts'
import type { DurableState } from '../../core/durable.ts'
import type { Fact } from '../../core/facts.ts'
import type { Invariant } from '../../core/invariants.ts'
import type { ReplicaView } from '../../services/replica-view.ts'
import type { ServiceView } from '../../services/service.ts'
import type { FaultRule } from './control.ts'
import type { Milestone } from './milestones.ts'

/** A run of a server: from its start to its end. */
export interface RunName {
  readonly node: NodeId
  readonly incarnation: string
  /** Differs from start to start. */
  readonly run: string
}

/** The state and the context of a role, or of the machine that carries a session. */
export interface MachineState {
  /** As `stateName` of src/core/chart-names.ts writes it: `accepting.helping`. */
  readonly state: string
  /** The context, as `truncated` of src/inspect/records/truncated.ts leaves it. */
  readonly context: Json
}

export type RoleStates = Readonly<Record<RoleName, MachineState>>

/** A transition that was taken. An event that changes nothing is a move without edges. */
export interface RoleMove {
  readonly role: RoleName
  /** The type of the event that caused it: a message, or an event from another role. */
  readonly event: string
  /** Ids of src/core/chart-edges.ts. The guards of the alternatives with a lower index were false. */
  readonly edges: readonly string[]
  /** The state after it. */
  readonly state: string
}

/** What happened at a server. */
export type Cause =
  | { readonly type: 'start' }
  /** A message of another server arrived. */
  | { readonly type: 'hear'; readonly sender: NodeId; readonly message: NodeMessage }
  /** A client's request arrived, from `replyTo`. */
  | { readonly type: 'request'; readonly message: ClientAsk; readonly replyTo: Address }
  | { readonly type: 'timer'; readonly role: RoleName; readonly id: string }
  /** A sync succeeded. */
  | { readonly type: 'synced' }
  /** Another part of the server sent an event to a role. */
  | { readonly type: 'tell'; readonly role: RoleName; readonly event: string }

/** A sender or receiver of a message: a server, or a client by its name or address. */
export type PartyName = NodeId | string

/** What a server reports about itself. */
export type ServerRecord =
  | StepRecord
  | KeyframeRecord
  | HeadsRecord
  | FateRecord
  | ServiceRecord
  | {
      readonly kind: 'ended'
      readonly clock: number
      readonly timeMs: number
      readonly reason: string | null
    }

/** Something happened to the server. */
export interface StepRecord {
  readonly kind: 'step'
  /** The Lamport clock. */
  readonly clock: number
  /** Milliseconds since 1970 by the server's clock; in a schedule, virtual milliseconds. */
  readonly timeMs: number
  readonly cause: Cause
  readonly moves: readonly RoleMove[]
  /** What was sent, synced, executed and answered, in order: the facts by which invariants are judged. */
  readonly facts: readonly Fact[]
  /** The number of writes that are not synced yet. */
  readonly writes: number
  /** The roles that changed. */
  readonly roles: Partial<RoleStates>
}

/** The whole state of the server: its first record, and the first after records that were left out. */
export interface KeyframeRecord {
  readonly kind: 'keyframe'
  readonly clock: number
  readonly timeMs: number
  readonly address: Address
  /** `null` when there is no process. */
  readonly pid: number | null
  readonly members: readonly Member[]
  readonly durable: DurableState
  /** The server executed every instance below this one. */
  readonly firstUnexecuted: Instance
  readonly roles: RoleStates
}

/**
 * How far the server is, reported while records are left out. This record is small, so the server sends it however much else
 * waits. The server sends it at multiples of a fixed time by its clock, so that the heads of several servers show the same
 * moment.
 */
export interface HeadsRecord {
  readonly kind: 'heads'
  readonly clock: number
  readonly timeMs: number
  /** The highest ballot that the acceptor promised, in memory. */
  readonly promised: Ballot | null
  /** `false`: the write of that promise is in progress, and the server has not sent the promise. */
  readonly isPromisedSynced: boolean
  /** The learner knows the chosen batch of every instance below this one. */
  readonly firstUnchosen: Instance
  /** The replica executed every instance below this one. */
  readonly firstUnexecuted: Instance
  /** The number of records that were left out since the last record of another kind. */
  readonly leftOut: number
}

/** What happened to a message on its way: an injected fault, a cut link, or no receiver. */
export interface FateRecord {
  readonly kind: 'fate'
  readonly clock: number
  readonly timeMs: number
  readonly from: PartyName
  readonly to: PartyName
  readonly message: NodeMessage | ClientMessage | ServerMessage
  readonly fate: 'dropped' | 'delayed' | 'duplicated'
  /** The reason, in a few words for the reader. */
  readonly reason: string
}

/** The view of the replicated state, after an execution. Not every execution is followed by this record. */
export interface ServiceRecord {
  readonly kind: 'service'
  readonly clock: number
  readonly timeMs: number
  readonly firstUnexecuted: Instance
  /** The service's own view of its state. */
  readonly view: ServiceView
  /** The state around the service. */
  readonly replica: ReplicaView
}

/** What the inspector keeps and shows, in an order in which it can have happened. */
export type InspectorRecord =
  /** Precedes all records of servers, and is repeated when the rules change. */
  | {
      readonly kind: 'cluster'
      readonly cluster: string
      readonly service: string
      readonly founders: readonly Member[]
      /** The page can inject faults. */
      readonly allowsFaults: boolean
      /** The rules for messages from now on; none when left out. */
      readonly rules?: readonly FaultRule[]
    }
  | (RunName & { readonly kind: 'server'; readonly record: ServerRecord })
  /** A server left out records, because it had more to do. The next record of it follows a gap. */
  | (RunName & { readonly kind: 'gap'; readonly count: number })
  /** What the hub observes of a server from outside. */
  | {
      readonly kind: 'process'
      readonly node: NodeId
      readonly timeMs: number
      /** `silent`: the server runs, and reports nothing. */
      readonly state: 'up' | 'gone' | 'paused' | 'resumed' | 'silent'
      readonly reason: string | null
    }
  /** All links that are cut from now on. Sent when they change, where cuts are not rules. */
  | LinksRecord
  | RepeatsRecord
  /** The milestones of the time whose records were evicted: before the first record that is kept. */
  | { readonly kind: 'milestones'; readonly milestones: readonly Milestone[] }
  /** A client's machine took a transition. Only the inspector's own clients are observed. */
  | ClientRecord
  | Verdict

/**
 * Steps that repeat earlier ones are left out, when after each round all roles are in the state from before it. Example: the
 * answers to a client that waits.
 */
export interface RepeatsRecord {
  readonly kind: 'repeats'
  /** The time of the last of them. */
  readonly timeMs: number
  /** The time of the first of them. */
  readonly sinceMs: number
  readonly count: number
}

export interface LinksRecord {
  readonly kind: 'links'
  readonly timeMs: number
  readonly cut: readonly CutLink[]
}

/** Messages from `from` to `to` are lost. */
export interface CutLink {
  readonly from: PartyName
  readonly to: PartyName
}

export interface ClientRecord {
  readonly kind: 'client'
  readonly client: string
  /** The session that the machine carries. */
  readonly uid: string
  readonly timeMs: number
  /** The message that the client received; `null` when a timer fired or its program made a call. */
  readonly heard: { readonly from: NodeId; readonly message: ServerMessage } | null
  /** The type of the event. */
  readonly event: string
  readonly moves: readonly Omit<RoleMove, 'role'>[]
  readonly said: readonly { readonly to: NodeId; readonly message: ClientMessage }[]
  readonly machine: MachineState
}

/** The standings of the invariants. Sent when they change. */
export interface Verdict {
  readonly kind: 'verdict'
  readonly timeMs: number
  readonly invariants: readonly InvariantStanding[]
  /** Another reason why the run ended: an assertion that failed, or answers that no order of execution explains. */
  readonly failure?: string
}

export interface InvariantStanding {
  readonly invariant: Invariant
  /** `unjudged`: records are missing, or only an engine can judge it. */
  readonly standing: 'holds' | 'broken' | 'unjudged'
  /** What was wrong; or why it is not judged, or by what it was judged. */
  readonly text: string
  /** Since when it is judged. Left out when it is judged from the beginning, or not judged. */
  readonly since?: { readonly instance: Instance; readonly timeMs: number }
}
