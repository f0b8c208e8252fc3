/** What the JSON of a message's parts may take. A part that is taken once has to fit into every later message that shows it. */
import type { Message } from '../../machines/messages.ts'
import { utf8 } from '../core/bytes.ts'
import { commandBytes } from '../core/command-bytes.ts'
import { entryOf } from '../messages/dictionary.ts'
import { maxBatchBytes, maxCommandBytes } from './limits.ts'

/** Which part of `message` is too long, in words; `null` when none is. It came in `bytes`, together with others or alone. */
export function excessIn(message: Message, bytes: number): string | null {
  if (message.type === 'request') {
    const command = commandBytes(message.command)
    return command > maxCommandBytes ? `a command of ${command} bytes` : null
  }
  // What is shorter as a whole has no part that is too long; most messages are.
  if (bytes <= maxBatchBytes) return null
  for (const batch of entryOf(message).batches(message)) {
    const length = utf8(JSON.stringify(batch)).length
    if (length > maxBatchBytes) return `a batch of ${length} bytes`
  }
  return null
}
