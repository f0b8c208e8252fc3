/** The size of the replicated state, and what its quota refuses. */
import { partBytes } from '../../../machines/limits.ts'
import type { Excess } from '../outcomes.ts'
import type { Admission } from '../service-host.ts'
import type { Session } from '../sessions.ts'
import type { ReplicaState } from './state.ts'

/** The size of the state, in bytes: an estimate of the memory that it takes, the same on every server. */
export function sizeOfState({ sessions, waiting, service }: ReplicaState): number {
  return (
    service.stateBytes +
    service.timerCount * partBytes.timer +
    sessions.size * partBytes.session +
    sessions.results.bytes +
    waiting.total * partBytes.waiting
  )
}

/**
 * What does not fit into the quota when the state grows by `growthBytes`; `null` when all fits. What shrinks the state, or leaves its size,
 * always fits. The result of a request does not count as growth of its own: results have a limit, beyond which the oldest go.
 */
export function excessBy(state: ReplicaState, growthBytes: number): Excess | null {
  if (growthBytes <= 0) return null
  const sizeBytes = sizeOfState(state)
  const { quotaBytes } = state
  return sizeBytes + growthBytes <= quotaBytes ? null : { sizeBytes, growthBytes, quotaBytes }
}

/** What keeps a session from being opened; `null` when it may open. */
export function excessOfSession(state: ReplicaState): Excess | null {
  return state.sessions.size < state.limits.spareSessions ? null : excessBy(state, partBytes.session)
}

/**
 * Whether a request may have its effects. One that `waited` before may always wait on, and what it adds is less by its place among those
 * that wait.
 */
export function admissionTo(state: ReplicaState, session: Session, waited: boolean): Admission {
  const { limits, waiting } = state
  return (growthBytes, waits) => {
    const isOneMore = waits && !waited
    if (isOneMore && (waiting.total >= limits.waiting || session.waiting.size >= limits.sessionWaiting)) {
      return { kind: 'full', of: 'waiting' }
    }
    const excess = excessBy(state, growthBytes + (Number(waits) - Number(waited)) * partBytes.waiting)
    return excess === null ? null : { kind: 'overQuota', excess }
  }
}
