/** The shape of what a page or a hub asks to be done: checked before anybody does it. */
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { roleNames } from '../../core/roles.ts'
import { dictionary } from '../../messages/dictionary.ts'
import { closed, integer } from '../../messages/part-schemas.ts'
import type { ControlCommand } from './control.ts'

/** More rules than a reader can have made, and fewer than would make a server slow. */
const maxRules = 200

/** The longest that a message is held back, in milliseconds. */
export const maxDelayMs = 60_000

const maxCount = 1_000_000
const maxLockName = 256
const maxTimerId = 200

function oneOf(values: readonly string[]) {
  return Type.Union(values.map((value) => Type.Literal(value)))
}

const party = Type.Union([integer, Type.Literal('client'), Type.Literal('any')])

const rule = closed({
  from: party,
  to: party,
  message: oneOf(['any', ...Object.keys(dictionary)]),
  action: oneOf(['drop', 'delay', 'duplicate']),
  delayMs: Type.Integer({ minimum: 0, maximum: maxDelayMs }),
  count: Type.Union([Type.Integer({ minimum: 1, maximum: maxCount }), Type.Null()]),
})

const command = Type.Union([
  closed({ type: Type.Literal('rules'), rules: Type.Array(rule, { maxItems: maxRules }) }),
  closed({ type: oneOf(['pause', 'resume', 'crash', 'restart']), node: integer }),
  closed({
    type: Type.Literal('timer'),
    node: integer,
    role: oneOf(roleNames),
    id: Type.String({ minLength: 1, maxLength: maxTimerId }),
  }),
  closed({ type: Type.Literal('cluster'), key: Type.String({ minLength: 1, maxLength: 40 }) }),
  closed({
    type: Type.Literal('request'),
    action: oneOf(['lock', 'unlock']),
    name: Type.String({ minLength: 1, maxLength: maxLockName }),
  }),
])

const commandCheck = TypeCompiler.Compile(command)

/** True when `value` is a command in every part. */
export function isControlCommand(value: unknown): value is ControlCommand {
  return commandCheck.Check(value)
}
