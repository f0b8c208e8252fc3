import { compareBallots } from '../../machines/ballot.ts'
import type { NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Accept, Chosen, Founder, Message, Prepare, PromiseMessage } from '../../machines/messages.ts'

/** What the envelope of a message says about its sender. */
export interface Origin {
  readonly cluster: string
  /** `null` for a client. */
  readonly sender: NodeId | null
  /** `null` where the envelope names no incarnation: no server sends it to another. */
  readonly names: Names | null
}

/** For messages that no sender and no content of theirs contradicts. */
export const noContradiction = () => null

/** For messages that only servers with an incarnation send. */
export function unlessBetweenServers({ type }: Message, { sender, names }: Origin): string | null {
  return sender !== null && names !== null ? null : withoutServer(type)
}

/** For messages that only servers send, whether or not they name an incarnation. */
export function unlessFromServer({ type }: Message, { sender }: Origin): string | null {
  return sender === null ? withoutServer(type) : null
}

function withoutServer(type: Message['type']): string {
  return `${type}: a server says it, and there is no sender with an incarnation`
}

/** A proposer sends these for its own ballot only. */
export function unlessOwnBallot(message: Prepare | Accept, origin: Origin): string | null {
  const { type, ballot } = message
  return ballot.node === origin.sender
    ? unlessBetweenServers(message, origin)
    : `${type}: sender ${origin.sender} speaks for the ballot of server ${ballot.node}`
}

/** A promise shows each instance once, from the one that was asked for on, and nothing above its ballot. */
export function contradictionInPromise({ accepted, ballot, from }: PromiseMessage): string | null {
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

/** A learner sends no batch at or above its own `firstUnchosen`. */
export function contradictionInChosen({ from, batches, firstUnchosen }: Chosen): string | null {
  // Without batches, `from` may lie above: the sender was asked for more than it knows.
  return batches.length > 0 && from + batches.length > firstUnchosen
    ? `chosen: ${batches.length} batches from ${from} on, and firstUnchosen is ${firstUnchosen}`
    : null
}

/** A founder that knows the founders is one of them, and a cluster is not founded before they are known. */
export function contradictionInFounder(message: Founder, { sender }: Origin): string | null {
  const { founders, incarnation, isFounded } = message
  if (founders === null) return isFounded ? 'founder: it is founded, and does not know by whom' : null
  // One that joined later tells of founders too, and is none of them.
  if (isFounded) return null
  return founders.some((founder) => founder.id === sender && founder.incarnation === incarnation)
    ? null
    : `founder: sender ${sender} is none of the founders that it names`
}
