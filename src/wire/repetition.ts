import type { Message, RequestMessage } from '../../machines/messages.ts'
import { entryOf } from '../messages/dictionary.ts'

/**
 * Removes messages that a later one of the same datagram repeats, and requests that a later message repeats. Answers are longer than
 * questions, so each question of a datagram is answered once.
 */
export function withoutRepetitions(messages: readonly Message[]): readonly Message[] {
  if (messages.length < 2) return messages
  const seen = new Set<string>()
  const kept: Message[] = []
  let isChanged = false
  for (let place = messages.length - 1; place >= 0; place -= 1) {
    const message = messages[place] as Message
    const left = message.type === 'request' ? withoutRepeated(message, seen) : unlessSeen(message, seen)
    if (left !== message) isChanged = true
    if (left !== null) kept.push(left)
  }
  return isChanged ? kept.reverse() : messages
}

function unlessSeen(message: Message, seen: Set<string>): Message | null {
  const key = keyOf(message)
  if (seen.has(key)) return null
  seen.add(key)
  return message
}

/** The message without the requests that a later one carries too; `null` when none is left. */
function withoutRepeated(message: RequestMessage, seen: Set<string>): RequestMessage | null {
  const requests = message.requests.filter(({ seq }) => {
    const key = `${message.type} ${seq} ${message.uid}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
  if (requests.length === message.requests.length) return message
  return requests.length === 0 ? null : { ...message, requests }
}

/** Equal for two messages of one sender with the same content or the same question. */
function keyOf(message: Message): string {
  return `${message.type} ${entryOf(message).repetitionKey(message)}`
}
