/** The tables of the inspector, which sees the messages of clients with their uids too. */
import type { Json } from '../../../machines/batch.ts'
import { type ServiceTable, viewRows } from '../service.ts'
import { entriesOf, sizeOf } from '../sorted-map.ts'
import { type LockState, waitKey } from './state.ts'
import { LockTable } from './table.ts'

/** The locks that are held, with their first holders, and the requests that wait, in order. */
export function view(state: LockState): { readonly tables: readonly ServiceTable[] } {
  return { tables: [locksTable(state), waitersTable(state)] }
}

function locksTable(state: LockState): ServiceTable {
  const table = new LockTable(state)
  const rows = entriesOf(state.locks, viewRows).map(([name, lock]): Json[] => {
    const [first] = table.holdersOf(lock, 1)
    return [
      name,
      first?.uid ?? '',
      first?.token ?? '',
      modeText(first?.mode ?? 'exclusive', lock.permits),
      sizeOf(lock.holders),
      sizeOf(lock.line),
    ]
  })
  const columns = ['lock', 'holder', 'token', 'mode', 'holders', 'waiting']
  return { name: 'locks', columns, rows, more: sizeOf(state.locks) - rows.length, keyColumn: null }
}

function waitersTable({ waiters }: LockState): ServiceTable {
  const rows = entriesOf(waiters, viewRows).map(([, { uid, seqs, names, mode, permits }]): Json[] => [
    waitKey(uid, seqs[0] ?? 0),
    names.join(', '),
    modeText(mode, permits),
  ])
  const columns = ['request', 'locks', 'mode']
  return { name: 'line', columns, rows, more: sizeOf(waiters) - rows.length, keyColumn: 0 }
}

function modeText(mode: string, permits: number | null): string {
  return permits === null ? mode : `one of ${permits}`
}
