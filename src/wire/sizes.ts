/** Limits on the JSON of the parts of a message. A part that is accepted once must fit into every later message that contains it. */
import type { Command, RequestGroup } from '../../machines/batch.ts'
import type { Message } from '../../machines/messages.ts'
import { commandBytes } from '../core/command-bytes.ts'
import { maxCommandBytes } from './limits.ts'

/** The groups of requests that do not belong to a batch. */
function groupsIn(message: Message): readonly RequestGroup[] {
  if (message.type === 'request') return [message]
  return message.type === 'handOver' ? message.groups : []
}

function commandsIn(message: Message): readonly Command[] {
  if (message.type === 'read') return message.reads.map(({ body }) => ({ kind: 'service', body }))
  return groupsIn(message).flatMap(({ requests }) => requests.map(({ command }) => command))
}

/** Describes the command in `message` that is too long; `null` for none. The limit of a batch applies to its bytes (batch-parts.ts). */
export function excessIn(message: Message): string | null {
  for (const command of commandsIn(message)) {
    const length = commandBytes(command)
    if (length > maxCommandBytes) return `a command of ${length} bytes`
  }
  return null
}
