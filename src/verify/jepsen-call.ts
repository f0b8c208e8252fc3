/** What the commands of the lock and the register service are called in Jepsen. */
import type { Json } from '../../machines/batch.ts'
import { fieldsOf, nameIn, shown } from '../services/fields.ts'

/** What an operation is called in Jepsen, and its arguments or, once there is a result, what it gave. */
export interface JepsenCall {
  readonly f: string
  readonly value: Json
  /** It was executed and changed nothing, which Jepsen calls a failure. */
  readonly isVoid?: boolean
  readonly more?: Readonly<Record<string, Json>>
}

/**
 * What `command` is called; with the result, if there is one, in its place. Throws when it is of neither service.
 */
export function jepsenCall(command: Json, result: Json | undefined): JepsenCall {
  const fields = fieldsOf(command, 'a command')
  const given = result === undefined ? {} : fieldsOf(result, 'a result')
  const { action, value = null, expected = null, amount = null } = fields
  if (action === 'lock' || action === 'unlock') {
    const call = { f: action, value: nameIn(fields, 'name', Number.POSITIVE_INFINITY) }
    const { token, freed } = given
    if (token !== undefined) {
      const { instance = null, index = null } = fieldsOf(token, 'token')
      return { ...call, more: { token: [instance, index] } }
    }
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
      throw new Error(`action is ${shown(action)}: it must be one of the lock or of the register service`)
  }
}
