/** The replicated state around the service, for readers. */
import type { Json } from '../../machines/batch.ts'
import { sessionText } from '../core/names.ts'
import type { ServiceTable } from './service.ts'
import type { Session } from './sessions.ts'
import type { Timer } from './timers.ts'

/** Of bounded size. */
export interface ReplicaView {
  /** The replicated clock, in milliseconds. */
  readonly clockMs: number
  /** The earliest deadline that the timekeepers keep, on the replicated clock; `null` when there is none. */
  readonly deadlineMs: number | null
  /** The sessions and the timers. */
  readonly tables: readonly ServiceTable[]
}

/** At most `viewRows` of each, and the number of all. */
export interface ShownState {
  readonly clockMs: number
  readonly deadlineMs: number | null
  readonly sessions: readonly Session[]
  readonly sessionCount: number
  /** Whether the service keeps something for the session `uid`. */
  readonly holds: (uid: string) => boolean
  readonly timers: readonly Timer[]
  readonly timerCount: number
}

/** The view of a replica. It names each session by the public part of its uid. */
export function replicaViewOf({ clockMs, deadlineMs, ...shown }: ShownState): ReplicaView {
  return { clockMs, deadlineMs, tables: [sessionsTable(shown, clockMs), timersTable(shown, clockMs)] }
}

function sessionsTable(
  { sessions, sessionCount, holds }: Pick<ShownState, 'sessions' | 'sessionCount' | 'holds'>,
  clockMs: number,
): ServiceTable {
  const rows = sessions.map(({ uid, ttlMs, deadlineMs, isRevoked, waiting }): Json[] => [
    sessionText(uid),
    ttlMs === null ? '' : seconds(ttlMs),
    deadlineMs === null ? '' : seconds(deadlineMs - clockMs),
    [holds(uid) && 'holds', waiting.size > 0 && `${waiting.size} waiting`, isRevoked && 'revoked']
      .filter(Boolean)
      .join(', '),
  ])
  const columns = ['session', 'ttl', 'ends in', 'state']
  return { name: 'sessions', columns, rows, more: sessionCount - rows.length, keyColumn: null }
}

function timersTable(
  { timers, timerCount }: Pick<ShownState, 'timers' | 'timerCount'>,
  clockMs: number,
): ServiceTable {
  const rows = timers.map(({ name, deadlineMs }): Json[] => [name, seconds(deadlineMs - clockMs)])
  const columns = ['timer', 'fires in']
  return { name: 'timers', columns, rows, more: timerCount - rows.length, keyColumn: null }
}

/** `12.5 s`. */
function seconds(ms: number): string {
  return `${ms / 1_000} s`
}
