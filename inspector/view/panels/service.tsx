import './service.css'
import type { Json } from '../../../machines/batch.ts'
import { shownSession } from '../../../src/core/names.ts'
import type { Picture, ServerPicture } from '../../../src/inspect/records/picture.ts'
import type { ReplicaView } from '../../../src/services/replica-view.ts'
import type { ServiceTable } from '../../../src/services/service.ts'
import { type Waiter, waitersByKey } from '../../model/queues.ts'
import { isShort, timeText } from '../../model/record-text.ts'
import { JsonTree } from '../shell/json-tree.tsx'
import { pure } from '../shell/pure.ts'

interface ServiceProps {
  readonly service: Picture['service']
  readonly servers: readonly ServerPicture[]
  /** The origin of the page's time. */
  readonly originMs: number
}

/** The replicated service, as shown by the server that executed most, with the requests that wait for its keys. */
export const Service = pure(function Service({ service, servers, originMs }: ServiceProps) {
  if (service === null) return <p class="muted">No server has shown its service yet.</p>
  const { node, firstUnexecuted, view, replica } = service
  return (
    <div class="service">
      <p class="muted">
        As server {node} has it,{' '}
        {firstUnexecuted === 0 ? 'before the first instance' : `after instance ${firstUnexecuted - 1}`}
      </p>
      {'tables' in view ? (
        view.tables.map((table) => (
          <TableOf key={table.name} table={table} waiters={waitersByKey(servers)} originMs={originMs} />
        ))
      ) : (
        <JsonTree value={view.json} />
      )}
      <Around replica={replica} />
    </div>
  )
})

const noWaiters: ReadonlyMap<string, readonly Waiter[]> = new Map()

/** The replicated state around the service: the clock, the sessions and the timers. */
function Around({ replica: { clockMs, deadlineMs, tables } }: { readonly replica: ReplicaView }) {
  return (
    <section class="around" aria-label="Sessions and timers">
      <p class="muted">
        Replicated clock {secondsText(clockMs)};{' '}
        {deadlineMs === null
          ? 'no deadline'
          : `next deadline ${secondsText(deadlineMs)}, in ${secondsText(deadlineMs - clockMs)}`}
      </p>
      {tables.map((table) => (
        <TableOf key={table.name} table={table} waiters={noWaiters} originMs={0} />
      ))}
    </section>
  )
}

function secondsText(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`
}

interface TableProps {
  readonly table: ServiceTable
  readonly waiters: ReadonlyMap<string, readonly Waiter[]>
  readonly originMs: number
}

function TableOf({ table: { name, columns, rows, more, keyColumn }, waiters, originMs }: TableProps) {
  const keys = new Set(keyColumn === null ? [] : rows.map((row) => cellText(row[keyColumn] ?? null)))
  const absent = keyColumn === null ? [] : [...waiters].filter(([key]) => !keys.has(key))
  return (
    <section aria-label={name}>
      <h3>{name}</h3>
      <table class="plain-table">
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" key={column}>
                {column}
              </th>
            ))}
            {keyColumn === null ? null : <th scope="col">waiting</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const texts = row.map(cellText)
            return (
              <tr key={keyColumn === null ? texts.join(' ') : texts[keyColumn]}>
                {texts.map((text, column) => (
                  <td
                    key={columns[column]}
                    title={text}
                    class={isShort(shownSession(text)) ? 'whole' : undefined}
                  >
                    {shownSession(text)}
                  </td>
                ))}
                {keyColumn === null ? null : (
                  <td>
                    <Waiting waiters={waiters.get(texts[keyColumn] ?? '') ?? []} originMs={originMs} />
                  </td>
                )}
              </tr>
            )
          })}
        </tbody>
      </table>
      {rows.length === 0 ? <p class="muted">none</p> : null}
      {more === 0 ? null : <p class="muted">{more} more are not shown</p>}
      {absent.map(([key, waiting]) => (
        <div key={key} class="absent">
          <p>Waited for, and not in the table: {key}</p>
          <Waiting waiters={waiting} originMs={originMs} />
        </div>
      ))}
    </section>
  )
}

function Waiting({ waiters, originMs }: { readonly waiters: readonly Waiter[]; readonly originMs: number }) {
  return (
    <ol class="waiters">
      {waiters.map(({ node, request, receivedAtMs }) => (
        <li key={`${node} ${request}`}>
          {request} at server {node}, since {receivedAtMs === null ? '?' : timeText(receivedAtMs, originMs)} s
        </li>
      ))}
    </ol>
  )
}

function cellText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
