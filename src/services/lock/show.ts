/** Grants and waiters as others may see them: without the secret part of a session's uid. */
import type { LockRefusal, ShownHolder, ShownWaiter } from '../lock-commands.ts'
import { lockLimits } from './limits.ts'
import type { Demand, Grant, Waiter } from './state.ts'
import type { LockTable } from './table.ts'

/** The public part of a uid: what follows the last `@`. A uid without it is public, as that of a plain-text client. */
export function publicSession(uid: string): string {
  return uid.slice(uid.lastIndexOf('@') + 1)
}

export function shownHolder(grant: Grant, nowMs: number): ShownHolder {
  const { uid, token, mode, names, grantedAtMs, ttlMs, isRevoked } = grant
  return {
    session: publicSession(uid),
    token,
    mode,
    ...severalOf(names),
    ageMs: nowMs - grantedAtMs,
    ttlMs,
    ...(isRevoked && { revoked: true }),
  }
}

export function shownWaiter({ uid, mode, names, sinceMs }: Waiter, nowMs: number): ShownWaiter {
  return { session: publicSession(uid), mode, ...severalOf(names), ageMs: nowMs - sinceMs }
}

function severalOf(names: readonly string[]): { readonly names?: readonly string[] } {
  return names.length > 1 ? { names } : {}
}

/** The refusal of a request that would wait. */
export function busy(table: LockTable, { names }: Demand, nowMs: number): LockRefusal {
  const holders: (ShownHolder & { name: string })[] = []
  let more = 0
  for (const name of names) {
    const lock = table.lock(name)
    if (lock === undefined) continue
    const room = lockLimits.shown - holders.length
    for (const { names: _, ...grant } of table
      .holdersOf(lock, room)
      .map((each) => shownHolder(each, nowMs))) {
      holders.push({ name, ...grant })
    }
    more += Math.max(0, (lock.holders?.size ?? 0) - room)
  }
  return { refused: 'busy', holders, more }
}
