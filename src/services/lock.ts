/**
 * The lock service. A released lock is granted at once to the longest waiter that fits, over the whole cluster; its request is
 * woken and collects the token. A token is above the tokens of all earlier grants, so the resource that a lock protects can reject
 * a late holder.
 */
import { beginToLeave, force, forget, free, freeOfLeaving } from './lock/free.ts'
import { parseLockCommand } from './lock/parse.ts'
import { query } from './lock/query.ts'
import { settle } from './lock/settle.ts'
import { restore, snapshot } from './lock/snapshot.ts'
import { type LockState, noLocks, sizeBytes, waitKey } from './lock/state.ts'
import { LockTable } from './lock/table.ts'
import { take } from './lock/take.ts'
import { view } from './lock/view.ts'
import type { LockCommand, LockResult } from './lock-commands.ts'
import {
  type Changed,
  lostNumbers,
  type Moment,
  type Service,
  type Time,
  type TimerChange,
} from './service.ts'
import { entriesOf, has } from './sorted-map.ts'

export { lockLimits, maxLockNameLength } from './lock/limits.ts'
export type { LockState } from './lock/state.ts'
export type { LockCommand, LockResult, LockToken } from './lock-commands.ts'

/** Fires while an execution has left something to do for the next one. */
const restTimer = 'rest'

/** A request that waits has a key of its own. */
export const lockService: Service<LockState, LockCommand, LockResult> = {
  name: 'lock',
  initial: () => noLocks,
  parse: parseLockCommand,
  execute(state, command, at) {
    const table = new LockTable(state)
    const revoked = new Set<string>()
    const result = executed(table, command, at, (uid) => revoked.add(uid))
    if (result === null) {
      // A delayed request frees no key, so what may be granted now is granted by the timer.
      const after = table.state
      const timers = timersFor(hasRest(state), hasRest(after))
      return { kind: 'delayed', key: waitKey(at.uid, at.seq), state: after, timers, revoked: [...revoked] }
    }
    return { kind: 'executed', result, ...changed(state, table, at), revoked: [...revoked] }
  },
  read(state, command, { clockMs }) {
    if (command.action === 'query') return query(state, command, clockMs)
    throw new Error(`${command.action} is no read: send it as a request`)
  },
  timerFired(state, _, at) {
    return changed(state, new LockTable(state), at, true)
  },
  requestEnded(state, request, at) {
    const table = new LockTable(state)
    forget(table, request)
    return changed(state, table, at)
  },
  sessionEnded(state, uid, at) {
    const table = new LockTable(state)
    beginToLeave(table, uid)
    return changed(state, table, at)
  },
  holds: (state, uid) => has(state.owners, uid),
  /** The token of a grant is repeated only while its client still holds the lock. */
  stillHolds(state, command, result) {
    if (command.action !== 'lock') return true
    return 'token' in result && new LockTable(state).grant(result.token) !== undefined
  },
  sizeBytes,
  snapshot,
  restore,
  afterLoss: (state) => ({ ...state, nextToken: state.nextToken + lostNumbers }),
  view,
}

/** The result of the command; `null` when the request waits. */
function executed(
  table: LockTable,
  command: LockCommand,
  at: Moment,
  revoke: (uid: string) => void,
): LockResult | null {
  switch (command.action) {
    case 'lock':
      return take(table, command, at, revoke)
    case 'unlock':
      return free(table, command)
    case 'force':
      return force(table, command, at.clockMs, revoke)
    case 'query':
      return query(table.state, command, at.clockMs)
  }
  command satisfies never
  return null
}

/** The change of `before` to the table, after what can be granted is granted. */
function changed(
  before: LockState,
  table: LockTable,
  { clockMs }: Time,
  hasFired = false,
): Changed<LockState> {
  freeOfLeaving(table)
  const freed = settle(table, clockMs)
  const { state } = table
  return { state, freed, timers: timersFor(hasRest(before) && !hasFired, hasRest(state)) }
}

function hasRest({ unsettled, leaving }: LockState): boolean {
  return unsettled !== null || leaving !== null
}

function timersFor(isSet: boolean, isWanted: boolean): TimerChange[] {
  if (isSet === isWanted) return []
  return [{ name: restTimer, afterMs: isWanted ? 1 : null }]
}

/** A lock that is held. */
export interface HeldLock {
  readonly name: string
  readonly token: number
  readonly uid: string
}

/** The grants of all locks that are held, in order of name and of token. */
export function heldLocks(state: LockState): readonly HeldLock[] {
  const table = new LockTable(state)
  return entriesOf(state.locks).flatMap(([name, lock]) =>
    table.holdersOf(lock).map(({ token, uid }) => ({ name, token, uid })),
  )
}
