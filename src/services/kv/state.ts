/** The state of the key-value store, and the functions that change it. */

import type { Json } from '../../../machines/batch.ts'
import { jsonBytes } from '../../core/json-bytes.ts'
import { numberKey } from '../number-key.ts'
import type { Changed, RequestName, Time, TimerChange } from '../service.ts'
import {
  drop,
  emptyMap,
  entriesFrom,
  entriesOf,
  get,
  has,
  put,
  type SortedMap,
  sizeOf,
} from '../sorted-map.ts'
import { type ChangeLog, changeCount, lastChanges, noChanges, withChange } from './change-log.ts'
import type { KvChange, KvEntry, KvLife, KvTarget } from './commands.ts'
import { entryOverheadBytes, kvLimits, waiterBytes } from './limits.ts'

export interface StoredEntry {
  readonly value: Json
  readonly version: number
  /** The uid of the session with which the key lives; `null` for none. */
  readonly owner: string | null
  /** The value of the replicated clock at which the key is deleted; `null` for never. */
  readonly expiresMs: number | null
}

/** A `take` that waits. */
export interface Taker {
  readonly key: string
  /** Its number among all requests that ever waited. The request waits for a key made of it. */
  readonly place: number
}

/** A `watch` that waits. */
export interface Watcher {
  readonly target: KvTarget
  /** It waits for a change above this version. */
  readonly seen: number
  readonly place: number
}

/** The maps whose comment begins with "Derived" follow from the others. */
export interface KvState {
  /** The number of changes so far: the version of the last one. */
  readonly version: number
  /** By key. */
  readonly entries: SortedMap<StoredEntry>
  /** The keys of the last changes, up to the version `version`. */
  readonly changes: ChangeLog
  /** The number of requests that ever waited. */
  readonly arrivals: number
  /** By request. */
  readonly takers: SortedMap<Taker>
  /** By request. */
  readonly watchers: SortedMap<Watcher>
  /** Derived: by key, the takers that wait for it, by `numberKey`. */
  readonly lines: SortedMap<SortedMap<Taker>>
  /** Derived: the keys that live with a session, by its uid. */
  readonly owned: SortedMap<SortedMap<true>>
  /** Derived: the size of all entries. */
  readonly bytes: number
}

export const emptyState: KvState = {
  ...{ version: 0, entries: emptyMap, changes: noChanges, arrivals: 0, takers: emptyMap, watchers: emptyMap },
  ...{ lines: emptyMap, owned: emptyMap, bytes: 0 },
}

/** The key under which a request is kept that waits. */
export function requestKey({ uid, seq }: RequestName): string {
  return `${uid} ${seq}`
}

/** The key for which the request with this place waits. It names no session: others may see it. */
export function wakeKey({ place }: { readonly place: number }): string {
  return `waiter ${place}`
}

export function entryOf(key: string, { value, version }: StoredEntry): KvEntry {
  return { key, value, version }
}

/** The entry of `key`, or `null`. */
export function entryAt(state: KvState, key: string): KvEntry | null {
  const stored = get(state.entries, key)
  return stored === undefined ? null : entryOf(key, stored)
}

/** Puts `value` for the session `uid`. Throws an Error that names the limit when no more keys may live with the session. */
export function putEntry(
  state: KvState,
  { key, value, ttlMs, session }: { readonly key: string; readonly value: Json } & KvLife,
  { uid, clockMs }: RequestName & Time,
): Required<Pick<Changed<KvState>, 'state' | 'freed' | 'timers'>> {
  const before = get(state.entries, key)
  const version = state.version + 1
  const stored: StoredEntry = {
    ...{ value, version, owner: session === true ? uid : null },
    expiresMs: ttlMs === undefined ? null : clockMs + ttlMs,
  }
  const bytes = state.bytes + bytesOf(key, stored) - bytesOf(key, before)
  const entries = put(state.entries, key, stored)
  const owned = owning(disowning(state.owned, key, before), key, stored)
  if (stored.owner !== null && sizeOf(get(owned, uid) ?? emptyMap) > kvLimits.sessionKeys) {
    throw new Error(`at most ${kvLimits.sessionKeys} keys live with one session; delete some first`)
  }
  const after = logged({ ...state, version, entries, bytes, owned }, key)
  return {
    state: after,
    freed: [...headKeys(after, key), ...watcherKeys(after, [key])],
    timers: ttlMs === undefined ? cancelled(key, before) : [{ name: key, afterMs: ttlMs }],
  }
}

/** Removes the entries of `keys`, which exist. */
export function removeEntries(
  state: KvState,
  keys: readonly string[],
): Required<Pick<Changed<KvState>, 'state' | 'freed' | 'timers'>> {
  const timers: TimerChange[] = []
  let after = state
  for (const key of keys) {
    const before = get(after.entries, key)
    const version = after.version + 1
    const bytes = after.bytes - bytesOf(key, before)
    const owned = disowning(after.owned, key, before)
    after = logged({ ...after, version, bytes, owned, entries: drop(after.entries, key) }, key)
    timers.push(...cancelled(key, before))
  }
  return { state: after, freed: watcherKeys(after, keys), timers }
}

/** The size of all entries, and of what waits. The last changes take little, and their number has a limit. */
export function sizeBytes({ bytes, takers, watchers }: KvState): number {
  return bytes + (sizeOf(takers) + sizeOf(watchers)) * waiterBytes
}

/** The keys that live with the session `uid`. */
export function keysOf({ owned }: KvState, uid: string): readonly string[] {
  return entriesOf(get(owned, uid) ?? emptyMap).map(([key]) => key)
}

/** True when keys live with the session, or a `take` of it is in a line. */
export function isKept({ owned, takers }: KvState, uid: string): boolean {
  const start = `${uid} `
  return has(owned, uid) || entriesFrom(takers, start, 1)[0]?.[0].startsWith(start) === true
}

/** The longest waiting taker of `key`, if any. */
export function headOf({ lines }: KvState, key: string): Taker | undefined {
  return entriesOf(get(lines, key) ?? emptyMap, 1)[0]?.[1]
}

export function withTaker(state: KvState, request: string, taker: Taker): KvState {
  return {
    ...state,
    arrivals: state.arrivals + 1,
    takers: put(state.takers, request, taker),
    lines: inLine(state.lines, taker),
  }
}

export function withoutTaker(state: KvState, request: string): KvState {
  const taker = get(state.takers, request)
  if (taker === undefined) return state
  const line = drop(get(state.lines, taker.key) ?? emptyMap, numberKey(taker.place))
  const lines = line === null ? drop(state.lines, taker.key) : put(state.lines, taker.key, line)
  return { ...state, takers: drop(state.takers, request), lines }
}

/** The keys for which the takers wait that may run now: the first of the line when there is an entry. */
export function headKeys(state: KvState, key: string): readonly string[] {
  const head = headOf(state, key)
  return head !== undefined && has(state.entries, key) ? [wakeKey(head)] : []
}

/**
 * The changed keys of `target` above the version `seen`, in order of their last change, as many as one result may hold, and the
 * version up to which these are all.
 */
export function changesAfter(
  state: KvState,
  target: KvTarget,
  seen: number,
): { readonly changes: readonly KvChange[]; readonly version: number } {
  const versions = new Map<string, number>()
  const newer = lastChanges(state.changes, Math.max(0, state.version - seen))
  for (const [place, key] of newer.entries()) {
    if (!isMatch(target, key)) continue
    versions.delete(key)
    versions.set(key, state.version - newer.length + 1 + place)
  }
  const changes: KvChange[] = []
  let bytes = 0
  for (const [key, version] of versions) {
    const change = entryAt(state, key) ?? { key, version, deleted: true as const }
    bytes += jsonBytes(change) + 1
    if (changes.length === kvLimits.listEntries || (changes.length > 0 && bytes > kvLimits.listBytes)) {
      return { changes, version: changes.at(-1)?.version ?? seen }
    }
    changes.push(change)
  }
  return { changes, version: state.version }
}

/** True when the store knows all changes above the version `seen`. */
export function knowsChangesAfter({ version, changes }: KvState, seen: number): boolean {
  return seen >= version - changeCount(changes)
}

/** The state with the maps that follow from the others. */
export function withDerived(state: Omit<KvState, 'lines' | 'owned' | 'bytes'>): KvState {
  let { lines, owned, bytes } = emptyState
  for (const [key, stored] of entriesOf(state.entries)) {
    owned = owning(owned, key, stored)
    bytes += bytesOf(key, stored)
  }
  for (const [, taker] of entriesOf(state.takers)) lines = inLine(lines, taker)
  return { ...state, lines, owned, bytes }
}

function isMatch(target: KvTarget, key: string): boolean {
  return 'key' in target ? key === target.key : key.startsWith(target.prefix)
}

/** The keys for which watches of one of `keys` wait. */
function watcherKeys({ watchers }: KvState, keys: readonly string[]): readonly string[] {
  return entriesOf(watchers)
    .filter(([, { target }]) => keys.some((key) => isMatch(target, key)))
    .map(([, watcher]) => wakeKey(watcher))
}

/** Notes that `key` changed at the version of `state`. */
function logged(state: KvState, key: string): KvState {
  return { ...state, changes: withChange(state.changes, key, kvLimits.changes) }
}

function inLine(lines: KvState['lines'], taker: Taker): KvState['lines'] {
  const line = put(get(lines, taker.key) ?? emptyMap, numberKey(taker.place), taker)
  return put(lines, taker.key, line)
}

function owning(owned: KvState['owned'], key: string, { owner }: StoredEntry): KvState['owned'] {
  if (owner === null) return owned
  return put(owned, owner, put<true>(get(owned, owner) ?? emptyMap, key, true))
}

function disowning(owned: KvState['owned'], key: string, before: StoredEntry | undefined): KvState['owned'] {
  const owner = before?.owner ?? null
  if (owner === null) return owned
  const keys = drop(get(owned, owner) ?? emptyMap, key)
  return keys === null ? drop(owned, owner) : put(owned, owner, keys)
}

function cancelled(key: string, before: StoredEntry | undefined): readonly TimerChange[] {
  return before === undefined || before.expiresMs === null ? [] : [{ name: key, afterMs: null }]
}

function bytesOf(key: string, stored: StoredEntry | undefined): number {
  return stored === undefined ? 0 : jsonBytes(key) + jsonBytes(stored.value) + entryOverheadBytes
}
