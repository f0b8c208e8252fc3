/** Reference models of the key-value store. They share no code with the service, so that a fault in it cannot hide itself. */
import type { Json } from '../../machines/batch.ts'
import { canonicalJson } from '../core/digest.ts'
import { type Fields, fieldsOf, type Model, same } from './models.ts'

/** The version is `'unseen'` when no client received it, and 0 when there is no value. `last` is the largest version seen of the key. */
type KvState = { readonly value: Json; readonly version: number | 'unseen'; readonly last: number }

/** The entry of a key as `state` has it, once a client has seen it: `undefined` when it is another. */
function seenEntry(state: KvState, entry: Json | undefined): KvState | undefined {
  if (state.value === null) return entry === null ? state : undefined
  const { value, version } = fieldsOf(entry ?? null)
  if (typeof version !== 'number' || !same(state.value, value)) return undefined
  if (state.version === 'unseen')
    return version > state.last ? { ...state, version, last: version } : undefined
  return version === state.version ? state : undefined
}

/** `state` after a put whose client received the version `version`, or no answer. */
function afterPut({ last }: KvState, value: Json, version: Json | undefined): KvState | undefined {
  if (version === undefined) return { value, version: 'unseen', last }
  return typeof version === 'number' && version > last ? { value, version, last: version } : undefined
}

function withoutValue({ last }: KvState): KvState {
  return { value: null, version: 0, last }
}

/** The possible states of a key, in an order that depends on nothing else. */
type Possible = readonly KvState[]

const noValue: Possible = [{ value: null, version: 0, last: 0 }]

/** `undefined` when no state is possible. */
function distinct(states: Possible): Possible | undefined {
  const possible = new Map(states.map((state) => [canonicalJson(state), state]))
  if (possible.size === 0) return undefined
  return [...possible].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, state]) => state)
}

/**
 * The key-value store, by key. Its state is a list of the possible states: whether a version that no client received is the one that a
 * command expects cannot be known. The versions of a key grow. `kvStoreModel` also judges what concerns several keys. Keys that expire
 * or live with a session are not judged.
 */
export const kvModel: Model = {
  keyOf: (command) => String(fieldsOf(command).key ?? 'several keys'),
  initial: noValue,
  step(json, command, result) {
    return distinct((json as Possible).flatMap((state) => kvSteps(state, fieldsOf(command), result)))
  },
  // Any other result may rule out possible states.
  onlyReads: (command) => fieldsOf(command).action === 'list',
}

/** The states in which the key may be after the command. */
function kvSteps(state: KvState, command: Fields, result: Json | undefined): readonly KvState[] {
  const { action, key, value = null, version = null, after } = command
  const answer = fieldsOf(result ?? null)
  const isUnanswered = result === undefined
  const list = (next: KvState | undefined) => (next === undefined ? [] : [next])
  switch (action) {
    case 'get':
      return isUnanswered ? [state] : list(seenEntry(state, answer.entry))
    case 'put':
      return list(afterPut(state, value, isUnanswered ? undefined : (answer.version ?? null)))
    case 'delete': {
      const mayDelete = state.value !== null && (version === null || mayBe(state, version))
      const mayStay = state.value === null || (version !== null && version !== state.version)
      return [
        ...(mayDelete && (isUnanswered || answer.deleted === true) ? [withoutValue(state)] : []),
        ...(mayStay && (isUnanswered || answer.deleted === false) ? [state] : []),
      ]
    }
    case 'compareAndSet': {
      const maySet = mayBe(state, version)
      const mayStay = version !== state.version
      if (isUnanswered)
        return [...(maySet ? list(afterPut(state, value, undefined)) : []), ...(mayStay ? [state] : [])]
      if (answer.set === false)
        return list(seenEntry(state, answer.entry)).filter((seen) => seen.version !== version)
      if (answer.set !== true || !maySet) return []
      const last = Math.max(state.last, Number(version))
      return list(afterPut({ ...state, last }, value, answer.version ?? null))
    }
    case 'take':
      if (state.value === null) return []
      return (isUnanswered ? [state] : list(seenEntry(state, answer.entry))).map(withoutValue)
    case 'watch':
      if (key === undefined || isUnanswered || answer.missed === true) return [state]
      return list(afterWatch(state, Number(after ?? 0), answer))
    case 'list':
      return [state]
    default:
      return []
  }
}

/** True when the version of the key may be `version`. */
function mayBe(state: KvState, version: Json): boolean {
  if (typeof version !== 'number') return false
  return state.version === 'unseen' ? version > state.last : version === state.version
}

/** A watch of one key shows its last change. */
function afterWatch(state: KvState, after: number, { changes }: Fields): KvState | undefined {
  const [change = null, ...others] = Array.isArray(changes) ? (changes as readonly Json[]) : []
  const { version } = fieldsOf(change)
  if (others.length > 0 || typeof version !== 'number' || version <= after) return undefined
  return afterChange(state, change)
}

/** A change of a key as a client has seen it: its entry, or the version at which it was deleted. */
function afterChange(state: KvState, change: Json): KvState | undefined {
  const { version, deleted } = fieldsOf(change)
  if (deleted !== true) return seenEntry(state, change)
  return state.value === null && Number(version) > state.last ? state : undefined
}

/** `last` is the largest version seen of all keys. `keys` has each key of which anything is known. */
interface KvStore {
  readonly last: number
  readonly keys: { readonly [key: string]: Possible }
}

/**
 * The whole key-value store. Unlike `kvModel` it judges `list`, `watch` of a prefix, and that versions grow over all keys. It has one
 * part, so a search takes much longer. The length of a list or a watch that was cut short is not judged.
 */
export const kvStoreModel: Model = {
  keyOf: () => 'store',
  initial: { last: 0, keys: {} },
  step(json, command, result) {
    const store = json as unknown as KvStore
    return storeAfter(store, fieldsOf(command), result) as Json | undefined
  },
  onlyReads: () => false,
}

function storeAfter(store: KvStore, command: Fields, result: Json | undefined): KvStore | undefined {
  const { action, key } = command
  const answer = fieldsOf(result ?? null)
  if (typeof key === 'string') {
    const puts = action === 'put' || answer.set === true
    if (puts && typeof answer.version === 'number' && answer.version <= store.last) return undefined
    const possible = distinct(possibleOf(store, key).flatMap((state) => kvSteps(state, command, result)))
    return possible && { last: lastOf(store, possible), keys: { ...store.keys, [key]: possible } }
  }
  if (result === undefined) return store
  return action === 'list' ? afterList(store, command, answer) : afterPrefixWatch(store, command, answer)
}

function possibleOf({ keys }: KvStore, key: string): Possible {
  return Object.hasOwn(keys, key) ? (keys[key] ?? noValue) : noValue
}

function lastOf({ last }: KvStore, possible: Possible): number {
  return Math.max(last, ...possible.map((state) => state.last))
}

/** A list has every key in its range that has a value, in order, and no other. */
function afterList(store: KvStore, { prefix, after, limit }: Fields, answer: Fields): KvStore | undefined {
  const { entries, next = null, version } = answer
  if (!Array.isArray(entries) || typeof version !== 'number' || version < store.last) return undefined
  const listed = entries.map((entry) => [String(fieldsOf(entry).key), entry] as const)
  const isInRange = (key: string) =>
    key.startsWith(String(prefix)) &&
    (after === undefined || key > String(after)) &&
    (next === null || key <= String(next))
  const isOrdered = listed.every(
    ([key], place) => isInRange(key) && (place === 0 || key > String(listed[place - 1]?.[0])),
  )
  if (!isOrdered || (next !== null && next !== listed.at(-1)?.[0])) return undefined
  if (limit !== undefined && listed.length > Number(limit)) return undefined
  const absent = Object.keys(store.keys).filter(
    (key) => isInRange(key) && listed.every(([other]) => other !== key),
  )
  const left = narrowed(store, [
    ...listed.map(([key, entry]) => [key, (state: KvState) => seenEntry(state, entry)] as const),
    ...absent.map((key) => [key, (state: KvState) => seenEntry(state, null)] as const),
  ])
  return left === undefined || left.last > version ? undefined : { ...left, last: version }
}

/** A watch has every key under its prefix whose last change it knows to lie above `after`, in the order of these changes. */
function afterPrefixWatch(
  store: KvStore,
  { prefix, after }: Fields,
  { changes, version, missed }: Fields,
): KvStore | undefined {
  if (missed === true) return store
  if (!Array.isArray(changes) || changes.length === 0 || typeof version !== 'number') return undefined
  const seen = changes.map((change) => {
    const fields = fieldsOf(change)
    return { key: String(fields.key), version: Number(fields.version), change }
  })
  const isOrdered = seen.every(
    (one, place) =>
      one.key.startsWith(String(prefix)) &&
      one.version > (seen[place - 1]?.version ?? Number(after ?? 0)) &&
      one.version <= version,
  )
  if (!isOrdered) return undefined
  const unchanged = Object.keys(store.keys).filter(
    (key) => key.startsWith(String(prefix)) && seen.every((one) => one.key !== key),
  )
  // Without `after` it is not known from where on the watch saw changes.
  const mayBeUnseen = (state: KvState) =>
    after === undefined ||
    typeof state.version !== 'number' ||
    state.version <= Number(after) ||
    state.version > version
  return narrowed(store, [
    ...seen.map(({ key, change }) => [key, (state: KvState) => afterChange(state, change)] as const),
    ...unchanged.map((key) => [key, (state: KvState) => (mayBeUnseen(state) ? state : undefined)] as const),
  ])
}

/** The store when what was seen of each key leaves the states that its function returns; `undefined` when it leaves none. */
function narrowed(
  store: KvStore,
  seen: readonly (readonly [key: string, left: (state: KvState) => KvState | undefined])[],
): KvStore | undefined {
  let { last, keys } = store
  for (const [key, left] of seen) {
    const possible = distinct(possibleOf(store, key).flatMap((state) => left(state) ?? []))
    if (possible === undefined) return undefined
    last = lastOf({ last, keys }, possible)
    keys = { ...keys, [key]: possible }
  }
  return { last, keys }
}
