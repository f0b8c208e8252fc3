/** The shapes of commands from a page or a hub. They are checked before a command is executed. */
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { roleNames } from '../../core/roles.ts'
import { closed, integer } from '../../messages/part-schemas.ts'
import type { ControlCommand } from './control.ts'
import { oneOf, rules } from './record-schemas.ts'

const maxLockName = 256
const maxTimerId = 200

const command = Type.Union([
  closed({ type: Type.Literal('rules'), rules }),
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

/** True when `value` is a valid command. */
export function isControlCommand(value: unknown): value is ControlCommand {
  return commandCheck.Check(value)
}
