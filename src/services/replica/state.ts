/** The state of a replica, for the functions that change it. */
import type { Instance } from '../../../machines/batch.ts'
import type { ReplicatedLimits } from '../../../machines/limits.ts'
import type { Member } from '../../../machines/members.ts'
import { inOrderOfId } from '../membership.ts'
import type { Service } from '../service.ts'
import { ServiceHost } from '../service-host.ts'
import { type Session, Sessions } from '../sessions.ts'
import { firstVersion } from '../versions.ts'
import { type Waiting, WaitingCounts } from '../waiting.ts'

export interface ReplicaState {
  readonly limits: ReplicatedLimits
  /** Called with the error when a bug in the service fails a request. */
  readonly mistaken: (thrown: unknown) => void
  readonly service: ServiceHost
  readonly sessions: Sessions
  /** Invariant: it counts every delayed request of `sessions` once. */
  readonly waiting: WaitingCounts
  members: readonly Member[]
  firstUnexecuted: Instance
  clockMs: number
  /** The digest of all outcomes so far. It is history, not state: servers with equal states may have different ones only by a fault. */
  runningDigest: string
  /** The version of the service's behaviour that is in force. Invariant: the service has it. */
  serviceVersion: number
  /** The size that the state may have, in bytes. */
  quotaBytes: number
}

export interface InitialOptions {
  readonly service: Service
  readonly members: readonly Member[]
  readonly limits: ReplicatedLimits
  readonly mistaken: (thrown: unknown) => void
}

/** The state before instance 0. */
export function initialState({ service, members, limits, mistaken }: InitialOptions): ReplicaState {
  return {
    limits,
    mistaken,
    service: new ServiceHost({ service, mostTimers: limits.timers, mistaken }),
    sessions: new Sessions(limits),
    waiting: new WaitingCounts(),
    members: inOrderOfId(members),
    firstUnexecuted: 0,
    clockMs: 0,
    runningDigest: '',
    serviceVersion: firstVersion,
    quotaBytes: limits.quotaBytes,
  }
}

/** Records that the request waits. */
export function setWaiting(state: ReplicaState, session: Session, seq: number, waiting: Waiting): void {
  state.sessions.setWaiting(session, seq, waiting)
  state.waiting.add(waiting)
}

/** The earliest deadline of a timer, or of a session for which something is kept; `null` when there is none. */
export function deadlineOf({ service, sessions }: ReplicaState): number | null {
  const [a, b] = [service.deadlineMs, sessions.deadlineMs]
  return a === null || b === null ? (a ?? b) : Math.min(a, b)
}
