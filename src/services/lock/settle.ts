/** Grants what was freed to the longest waiters. */
import { drop, emptyMap, entriesOf, put, type SortedMap } from '../sorted-map.ts'
import { lockLimits } from './limits.ts'
import { type Waiter, waitKey } from './state.ts'
import type { LockTable } from './table.ts'

/**
 * Grants all waiters that fit, in their order, at the cost of those that it grants and of those that now wait at another of their
 * names. Stops after `lockLimits.grantsAtOnce`: the rest stays unsettled. Returns the keys of the granted requests.
 */
export function settle(table: LockTable, nowMs: number): string[] {
  const freed: string[] = []
  let heads: SortedMap<Head> = emptyMap
  for (const [name] of entriesOf(table.unsettled)) heads = withHeadOf(table, heads, name)
  for (let first = entriesOf(heads, 1)[0]; first !== undefined; first = entriesOf(heads, 1)[0]) {
    const [key, { name, waiter }] = first
    if (freed.length + waiter.seqs.length > lockLimits.grantsAtOnce) return freed
    const obstacle = table.obstacleOf(waiter, waiter.place, false)
    table.unpark(waiter.place, name)
    if (obstacle !== null) table.park(waiter.place, obstacle)
    else {
      table.dropWaiter(waiter, true)
      table.addGrant(waiter, nowMs, waiter.seqs)
      for (const seq of waiter.seqs) freed.push(waitKey(waiter.uid, seq))
    }
    heads = withHeadOf(table, drop(heads, key), name)
  }
  table.unsettled = emptyMap
  return freed
}

/** The first waiter that is parked at a name, if that name admits it. */
interface Head {
  readonly name: string
  readonly waiter: Waiter
}

/** `heads`, in order of place, with the head of `name` if there is one. */
function withHeadOf(table: LockTable, heads: SortedMap<Head>, name: string): SortedMap<Head> {
  const place = entriesOf(table.lock(name)?.parked ?? emptyMap, 1)[0]?.[0]
  const waiter = place === undefined ? undefined : table.waiter(place)
  if (waiter === undefined || !table.isAdmitted(name, waiter, waiter.place)) return heads
  return put(heads, `${waiter.place} ${name}`, { name, waiter })
}
