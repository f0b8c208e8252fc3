/** A key-value store: values with versions, keys that expire or live with a session, `take` that waits, and `watch`. */
import type { Json } from '../../../machines/batch.ts'
import { jsonBytes } from '../../core/json-bytes.ts'
import { defineService } from '../define-service.ts'
import {
  type Changed,
  type Delayed,
  type Executed,
  lostNumbers,
  type Moment,
  type ServiceTable,
  viewRows,
} from '../service.ts'
import { drop, entriesFrom, entriesOf, get, has, put, sizeOf } from '../sorted-map.ts'
import { noChanges } from './change-log.ts'
import type { KvAction, KvCommand, KvEntry, KvResult, KvResults } from './commands.ts'
import { kvLimits } from './limits.ts'
import { parseKvCommand } from './parse.ts'
import { restore, snapshot } from './snapshot.ts'
import {
  changesAfter,
  emptyState,
  entryAt,
  entryOf,
  headKeys,
  headOf,
  isKept,
  type KvState,
  keysOf,
  knowsChangesAfter,
  putEntry,
  removeEntries,
  requestKey,
  sizeBytes,
  type Watcher,
  wakeKey,
  withoutTaker,
  withTaker,
} from './state.ts'

export type { KvChange, KvCommand, KvEntry, KvLife, KvResult, KvResults, KvTarget } from './commands.ts'
export type { KvState } from './state.ts'

type Answer = Executed<KvState, KvResult> | Delayed<KvState>
type CommandTo<Action extends KvAction> = Extract<KvCommand, { readonly action: Action }>

const executors: {
  readonly [Action in KvAction]: (state: KvState, command: CommandTo<Action>, at: Moment) => Answer
} = {
  get: (state, { key }) => executed<'get'>(state, { entry: entryAt(state, key) }),
  put: (state, command, at) => putting<'put'>(putEntry(state, command, at), (version) => ({ version })),
  delete(state, { key, version }) {
    const entry = entryAt(state, key)
    if (entry === null || (version !== undefined && version !== entry.version)) {
      return executed<'delete'>(state, { deleted: false })
    }
    return { ...removeEntries(state, [key]), kind: 'executed', result: { deleted: true } }
  },
  compareAndSet(state, command, at) {
    const entry = entryAt(state, command.key)
    if ((entry?.version ?? 0) !== command.version) {
      return executed<'compareAndSet'>(state, { set: false, entry })
    }
    return putting<'compareAndSet'>(putEntry(state, command, at), (version) => ({ set: true, version }))
  },
  list: (state, command) => executed<'list'>(state, list(state, command)),
  take,
  watch,
}

/**
 * The requests that wait, `take` and `watch`, each wait for a key of their own, so that a change wakes those that can run and no others.
 * The first taker in the line of a key has the right to its entry. The entry stays in the store until that taker takes it, so
 * nothing is lost when the taker ends first: the right goes to the next one.
 */
export const kvService = defineService<KvState, KvCommand, KvResult>({
  name: 'kv',
  initial: () => emptyState,
  parse: parseKvCommand,
  execute: <Action extends KvAction>(state: KvState, command: CommandTo<Action>, at: Moment) =>
    (executors[command.action] as (state: KvState, command: KvCommand, at: Moment) => Answer)(
      state,
      command,
      at,
    ),
  read(state, command) {
    switch (command.action) {
      case 'get':
        return { entry: entryAt(state, command.key) }
      case 'list':
        return list(state, command)
      default:
        throw new Error(`${command.action} is no read: send it as a request`)
    }
  },
  timerFired(state, key) {
    const stored = get(state.entries, key)
    return stored === undefined || stored.expiresMs === null
      ? { state }
      : { ...removeEntries(state, [key]), timers: [] }
  },
  requestEnded(state, request) {
    const name = requestKey(request)
    if (has(state.watchers, name)) return { state: { ...state, watchers: drop(state.watchers, name) } }
    const taker = get(state.takers, name)
    if (taker === undefined) return { state }
    const isFirst = headOf(state, taker.key)?.place === taker.place
    const after = withoutTaker(state, name)
    return { state: after, freed: isFirst ? headKeys(after, taker.key) : [] }
  },
  sessionEnded: (state, uid) => removeEntries(state, keysOf(state, uid)),
  holds: isKept,
  sizeBytes,
  snapshot,
  restore,
  // A watch that has seen lost changes finds its version among none, and starts anew.
  afterLoss: (state) => ({ ...state, version: state.version + lostNumbers, changes: noChanges }),
  view: (state) => ({ tables: [valuesTable(state), takersTable(state)] }),
})

function executed<Action extends KvAction>(state: KvState, result: KvResults[Action]): Answer {
  return { kind: 'executed', state, result }
}

function putting<Action extends 'put' | 'compareAndSet'>(
  changed: Changed<KvState>,
  result: (version: number) => KvResults[Action],
): Answer {
  return { ...changed, kind: 'executed', result: result(changed.state.version) }
}

function list(state: KvState, { prefix, limit, after }: CommandTo<'list'>): KvResults['list'] {
  const { listEntries, listBytes } = kvLimits
  const most = Math.min(limit ?? listEntries, listEntries)
  const { version } = state
  const entries: KvEntry[] = []
  let bytes = 0
  const from = after === undefined || after < prefix ? prefix : successor(after)
  for (const [key, stored] of entriesFrom(state.entries, from, most + 1)) {
    if (!key.startsWith(prefix)) break
    const entry = entryOf(key, stored)
    bytes += jsonBytes(entry) + 1
    if (entries.length === most || (entries.length > 0 && bytes > listBytes)) {
      return { entries, next: entries.at(-1)?.key ?? null, version }
    }
    entries.push(entry)
  }
  return { entries, next: null, version }
}

/** The key that follows `key` in the order of keys. */
function successor(key: string): string {
  return `${key}\0`
}

function take(state: KvState, { key }: CommandTo<'take'>, at: Moment): Answer {
  const name = requestKey(at)
  const taker = get(state.takers, name)
  const head = headOf(state, key)
  const entry = entryAt(state, key)
  if (entry !== null && head?.place === taker?.place) {
    const { state: after, ...changes } = removeEntries(state, [key])
    return { ...changes, kind: 'executed', state: withoutTaker(after, name), result: { entry } }
  }
  if (taker !== undefined) return { kind: 'delayed', state, key: wakeKey(taker) }
  const waiting = { key, place: state.arrivals }
  return { kind: 'delayed', state: withTaker(state, name, waiting), key: wakeKey(waiting) }
}

function watch(state: KvState, command: CommandTo<'watch'>, at: Moment): Answer {
  const name = requestKey(at)
  const watcher = get(state.watchers, name)
  // While it waited nothing matched up to `seen`, so it misses nothing even when older changes are not known any more.
  const seen = watcher?.seen ?? command.after ?? state.version
  const target = 'key' in command ? { key: command.key } : { prefix: command.prefix }
  const watchers = drop(state.watchers, name)
  if (!knowsChangesAfter(state, seen) && watcher === undefined) {
    return executed<'watch'>(state, { changes: [], version: state.version, missed: true })
  }
  const { changes, version } = changesAfter(state, target, seen)
  if (changes.length > 0) {
    return executed<'watch'>({ ...state, watchers }, { changes, version, missed: false })
  }
  if (watcher === undefined && sizeOf(state.watchers) >= kvLimits.watches) {
    throw new Error(`${kvLimits.watches} watches wait already: end one of them first`)
  }
  const place = watcher?.place ?? state.arrivals
  const waiting: Watcher = { target, seen: Math.max(seen, state.version), place }
  return {
    kind: 'delayed',
    state: {
      ...state,
      arrivals: watcher === undefined ? state.arrivals + 1 : state.arrivals,
      watchers: put(watchers, name, waiting),
    },
    key: wakeKey(waiting),
  }
}

function valuesTable({ entries }: KvState): ServiceTable {
  const rows = entriesOf(entries, viewRows).map(([key, { value, version, owner }]): Json[] => {
    return [key, value, version, owner === null ? null : owner.slice(owner.lastIndexOf('@') + 1)]
  })
  const columns = ['key', 'value', 'version', 'session']
  return { name: 'values', columns, rows, more: sizeOf(entries) - rows.length, keyColumn: null }
}

/** The lines of takers, with the key for which the first of each waits. */
function takersTable({ lines }: KvState): ServiceTable {
  const rows = entriesOf(lines, viewRows).map(([key, line]): Json[] => {
    const first = entriesOf(line, 1)[0]?.[1]
    return [key, sizeOf(line), first === undefined ? null : wakeKey(first)]
  })
  const columns = ['key', 'takers', 'first']
  return { name: 'takers', columns, rows, more: sizeOf(lines) - rows.length, keyColumn: 2 }
}
