/** The requests that concern sessions: open, touch, end and list them. */
import type { Command, Json, SessionCommand } from '../../../machines/batch.ts'
import { sessionPage } from '../../../machines/limits.ts'
import type { Position } from '../../../machines/outcome.ts'
import { isOpeningName, uidOpenedAt } from '../../core/names.ts'
import { executed, failed, overQuota, sessionHasEnded } from '../outcomes.ts'
import type { BatchRun, Ending, Turn } from './batch-run.ts'
import { excessOfSession } from './quota.ts'
import type { ReplicaState } from './state.ts'

/** The longest random name of an `open`: the uid that is built on it must be a valid uid. */
const longestOpeningName = 64

/** The outcome of a request without a session: only `open` is executed. A copy of it opens another session, which lapses. */
export function openedBy(state: ReplicaState, uid: string, command: Command, position: Position): Ending {
  if (command.kind !== 'open' || !isOpeningName(uid) || uid.length > longestOpeningName)
    return sessionHasEnded
  const { sessions, clockMs } = state
  if (sessions.isFull(false)) return { kind: 'full', of: 'sessions' }
  const excess = excessOfSession(state)
  if (excess !== null) return overQuota(position, excess)
  const session = sessions.open(uidOpenedAt(uid, position), command.ttlMs, clockMs)
  return executed(position, { uid: session.uid, ttlMs: command.ttlMs })
}

/** Executes a request of a session that concerns sessions. */
export function executeSessionCommand(run: BatchRun, command: SessionCommand, turn: Turn): void {
  const { session, seq } = turn
  switch (command.kind) {
    case 'open':
      run.end(turn, failed(turn, 'the request belongs to a session: only a request without one opens one'))
      return
    case 'touch':
      run.state.sessions.recordTouch(session, seq)
      run.end(turn, executed(turn, { revoked: session.isRevoked }))
      return
    case 'end':
      executeEnd(run, command, turn)
      return
    case 'sessions':
      run.end(turn, executed(turn, { sessions: listed(run.state, command.after ?? null) }))
      return
  }
  command satisfies never
}

function executeEnd(
  run: BatchRun,
  { session: id, now = false }: SessionCommand & { kind: 'end' },
  turn: Turn,
): void {
  const { sessions, clockMs } = run.state
  const other = id === undefined ? turn.session : sessions.withId(id)
  if (other !== undefined && other !== turn.session) sessions.revoke(other)
  const endsInMs = other?.deadlineMs == null ? null : other.deadlineMs - clockMs
  const endsNow = other === turn.session || now
  run.end(turn, executed(turn, { found: other !== undefined, endsInMs: endsNow ? 0 : endsInMs }))
  if (other !== undefined && endsNow) run.endSession(other)
}

function listed({ sessions, service, clockMs }: ReplicaState, after: string | null): Json[] {
  return sessions.openedAfter(after, sessionPage).map((session) => ({
    id: session.id,
    ttlMs: session.ttlMs,
    endsInMs: (session.deadlineMs ?? 0) - clockMs,
    revoked: session.isRevoked,
    waiting: session.waiting.size,
    holds: service.holds(session.uid),
  }))
}
