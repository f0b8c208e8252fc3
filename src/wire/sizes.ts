/** Limits on the JSON of the parts of a message. A part that is accepted once must fit into every later message that contains it. */
import type { Message } from '../../machines/messages.ts'
import { commandBytes } from '../core/command-bytes.ts'
import { maxCommandBytes } from './limits.ts'

/** Describes the command in `message` that is too long; `null` for none. The limit of a batch applies to its bytes (batch-parts.ts). */
export function excessIn(message: Message): string | null {
  if (message.type !== 'request') return null
  const command = commandBytes(message.command)
  return command > maxCommandBytes ? `a command of ${command} bytes` : null
}
