import type { Message } from '../../machines/messages.ts'
import { entryOf } from '../messages/dictionary.ts'

/**
 * Removes messages that a later one of the same datagram repeats. Answers are longer than questions, so each question of a
 * datagram is answered once.
 */
export function withoutRepetitions(messages: readonly Message[]): readonly Message[] {
  if (messages.length < 2) return messages
  const seen = new Set<string>()
  const kept = messages.toReversed().filter((message) => {
    const key = keyOf(message)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
  return kept.length === messages.length ? messages : kept.reverse()
}

/** Equal for two messages of one sender with the same content or the same question. */
function keyOf(message: Message): string {
  return `${message.type} ${entryOf(message).repetitionKey(message)}`
}
