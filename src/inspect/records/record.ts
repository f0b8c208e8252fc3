/**
 * What the inspector is told: by the servers of a live cluster, over a WebSocket, or by a schedule that runs in the page. The
 * page is made of these and of nothing else, so that what it shows of a live cluster, of a file and of the playground is one.
 *
 * An event at a server is one record: what happened, the transitions that its roles took, in order, what they said and stored
 * and executed, and where they are after it.
 */
import type { Ballot } from '../../../machines/ballot.ts'
import type { Address, Instance, Json, NodeId } from '../../../machines/batch.ts'
import type { RoleName } from '../../../machines/inbox.ts'
import type { Member } from '../../../machines/members.ts'
import type { ClientMessage, NodeMessage, RequestMessage, ServerMessage } from '../../../machines/messages.ts'
import type { DurableState } from '../../core/durable.ts'
import type { Fact } from '../../core/facts.ts'
import type { Invariant } from '../../core/invariants.ts'
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

/** Which state a role, or the machine that carries a request, is in, and what it remembers. */
export interface MachineState {
  /** As `stateName` of src/core/chart-names.ts writes it: `accepting.helping`. */
  readonly state: string
  /** The context, as `truncated` of src/inspect/records/truncated.ts leaves it. */
  readonly context: Json
}

export type RoleStates = Readonly<Record<RoleName, MachineState>>

/** A transition that was taken; what is heard and changes nothing is a move without edges. */
export interface RoleMove {
  readonly role: RoleName
  /** The type of the event that it was taken on: a message, or what another role told it. */
  readonly event: string
  /** Ids of src/core/chart-edges.ts. Alternatives with a lower index did not hold. */
  readonly edges: readonly string[]
  /** The state after it. */
  readonly state: string
}

/** What happened to a server. */
export type Cause =
  | { readonly type: 'start' }
  /** A server's message arrived. */
  | { readonly type: 'hear'; readonly sender: NodeId; readonly message: NodeMessage }
  /** A client's request arrived, from `replyTo`. */
  | { readonly type: 'request'; readonly message: RequestMessage; readonly replyTo: Address }
  | { readonly type: 'timer'; readonly role: RoleName; readonly id: string }
  /** A sync ended well. */
  | { readonly type: 'synced' }
  /** Another part of the server told a role something. */
  | { readonly type: 'tell'; readonly role: RoleName; readonly event: string }

/** Somebody at an end of a message: a server, or a client by its name or address. */
export type PartyName = NodeId | string

/** What a server tells of itself. */
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
  /** Lamport's. */
  readonly clock: number
  /** Milliseconds since 1970, by the server's clock; of a schedule, virtual. */
  readonly timeMs: number
  readonly cause: Cause
  readonly moves: readonly RoleMove[]
  /** What was said, synced, executed and answered, in order: the same facts by which invariants are judged. */
  readonly facts: readonly Fact[]
  /** What was given to the disk, and is not synced yet. */
  readonly writes: number
  /** The roles that changed. */
  readonly roles: Partial<RoleStates>
}

/** Where the server stands: its first record, and the first after records that were left out. */
export interface KeyframeRecord {
  readonly kind: 'keyframe'
  readonly clock: number
  readonly timeMs: number
  readonly address: Address
  /** `null` where there is no process. */
  readonly pid: number | null
  readonly members: readonly Member[]
  readonly durable: DurableState
  /** Everything below is executed. */
  readonly firstUnexecuted: Instance
  readonly roles: RoleStates
}

/**
 * How far the server is, reported while records are left out: it is small, so it is sent whatever else there is to send. It is
 * sent at multiples of a fixed time by the clock, so that the heads of several servers are of the same moment.
 */
export interface HeadsRecord {
  readonly kind: 'heads'
  readonly clock: number
  readonly timeMs: number
  /** The highest ballot that the acceptor promised, in memory. */
  readonly promised: Ballot | null
  /** `false`: a write of that promise is under way, and nobody has received it. */
  readonly isPromisedSynced: boolean
  /** The learner knows what was chosen in every instance below. */
  readonly firstUnchosen: Instance
  /** The replica executed every instance below. */
  readonly firstUnexecuted: Instance
  /** Records that were left out since the last one that is not of this kind. */
  readonly leftOut: number
}

/** A message met with something on its way: a fault that was asked for, a cut, nobody there. */
export interface FateRecord {
  readonly kind: 'fate'
  readonly clock: number
  readonly timeMs: number
  readonly from: PartyName
  readonly to: PartyName
  readonly message: NodeMessage | ClientMessage | ServerMessage
  readonly fate: 'dropped' | 'delayed' | 'duplicated'
  /** Why, in a few words for the reader. */
  readonly reason: string
}

/** What the service shows of its state, after it executed something; not after every time. */
export interface ServiceRecord {
  readonly kind: 'service'
  readonly clock: number
  readonly timeMs: number
  readonly firstUnexecuted: Instance
  readonly view: ServiceView
}

/** What the inspector keeps and shows, in the order in which it can have happened. */
export type InspectorRecord =
  /** Before all that servers tell; again when the rules change. */
  | {
      readonly kind: 'cluster'
      readonly cluster: string
      readonly service: string
      readonly founders: readonly Member[]
      /** Faults can be asked for. */
      readonly allowsFaults: boolean
      /** What is done to messages from now on; nothing where it is left out. */
      readonly rules?: readonly FaultRule[]
    }
  | (RunName & { readonly kind: 'server'; readonly record: ServerRecord })
  /** Records of a server that were left out, since it had more to do: what comes next is after a gap. */
  | (RunName & { readonly kind: 'gap'; readonly count: number })
  /** What is seen of a server from outside. */
  | {
      readonly kind: 'process'
      readonly node: NodeId
      readonly timeMs: number
      /** `silent`: it runs, and does not tell what happens. */
      readonly state: 'up' | 'gone' | 'paused' | 'resumed' | 'silent'
      readonly reason: string | null
    }
  /** Which links are cut from now on, all of them: said when it changes, where cuts are no rules. */
  | LinksRecord
  | RepeatsRecord
  /** What is kept of a time of which the rest is forgotten: before the first record that is kept. */
  | { readonly kind: 'milestones'; readonly milestones: readonly Milestone[] }
  /** A client's machine moved. Only clients of the inspector's own are seen. */
  | ClientRecord
  | Verdict

/**
 * Steps that were taken before, in rounds after which all stood where they had stood, are left out: as those by which a client
 * that waits is answered that it waits.
 */
export interface RepeatsRecord {
  readonly kind: 'repeats'
  /** Of the last of them. */
  readonly timeMs: number
  /** Of the first of them. */
  readonly sinceMs: number
  readonly count: number
}

export interface LinksRecord {
  readonly kind: 'links'
  readonly timeMs: number
  readonly cut: readonly CutLink[]
}

/** What `from` says does not come to `to`. */
export interface CutLink {
  readonly from: PartyName
  readonly to: PartyName
}

export interface ClientRecord {
  readonly kind: 'client'
  readonly client: string
  readonly seq: number
  readonly timeMs: number
  /** What it heard; `null` when a timer fired or its program asked for something. */
  readonly heard: { readonly from: NodeId; readonly message: ServerMessage } | null
  /** The type of the event. */
  readonly event: string
  readonly moves: readonly Omit<RoleMove, 'role'>[]
  readonly said: readonly { readonly to: NodeId; readonly message: ClientMessage }[]
  readonly machine: MachineState
}

/** How invariants stand: said when it changes. */
export interface Verdict {
  readonly kind: 'verdict'
  readonly timeMs: number
  readonly invariants: readonly InvariantStanding[]
  /** What else ended the run: an assertion that did not hold, or answers that no order of execution explains. */
  readonly failure?: string
}

export interface InvariantStanding {
  readonly invariant: Invariant
  /** `unjudged`: records are missing, or it can be judged by an engine only. */
  readonly standing: 'holds' | 'broken' | 'unjudged'
  /** What was wrong; or why it is not judged, or how much it was judged by. */
  readonly text: string
  /** Since when it is judged: left out where that is from the beginning on, or where it is not judged. */
  readonly since?: { readonly instance: Instance; readonly timeMs: number }
}
