import { compareBallots } from '../../machines/ballot.ts'
import type { NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Message, PromiseMessage } from '../../machines/messages.ts'
import { isPlainText } from '../services/plain-text.ts'

/** What stands around a message: who says it, of which cluster. */
export interface Saying {
  readonly cluster: string
  readonly sender: NodeId | null
  /** `null` where the envelope names no incarnation: no server says it to another. */
  readonly names: Names | null
}

/**
 * How a well-shaped `message` contradicts itself or its envelope, or `null`. No server says such a thing: it was damaged or
 * forged, and a role that took it would violate an assertion.
 */
export function contradictionIn(message: Message, saying: Saying): string | null {
  const { cluster, sender } = saying
  switch (message.type) {
    case 'prepare':
    case 'accept':
      if (message.ballot.node === sender) return isBetweenServers(saying) ? null : nobodySays(message)
      return `${message.type}: sender ${sender} speaks for the ballot of server ${message.ballot.node}`
    case 'promise':
      return isBetweenServers(saying) ? contradictionInPromise(message) : nobodySays(message)
    case 'accepted':
    case 'learn':
    case 'join':
    // A denial needs no reason: it may say that the proposer does not count in the cluster.
    case 'denial':
      return isBetweenServers(saying) ? null : nobodySays(message)
    case 'chosen': {
      if (!isBetweenServers(saying)) return nobodySays(message)
      const { from, batches, firstUnchosen } = message
      // Without batches, `from` may lie above: the sender was asked for more than it knows.
      return batches.length > 0 && from + batches.length > firstUnchosen
        ? `chosen: ${batches.length} batches from ${from} on, and firstUnchosen is ${firstUnchosen}`
        : null
    }
    case 'challenge':
      return sender === null ? 'challenge: a server says it, and there is no sender' : null
    case 'welcome':
      if (message.node !== sender) return `welcome: sender ${sender} speaks for server ${message.node}`
      return message.cluster === cluster ? null : 'welcome: it names another cluster than its envelope'
    case 'invitation':
    case 'notInvited':
    case 'notFounder':
      return sender === null ? nobodySays(message) : null
    case 'found':
      return message.members.some(({ id }) => id === sender)
        ? null
        : `found: sender ${sender} is none of the members that it names`
    case 'founder': {
      const { founders, incarnation, isFounded } = message
      if (founders === null) return isFounded ? 'founder: it is founded, and does not know by whom' : null
      // One that joined later tells of founders too, and is none of them.
      if (isFounded) return null
      return founders.some((founder) => founder.id === sender && founder.incarnation === incarnation)
        ? null
        : `founder: sender ${sender} is none of the founders that it names`
    }
    case 'request':
      return isPlainText(message.uid)
        ? `request: it asks in the name of ${message.uid}, which only plain text from there may do`
        : null
    case 'hello':
    case 'inquire':
    case 'response':
    case 'queued':
    case 'busy':
    case 'report':
      return null
  }
  message satisfies never
}

function isBetweenServers({ sender, names }: Saying): boolean {
  return sender !== null && names !== null
}

function nobodySays({ type }: Message): string {
  return `${type}: a server says it, and there is no sender with an incarnation`
}

function contradictionInPromise({ accepted, ballot, from }: PromiseMessage): string | null {
  const seen = new Set<number>()
  for (const { instance, ballot: acceptedAt } of accepted) {
    if (instance < from) return `promise: asked from ${from} on, it shows instance ${instance}`
    if (compareBallots(acceptedAt, ballot) > 0) {
      return `promise: instance ${instance} was accepted above the ballot that is promised`
    }
    if (seen.has(instance)) return `promise: it shows instance ${instance} twice`
    seen.add(instance)
  }
  return null
}
