/** The Jepsen names of the commands of the lock and the register service. */
import type { Json } from '../../machines/batch.ts'
import { fieldsOf, nameIn, shown } from '../services/fields.ts'

/** The Jepsen name of an operation, and its arguments or, when there is a result, its result. */
export interface JepsenCall {
  readonly f: string
  readonly value: Json
  /** The operation was executed and changed nothing. Jepsen calls this a failure. */
  readonly isVoid?: boolean
  readonly more?: Readonly<Record<string, Json>>
}

/** The Jepsen call of `command`, with the result if there is one. Throws when the command belongs to neither service. */
export function jepsenCall(command: Json, result: Json | undefined): JepsenCall {
  const fields = fieldsOf(command, 'a command')
  const given = result === undefined ? {} : fieldsOf(result, 'a result')
  const { action, value = null, expected = null, amount = null } = fields
  if (action === 'lock' || action === 'unlock' || action === 'force') {
    const call = { f: action, value: nameIn(fields, 'name', Number.POSITIVE_INFINITY) }
    const { token, freed, refused } = given
    if (refused !== undefined) return { ...call, isVoid: true, more: { refused } }
    if (token !== undefined) return { ...call, more: { token } }
    return freed === undefined ? call : { ...call, more: { freed } }
  }
  const key = nameIn(fields, 'key', Number.POSITIVE_INFINITY)
  switch (action) {
    case 'read':
      return { f: 'read', value: [key, given.value ?? null] }
    case 'write':
      return { f: 'write', value: [key, value] }
    case 'compareAndSet':
      return { f: 'cas', value: [key, [expected, value]], isVoid: given.set === false }
    case 'add': {
      const call = { f: 'add', value: [key, amount] }
      return given.count === undefined ? call : { ...call, more: { count: given.count } }
    }
    case 'count':
      return { f: 'count', value: [key, given.count ?? null] }
    default:
      throw new Error(`action is ${shown(action)}: it must be an action of the lock or the register service`)
  }
}
