import { compareBallots } from '../../machines/ballot.ts'
import type { NodeId } from '../../machines/batch.ts'
import { whyCopied } from '../../machines/boot.ts'
import { bytesOf } from '../../machines/fetching.ts'
import type { Names } from '../../machines/inbox.ts'
import type {
  Accept,
  Chosen,
  Chunk,
  Compacted,
  Confirmed,
  Exposure,
  Fetch,
  Founder,
  Message,
  Prepare,
  PromiseMessage,
} from '../../machines/messages.ts'

/** The sender of a message, as its envelope names it. */
export interface Origin {
  readonly cluster: string
  /** `null` for a client. */
  readonly sender: NodeId | null
  /** `null` when the envelope names no incarnation; then no server sent it to another. */
  readonly names: Names | null
}

/** For messages that cannot contradict their sender or themselves. */
export const noContradiction = () => null

/** For messages that only servers with an incarnation send. */
export function unlessBetweenServers({ type }: Message, { sender, names }: Origin): string | null {
  return sender !== null && names !== null ? null : withoutServer(type)
}

/** For messages that only servers send, with or without an incarnation. */
export function unlessFromServer({ type }: Message, { sender }: Origin): string | null {
  return sender === null ? withoutServer(type) : null
}

function withoutServer(type: Message['type']): string {
  return `${type}: only a server sends it, and the envelope names no server with an incarnation`
}

/** A proposer sends these for its own ballot only. */
export function unlessOwnBallot(message: Prepare | Accept, origin: Origin): string | null {
  const { type, ballot } = message
  return ballot.node === origin.sender
    ? unlessBetweenServers(message, origin)
    : `${type}: sender ${origin.sender} uses the ballot of server ${ballot.node}`
}

/** True when the seqs of `requests` rise: a client sends each once, in order. */
export function isInOrder(requests: readonly { readonly seq: number }[]): boolean {
  return requests.every(({ seq }, place) => place === 0 || seq > (requests[place - 1]?.seq ?? 0))
}

/** A promise contains each instance at most once, none below `from`, and no ballot above its own. */
export function contradictionInPromise({ accepted, ballot, from }: PromiseMessage): string | null {
  const seen = new Set<number>()
  for (const { instance, ballot: acceptedAt } of accepted) {
    if (instance < from) return `promise: it contains instance ${instance}, below ${from}`
    if (compareBallots(acceptedAt, ballot) > 0) {
      return `promise: instance ${instance} was accepted above the promised ballot`
    }
    if (seen.has(instance)) return `promise: it contains instance ${instance} twice`
    seen.add(instance)
  }
  return null
}

/** A learner sends no batch at or above its own `firstUnchosen`. */
export function contradictionInChosen({ from, batches, firstUnchosen }: Chosen): string | null {
  // Without batches, `from` may be higher: the sender was asked for more than it knows.
  return batches.length > 0 && from + batches.length > firstUnchosen
    ? `chosen: ${batches.length} batches from ${from} on, and firstUnchosen is ${firstUnchosen}`
    : null
}

/** An acceptor has accepted below everything that it knows to be chosen, as far as its answer goes. */
export function contradictionInConfirmed({ firstUnchosen, acceptedBelow }: Confirmed): string | null {
  return acceptedBelow < firstUnchosen
    ? `confirmed: accepted below ${acceptedBelow}, and firstUnchosen is ${firstUnchosen}`
    : null
}

/** Two boots that one directory can have had prove nothing. */
export function contradictionInExposure({ node, one, other }: Exposure): string | null {
  return whyCopied({ one, other }) === null
    ? `exposure: one directory can have had the boots ${one.boot.count} and ${other.boot.count} of server ${node}`
    : null
}

/** A snapshot contains only what its server knows to be chosen, and it is never empty. */
export function contradictionInCompacted({ snapshot, firstUnchosen }: Compacted): string | null {
  const { instance, lengthBytes } = snapshot
  if (lengthBytes === 0) return 'compacted: a snapshot of 0 bytes'
  return instance > firstUnchosen
    ? `compacted: a snapshot of everything below ${instance}, and firstUnchosen is ${firstUnchosen}`
    : null
}

/** A learner that has the whole snapshot asks for no more. */
export function contradictionInFetch({ snapshot, offsetBytes }: Fetch): string | null {
  return offsetBytes < snapshot.lengthBytes
    ? null
    : `fetch: from byte ${offsetBytes} of a snapshot of ${snapshot.lengthBytes} bytes`
}

/** A chunk lies within its snapshot. */
export function contradictionInChunk({ snapshot, offsetBytes, bytes }: Chunk): string | null {
  const endBytes = offsetBytes + bytesOf(bytes)
  return endBytes <= snapshot.lengthBytes
    ? null
    : `chunk: up to byte ${endBytes} of a snapshot of ${snapshot.lengthBytes} bytes`
}

/** A founder that knows the founders is one of them. A cluster is not founded before they are known. */
export function contradictionInFounder(message: Founder, { sender }: Origin): string | null {
  const { founders, incarnation, isFounded } = message
  if (founders === null)
    return isFounded ? 'founder: the cluster is founded, but its founders are missing' : null
  // A member that joined later also sends the founders, but is not one of them.
  if (isFounded) return null
  return founders.some((founder) => founder.id === sender && founder.incarnation === incarnation)
    ? null
    : `founder: sender ${sender} is not among the founders that it names`
}
