/** The tables of the inspector, which sees the messages of clients with their uids too. */
import type { Json } from '../../../machines/batch.ts'
import { type ServiceTable, viewRows } from '../service.ts'
import { entriesOf, sizeOf } from '../sorted-map.ts'
import { type LockState, waitKey } from './state.ts'

/** The grants in the order of their tokens, and the requests that wait, in order. */
export function view(state: LockState): { readonly tables: readonly ServiceTable[] } {
  return { tables: [holdersTable(state), lineTable(state)] }
}

function holdersTable({ grants }: LockState): ServiceTable {
  const rows = entriesOf(grants, viewRows).map(
    ([, { uid, token, names, mode, permits, isRevoked }]): Json[] => [
      names.join(', '),
      uid,
      token,
      isRevoked ? `${modeText(mode, permits)}, revoked` : modeText(mode, permits),
    ],
  )
  const columns = ['locks', 'holder', 'token', 'mode']
  return { name: 'holders', columns, rows, more: sizeOf(grants) - rows.length, keyColumn: null }
}

function lineTable({ waiters }: LockState): ServiceTable {
  const rows = entriesOf(waiters, viewRows).map(([, { uid, seqs, names, mode, permits }]): Json[] => [
    names.join(', '),
    waitKey(uid, seqs[0] ?? 0),
    modeText(mode, permits),
  ])
  const columns = ['locks', 'request', 'mode']
  return { name: 'line', columns, rows, more: sizeOf(waiters) - rows.length, keyColumn: 1 }
}

function modeText(mode: string, permits: number | null): string {
  return permits === null ? mode : `one of ${permits}`
}
