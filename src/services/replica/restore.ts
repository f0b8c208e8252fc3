/** The state of a replica from its snapshot. */
import { isPlainText } from '../../core/plain-text-client.ts'
import { compareEnds } from '../outcomes.ts'
import type { ReplicaSnapshot, SessionSnapshot } from '../snapshot.ts'
import { type ReplicaState, setWaiting } from './state.ts'

/** Restores everything except the members into `state`, which has executed nothing. */
export function restoreInto(state: ReplicaState, snapshot: ReplicaSnapshot): void {
  const { sessions, timers } = snapshot
  state.service.restore(snapshot.state, timers)
  state.firstUnexecuted = snapshot.firstUnexecuted
  state.clockMs = snapshot.clockMs
  // A snapshot does not store the order of last use: the times give it.
  for (const session of [...sessions].sort((a, b) => a.lastClockMs - b.lastClockMs)) {
    restoreSession(state, session)
  }
  restoreResults(state, sessions)
}

function restoreSession(
  state: ReplicaState,
  { uid, ttlMs, deadlineMs, isKept, waiting, lastClockMs, ...rest }: SessionSnapshot,
): void {
  const { sessions } = state
  const session = sessions.open(uid, ttlMs, (deadlineMs ?? 0) - (ttlMs ?? 0))
  session.isRevoked = rest.isRevoked
  session.touchedSeq = rest.touchedSeq
  session.ackedBelow = rest.ackedBelow
  session.forgottenBelow = rest.forgottenBelow
  for (const [seq, node, key, digest, uids] of waiting) {
    setWaiting(state, session, seq, { node, key, command: digest, ...(uids && { uids }) })
  }
  sessions.keep(session, isKept)
  if (isPlainText(uid)) sessions.usePlainText(session, lastClockMs)
}

/**
 * Restores results in the order in which they ended, which is the order of their positions. It decides which are evicted
 * first.
 */
function restoreResults({ sessions }: ReplicaState, stored: readonly SessionSnapshot[]): void {
  const results = stored.flatMap(({ uid, ended }) => ended.map((result) => ({ uid, result })))
  for (const { uid, result } of results.sort((a, b) => compareEnds(a.result[1], b.result[1]))) {
    const [seq, outcome, digest] = result
    const session = sessions.get(uid)
    if (session !== undefined) sessions.results.keep(session, seq, outcome, digest)
  }
}
