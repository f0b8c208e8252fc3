/** Messages as the lanes tell them apart: of which kind one is, how it is labelled, and when two are the same. */
import type { ClientMessage, NodeMessage, ServerMessage } from '../../machines/messages.ts'
import { requestName, shownName } from '../../src/core/names.ts'
import { ballotText } from '../../src/transcript/words.ts'

/** Whatever an arrow may carry. */
export type LaneMessage = NodeMessage | ClientMessage | ServerMessage

/** What the reader can hide. */
export type MessageKind = NodeMessage['type'] | 'request' | 'response' | 'own'

/** In the order of the protocol. `own`: what a server says to itself, whichever message it is. */
export const messageKinds: readonly MessageKind[] = [
  'prepare',
  'promise',
  'accept',
  'accepted',
  'denial',
  'learn',
  'chosen',
  'request',
  'response',
  'own',
]

/** The kind of a message to somebody else. */
export function kindOf(message: LaneMessage): Exclude<MessageKind, 'own'> {
  switch (message.type) {
    case 'request':
    case 'hello':
    case 'inquire':
      return 'request'
    case 'response':
    case 'queued':
    case 'busy':
    case 'welcome':
    case 'report':
      return 'response'
    default:
      return message.type
  }
}

/** The session of the client at one end of it, if the message tells. */
export function uidOfMessage(message: LaneMessage): string | null {
  return 'uid' in message ? message.uid : null
}

/**
 * Two messages between the same parties with the same key are copies of one another. It is short, and made only of what
 * both ends report alike: never of whole batches.
 */
export function messageKey(message: LaneMessage): string {
  switch (message.type) {
    case 'prepare':
      return `prepare ${ballotText(message.ballot)} ${message.from}`
    case 'promise':
      return `promise ${ballotText(message.ballot)} ${message.from} ${message.firstUnchosen}`
    case 'accept':
    case 'accepted':
      return `${message.type} ${ballotText(message.ballot)} ${message.instance}`
    case 'denial': {
      const { ballot, instance, promised, firstUnchosen } = message
      return `denial ${ballotText(ballot)} ${instance} ${ballotText(promised)} ${firstUnchosen}`
    }
    case 'learn':
      return `learn ${message.from}`
    case 'chosen':
      return `chosen ${message.from} ${message.firstUnchosen} ${message.unsettled}`
    case 'response':
      return `response ${message.uid} ${message.seq} ${message.outcome.kind}`
    case 'request':
    case 'queued':
    case 'busy':
      return `${message.type} ${message.uid} ${message.seq}`
    case 'hello':
    case 'inquire':
    case 'welcome':
    case 'report':
      return message.type
  }
  message satisfies never
  return ''
}

/** What stands at an arrow: `accept 1.0 #4`, the ballot and the instance. */
export function messageLabel(message: LaneMessage): string {
  switch (message.type) {
    case 'prepare':
      return `prepare ${ballotText(message.ballot)} #${message.from}`
    case 'promise':
      return `promise ${ballotText(message.ballot)} #${message.from}`
    case 'accept':
    case 'accepted':
    case 'denial':
      return `${message.type} ${ballotText(message.ballot)} #${message.instance}`
    case 'learn':
      return `learn #${message.from}`
    case 'chosen': {
      const { from, batches } = message
      return batches.length > 1 ? `chosen #${from}–${from + batches.length - 1}` : `chosen #${from}`
    }
    case 'request':
    case 'response':
    case 'queued':
    case 'busy':
      return `${message.type} ${requestName(message)}`
    case 'hello':
    case 'inquire':
    case 'welcome':
    case 'report':
      return message.type
  }
  message satisfies never
  return ''
}

/** Letters of a client's name for which there is room at a lane: an address has more. */
const shownLetters = 10

/** A client's name as it stands at a lane. */
export function laneClientName(name: string): string {
  const shown = shownName(name)
  return shown.length > shownLetters ? `${shown.slice(0, shownLetters - 1)}…` : shown
}
