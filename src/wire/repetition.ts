import type { Ballot } from '../../machines/ballot.ts'
import type { Message } from '../../machines/messages.ts'

/**
 * `messages` without those that a later one of the same datagram repeats. Answers are longer than
 * questions, so each question of a datagram is answered once.
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

/** Equal for two messages of one sender that say, or ask, the same. */
function keyOf(message: Message): string {
  const { type } = message
  switch (message.type) {
    case 'hello':
    case 'inquire':
    case 'welcome':
    case 'report':
    case 'challenge':
    case 'join':
    case 'invitation':
    case 'notInvited':
    case 'found':
    case 'founder':
    case 'notFounder':
      return type
    case 'request':
    case 'response':
    case 'queued':
    case 'busy':
      return `${type} ${message.seq} ${message.uid}`
    // One page is read at a time, and whoever asks twice needs what it asked for last.
    case 'learn':
      return type
    case 'prepare':
      return `${type} ${nameOf(message.ballot)} ${message.from}`
    case 'promise':
      return `${type} ${nameOf(message.ballot)} ${message.from} ${message.accepted.length} ${message.firstUnchosen}`
    case 'accept':
    case 'accepted':
      return `${type} ${nameOf(message.ballot)} ${message.instance}`
    case 'denial':
      return `${type} ${nameOf(message.ballot)} ${message.instance} ${nameOf(message.promised)} ${message.firstUnchosen}`
    case 'chosen':
      return `${type} ${message.from} ${message.batches.length} ${message.firstUnchosen} ${message.unsettled}`
  }
  message satisfies never
  return type
}

function nameOf(ballot: Ballot | null): string {
  return ballot === null ? '-' : `${ballot.round}.${ballot.node}`
}
