/** Limits on the JSON of the parts of a message. A part that is accepted once must fit into every later message that contains it. */
import type { RequestGroup } from '../../machines/batch.ts'
import type { Message } from '../../machines/messages.ts'
import { utf8 } from '../core/bytes.ts'
import { commandBytes } from '../core/command-bytes.ts'
import { entryOf } from '../messages/dictionary.ts'
import { maxBatchBytes, maxCommandBytes } from './limits.ts'

/** The groups of requests that do not belong to a batch. */
function groupsIn(message: Message): readonly RequestGroup[] {
  if (message.type === 'request') return [message]
  return message.type === 'handOver' ? message.groups : []
}

/** Describes the part of `message` that is too long; `null` for none. `bytes` is the size of the datagram that held the message. */
export function excessIn(message: Message, bytes: number): string | null {
  for (const { requests } of groupsIn(message)) {
    for (const { command } of requests) {
      const length = commandBytes(command)
      if (length > maxCommandBytes) return `a command of ${length} bytes`
    }
  }
  // A part cannot be longer than its datagram, and most datagrams are short.
  if (bytes <= maxBatchBytes) return null
  for (const batch of entryOf(message).batches(message)) {
    const length = utf8(JSON.stringify(batch)).length
    if (length > maxBatchBytes) return `a batch of ${length} bytes`
  }
  return null
}
