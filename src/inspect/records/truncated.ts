import type { Json } from '../../../machines/batch.ts'
import type { ReplicaView } from '../../services/replica-view.ts'
import { type ServiceTable, type ServiceView, viewRows } from '../../services/service.ts'

/** How many elements of a list, fields of an object and characters of a text are kept. */
const kept = 48
const keptCharacters = 200
/** Nothing in a context is nested deeper than this. */
const keptDepth = 11

/**
 * A copy of plain data, bounded in size, for display. A longer value is cut to its beginning, followed by the number of elements
 * or characters that were cut.
 */
export function truncated(value: unknown, depth = keptDepth): Json {
  if (typeof value === 'string') {
    return value.length <= keptCharacters ? value : `${value.slice(0, keptCharacters)}… (${value.length})`
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (typeof value !== 'object') return null
  if (depth === 0) return '…'
  if (Array.isArray(value)) {
    const items = value.slice(0, kept).map((item) => truncated(item, depth - 1))
    return value.length <= kept ? items : [...items, `… ${value.length - kept} more`]
  }
  const fields: Record<string, Json> = {}
  let count = 0
  for (const key in value) {
    count += 1
    if (count > kept) continue
    const field = (value as Record<string, unknown>)[key]
    if (field !== undefined) fields[key] = truncated(field, depth - 1)
  }
  if (count > kept) fields['…'] = `${count - kept} more`
  return fields
}

/** A view of the service, bounded in size. */
export function truncatedView(view: ServiceView): ServiceView {
  if ('json' in view) return { json: truncated(view.json) }
  return { tables: view.tables.slice(0, kept).map(truncatedTable) }
}

/** A view of the state around the service, with shorter texts. */
export function truncatedReplicaView({ tables, ...view }: ReplicaView): ReplicaView {
  return { ...view, tables: tables.map(truncatedTable) }
}

function truncatedTable({ name, columns, rows, more, keyColumn }: ServiceTable): ServiceTable {
  return {
    name,
    columns,
    rows: rows.slice(0, viewRows).map((row) => row.map((cell) => truncated(cell))),
    more: more + Math.max(0, rows.length - viewRows),
    keyColumn,
  }
}
