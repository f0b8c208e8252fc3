/**
 * The lock service. As simple as the seed's: it checks no owner, and a client that requests a lock twice waits for itself.
 * It adds the fencing token: with it, the resource that the lock protects can reject a late holder.
 */
import type { Json } from '../../machines/batch.ts'
import { textOf, utf8 } from '../core/bytes.ts'
import { countIn, type Fields, fieldsOf, nameIn, shown } from './fields.ts'
import { type LockCommand, type LockToken, lockCommand, unlockCommand } from './lock-commands.ts'
import {
  type Delayed,
  type Executed,
  type Moment,
  type Service,
  type ServiceTable,
  viewRows,
} from './service.ts'
import { drop, emptyMap, entriesOf, get, has, mapOf, put, type SortedMap, sizeOf } from './sorted-map.ts'

export type { LockCommand, LockToken } from './lock-commands.ts'

/** The result of `lock`, and the result of `unlock`. */
export type LockResult = { readonly token: LockToken } | { readonly freed: boolean }

export interface LockHolder {
  readonly token: LockToken
  readonly uid: string
}

/** The locks that are held, by name. */
export type LockState = SortedMap<LockHolder>

/** UTF-16 units of the name of a lock. */
export const maxLockNameLength = 256

/** A request for a lock that is held waits for a key: the lock's name. */
export const lockService: Service<LockState, LockCommand, LockResult> = {
  name: 'lock',
  initial: () => emptyMap,
  parse(body) {
    const fields = fieldsOf(body, 'a command of the lock service')
    const name = nameIn(fields, 'name', maxLockNameLength)
    switch (fields.action) {
      case 'lock':
        return lockCommand(name)
      case 'unlock':
        return unlockCommand(name, tokenIn(fields))
      default:
        throw new Error(`action is ${shown(fields.action)}: it must be "lock" or "unlock"`)
    }
  },
  execute(state, command, at) {
    return command.action === 'lock' ? lock(state, command.name, at) : unlock(state, command)
  },
  /** The result of `lock` is repeated only while its client still holds the lock. */
  stillHolds(state, command, result) {
    if (command.action === 'unlock') return true
    const holder = get(state, command.name)
    return holder !== undefined && 'token' in result && isSameToken(holder.token, result.token)
  },
  snapshot: (state) => utf8(JSON.stringify(heldLocks(state))),
  restore(bytes) {
    const held: ReturnType<typeof heldLocks> = JSON.parse(textOf(bytes))
    return mapOf(held.map(({ name, token, uid }) => [name, { token, uid }]))
  },
  view,
}

function view(state: LockState): { readonly tables: readonly ServiceTable[] } {
  const rows = entriesOf(state, viewRows).map(([name, { token, uid }]): Json[] => [
    name,
    uid,
    `${token.instance}.${token.index}`,
  ])
  const columns = ['lock', 'holder', 'token']
  return { tables: [{ name: 'locks', columns, rows, more: sizeOf(state) - rows.length, keyColumn: 0 }] }
}

/** The locks that are held, in order of name. */
export function heldLocks(
  state: LockState,
): readonly { readonly name: string; readonly token: LockToken; readonly uid: string }[] {
  return entriesOf(state).map(([name, { token, uid }]) => ({
    name,
    token: { instance: token.instance, index: token.index },
    uid,
  }))
}

function tokenIn(fields: Fields): LockToken | undefined {
  if (fields.token === undefined) return undefined
  const token = fieldsOf(fields.token, 'token')
  return { instance: countIn(token, 'instance'), index: countIn(token, 'index') }
}

function lock(
  state: LockState,
  name: string,
  { instance, index, uid }: Moment,
): Executed<LockState, LockResult> | Delayed<LockState> {
  if (has(state, name)) return { kind: 'delayed', state, key: name }
  const token = { instance, index }
  return { kind: 'executed', state: put(state, name, { token, uid }), result: { token } }
}

function unlock(
  state: LockState,
  { name, token }: { readonly name: string; readonly token?: LockToken },
): Executed<LockState, LockResult> {
  const holder = get(state, name)
  if (holder === undefined || (token !== undefined && !isSameToken(holder.token, token))) {
    return { kind: 'executed', state, result: { freed: false } }
  }
  return { kind: 'executed', state: drop(state, name), result: { freed: true }, freed: [name] }
}

function isSameToken(a: LockToken, b: LockToken): boolean {
  return a.instance === b.instance && a.index === b.index
}
