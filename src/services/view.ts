/** A view of a service's state, which is safe also when the service fails to show it. */
import type { Json } from '../../machines/batch.ts'
import { copyJson } from '../core/json.ts'
import { silencePromises } from '../core/promises.ts'
import { refusePromise, rowsOf } from './answer.ts'
import { reasonOf } from './reason.ts'
import { type Service, type ServiceTable, type ServiceView, viewRows } from './service.ts'

const viewLimits = { depth: 64, bytes: 1_048_576 } as const

/**
 * Returns the tables that `service` shows of `state`; without `view`, the first rows of its snapshot. When the
 * service throws or returns an invalid view, returns the reason in place of the state, so that an inspection never stops a
 * server. Never throws.
 */
export function viewOf(service: Service, state: unknown): ServiceView {
  try {
    return service.view === undefined ? snapshotView(service, state) : tablesView(service.view(state))
  } catch (error) {
    silencePromises(error)
    return { json: `the service cannot show its state: ${reasonOf(error)}` }
  }
}

function tablesView(view: unknown): ServiceView {
  refusePromise(view, 'view')
  const json = copyJson(view, viewLimits, 'view')
  if (!isView(json)) throw new Error('view returned no tables with a name, columns and rows')
  return json
}

function snapshotView(service: Service, state: unknown): ServiceView {
  const rows: Json[] = []
  for (const row of rowsOf(service, state)) {
    if (rows.length === viewRows) return { json: [...rows, '…'] }
    rows.push(row)
  }
  const [only = null] = rows
  return { json: rows.length === 1 ? only : rows }
}

type Fields = { readonly [name: string]: Json | undefined }

function isView(json: Json): json is Json & { readonly tables: readonly ServiceTable[] } {
  const tables = (json as Fields | null)?.tables
  return Array.isArray(tables) && tables.every(isTable)
}

function isTable(json: Json): boolean {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return false
  const { name, columns, rows, more, keyColumn } = json as Fields
  return (
    typeof name === 'string' &&
    Array.isArray(columns) &&
    columns.every((column) => typeof column === 'string') &&
    Array.isArray(rows) &&
    rows.every((row) => Array.isArray(row)) &&
    typeof more === 'number' &&
    (keyColumn === null || typeof keyColumn === 'number')
  )
}
