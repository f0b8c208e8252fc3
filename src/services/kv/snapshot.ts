/** The state as rows: a head, then a row for each entry, for each group of changes, and for each request that waits. */
import type { Json } from '../../../machines/batch.ts'
import { each, mapOf } from '../sorted-map.ts'
import { changeLogOf, eachChunk } from './change-log.ts'
import type { KvTarget } from './commands.ts'
import { type KvState, type StoredEntry, type Taker, type Watcher, withDerived } from './state.ts'

/** The first row. */
type Head = readonly [version: number, arrivals: number]

type Row =
  | readonly [
      kind: 'entry',
      key: string,
      value: Json,
      version: number,
      owner: string | null,
      expiresMs: number | null,
    ]
  /** The keys of consecutive changes. */
  | readonly [kind: 'changes', keys: readonly string[]]
  | readonly [kind: 'taker', request: string, key: string, place: number]
  | readonly [kind: 'watcher', request: string, target: KvTarget, seen: number, place: number]

export function* snapshot(state: KvState): Generator<Json, void> {
  yield [state.version, state.arrivals] satisfies Head
  for (const [key, { value, version, owner, expiresMs }] of each(state.entries)) {
    yield ['entry', key, value, version, owner, expiresMs] satisfies Row
  }
  for (const keys of eachChunk(state.changes)) yield ['changes', keys] satisfies Row
  for (const [request, { key, place }] of each(state.takers)) {
    yield ['taker', request, key, place] satisfies Row
  }
  for (const [request, { target, seen, place }] of each(state.watchers)) {
    yield ['watcher', request, target, seen, place] satisfies Row
  }
}

export function restore(rows: Iterable<Json>): KvState {
  const [[version, arrivals] = [0, 0], ...others] = rows as Iterable<unknown> as [Head, ...Row[]]
  const entries: [string, StoredEntry][] = []
  const changes: string[] = []
  const takers: [string, Taker][] = []
  const watchers: [string, Watcher][] = []
  for (const row of others) {
    switch (row[0]) {
      case 'entry': {
        const [, key, value, version, owner, expiresMs] = row
        entries.push([key, { value, version, owner, expiresMs }])
        continue
      }
      case 'changes':
        changes.push(...row[1])
        continue
      case 'taker':
        takers.push([row[1], { key: row[2], place: row[3] }])
        continue
      case 'watcher':
        watchers.push([row[1], { target: row[2], seen: row[3], place: row[4] }])
        continue
    }
    row satisfies never
    throw new Error(
      `a row of a key-value store is ${JSON.stringify(row).slice(0, 100)}, which this version does not know`,
    )
  }
  return withDerived({
    ...{ version, arrivals, entries: mapOf(entries), changes: changeLogOf(changes) },
    ...{ takers: mapOf(takers), watchers: mapOf(watchers) },
  })
}
