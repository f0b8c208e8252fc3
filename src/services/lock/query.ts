/** The list of locks, of bounded size. */
import { utf8 } from '../../core/bytes.ts'
import type { QueryCommand, QueryResult, ShownHolder, ShownLock, ShownWaiter } from '../lock-commands.ts'
import { entriesFrom, get, sizeOf } from '../sorted-map.ts'
import { lockLimits } from './limits.ts'
import { shownHolder, shownWaiter } from './show.ts'
import type { Lock, LockState } from './state.ts'
import { LockTable } from './table.ts'

/** The most bytes of a lock's own fields beside its holders and waiters: a name in escapes, and two numbers. */
const bytesOfLock = 6 * 256 + 128

export function query(state: LockState, command: QueryCommand, nowMs: number): QueryResult {
  const { limit = lockLimits.queriedByDefault } = command
  const found = locksFor(state, command, limit + 1)
  const room = { bytes: lockLimits.queryBytes }
  const locks: ShownLock[] = []
  for (const [name, lock] of found.slice(0, limit)) {
    if (room.bytes < bytesOfLock) break
    room.bytes -= bytesOfLock
    locks.push(shownLock(new LockTable(state), name, lock, { nowMs, room }))
  }
  return { locks, more: locks.length < found.length }
}

function locksFor(
  { locks }: LockState,
  { name, prefix = '', after }: QueryCommand,
  limit: number,
): (readonly [name: string, lock: Lock])[] {
  if (name !== undefined) {
    const lock = get(locks, name)
    return lock === undefined ? [] : [[name, lock]]
  }
  // The next name after `after` is that with the least character behind it.
  const from = after !== undefined && after >= prefix ? `${after}\0` : prefix
  return entriesFrom(locks, from, limit).filter(([each]) => each.startsWith(prefix))
}

interface Showing {
  readonly nowMs: number
  readonly room: { bytes: number }
}

function shownLock(table: LockTable, name: string, lock: Lock, { nowMs, room }: Showing): ShownLock {
  const holders: ShownHolder[] = []
  const waiters: ShownWaiter[] = []
  const held = sizeOf(lock.holders)
  const waiting = sizeOf(lock.line)
  addFitting(holders, table.holdersOf(lock, lockLimits.shown), (grant) => shownHolder(grant, nowMs), room)
  addFitting(waiters, table.waitersOf(lock, lockLimits.shown), (waiter) => shownWaiter(waiter, nowMs), room)
  return { name, permits: lock.permits, held, waiting, holders, waiters }
}

/** Adds what fits into the room, and takes it from there. */
function addFitting<From, To>(
  to: To[],
  from: readonly From[],
  show: (from: From) => To,
  room: { bytes: number },
): void {
  for (const each of from) {
    const shown = show(each)
    const bytes = utf8(JSON.stringify(shown)).length + 1
    if (bytes > room.bytes) return
    room.bytes -= bytes
    to.push(shown)
  }
}
