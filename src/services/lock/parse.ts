/** Reads the commands of the lock service from JSON. */
import type { Json } from '../../../machines/batch.ts'
import { countIn, type Fields, fieldsOf, nameIn, shown } from '../fields.ts'
import type {
  ForceCommand,
  FreeCommand,
  LockCommand,
  LockMode,
  QueryCommand,
  TakeCommand,
} from '../lock-commands.ts'
import { lockLimits, maxLockNameLength } from './limits.ts'

/** Throws an error that names the problem and the received value when `body` is not a command. */
export function parseLockCommand(body: Json): LockCommand {
  const fields = fieldsOf(body, 'a command of the lock service')
  switch (fields.action) {
    case 'lock':
      return takeCommandIn(fields)
    case 'unlock':
      return freeCommandIn(fields)
    case 'force':
      return forceCommandIn(fields)
    case 'query':
      return queryCommandIn(fields)
    default:
      throw new Error(`action is ${shown(fields.action)}: it must be "lock", "unlock", "force" or "query"`)
  }
}

function takeCommandIn(fields: Fields): TakeCommand {
  const command: TakeCommand = {
    action: 'lock',
    ...(fields.names === undefined ? { name: lockNameIn(fields, 'name') } : { names: namesIn(fields) }),
    ...(fields.mode !== undefined && { mode: modeIn(fields) }),
    ...(fields.permits !== undefined && { permits: numberIn(fields, 'permits', 1, lockLimits.holders) }),
    ...flagIn(fields, 'reentrant'),
    ...flagIn(fields, 'try'),
    ...flagIn(fields, 'steal'),
  }
  if (command.permits !== undefined && command.mode === 'shared') {
    throw new Error('mode is "shared" beside permits: a request has one of them')
  }
  if (command.steal) {
    const other = (['try', 'reentrant', 'names', 'permits'] as const).find(
      (field) => command[field] !== undefined,
    )
    if (other !== undefined) throw new Error(`steal is true beside ${other}: a request has one of them`)
    if (command.mode === 'shared') throw new Error('steal is true beside the mode "shared": it is exclusive')
  }
  return command
}

function freeCommandIn(fields: Fields): FreeCommand {
  if (fields.token === undefined) return { action: 'unlock', name: lockNameIn(fields, 'name') }
  const token = numberIn(fields, 'token', 1, Number.MAX_SAFE_INTEGER)
  if (fields.names !== undefined) return { action: 'unlock', token, names: namesIn(fields) }
  return fields.name === undefined
    ? { action: 'unlock', token }
    : { action: 'unlock', name: lockNameIn(fields, 'name'), token }
}

function forceCommandIn(fields: Fields): ForceCommand {
  return { action: 'force', name: lockNameIn(fields, 'name'), ...flagIn(fields, 'now') }
}

function queryCommandIn(fields: Fields): QueryCommand {
  return {
    action: 'query',
    ...(fields.name !== undefined && { name: lockNameIn(fields, 'name') }),
    ...(fields.prefix !== undefined && { prefix: lockNameIn(fields, 'prefix') }),
    ...(fields.after !== undefined && { after: lockNameIn(fields, 'after') }),
    ...(fields.limit !== undefined && { limit: numberIn(fields, 'limit', 1, lockLimits.queried) }),
  }
}

function lockNameIn(fields: Fields, field: string): string {
  return nameIn(fields, field, maxLockNameLength)
}

function namesIn(fields: Fields): readonly string[] {
  const { name, names } = fields
  if (name !== undefined) throw new Error(`name is ${shown(name)} beside names: a command has one of them`)
  const { names: most } = lockLimits
  if (!Array.isArray(names) || names.length === 0 || names.length > most) {
    throw new Error(`names is ${shown(names)}: it must be a list of 1 to ${most} names`)
  }
  const read = names.map((each, place) => lockNameIn({ [`names[${place}]`]: each }, `names[${place}]`))
  const twice = read.find((each, place) => read.indexOf(each) !== place)
  if (twice !== undefined) throw new Error(`names has ${shown(twice)} twice: it must have each name once`)
  return read
}

function modeIn({ mode }: Fields): LockMode {
  if (mode === 'exclusive' || mode === 'shared') return mode
  throw new Error(`mode is ${shown(mode)}: it must be "exclusive" or "shared"`)
}

function numberIn(fields: Fields, field: string, least: number, most: number): number {
  const value = countIn(fields, field)
  if (value >= least && value <= most) return value
  throw new Error(`${field} is ${value}: it must be a whole number from ${least} to ${most}`)
}

/** The field, if it is true. */
function flagIn<Name extends string>(fields: Fields, field: Name): { readonly [name in Name]?: true } {
  const value = fields[field]
  if (value === undefined || value === false) return {}
  if (value !== true) throw new Error(`${field} is ${shown(value)}: it must be true or false`)
  return { [field]: true } as { readonly [name in Name]?: true }
}
