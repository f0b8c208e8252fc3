import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type {
  ClientMessage,
  Found,
  Founder,
  Invitation,
  Join,
  Message,
  NodeMessage,
  NotFounder,
  NotInvited,
  RequestMessage,
} from '../../machines/messages.ts'
import type { HeardFrom } from '../core/reach.ts'
import { isNodeMessage } from '../messages/dictionary.ts'

/** What a transport brings in. */
export interface Receiver {
  hear(sender: NodeId, message: NodeMessage, names: Names, from: Address, clock: number): void
  request(message: RequestMessage, from: Address): void
  /** A question that the server itself answers. */
  ask(question: Question, from: Address): void
  /** A server that joins asks who founded the cluster. */
  join(question: Join, sender: NodeId, names: Names, from: Address): void
  /** A server answers this one, which asks to join. */
  invited(answer: Invitation | NotInvited, sender: NodeId): void
  /** A server asks whether it is a founder of this cluster. */
  found(question: Found, sender: NodeId, from: Address): void
  /** A founder answers this server's question whether it is one. */
  founder(answer: Founder | NotFounder, sender: NodeId): void
  /** A client that speaks plain text gets no answer, since that has none for it. */
  silent(reason: string, from: Address): void
  /** Something is about to leave; returns the clock that goes with it. */
  leaving(): number
  /** Where the directory `addressee` of the server `id` is, which was last heard from as `last` says; see `addressOf` in reach.ts. */
  addressOf(id: NodeId, addressee: string | null, last?: HeardFrom): Address | undefined
}

type Question = Exclude<ClientMessage, RequestMessage>

/** What is known of the sender of a message. */
export interface Sent {
  readonly sender: NodeId | null
  readonly names: Names | null
  readonly clock: number
}

/** Gives `message`, which came from `source`, to `receiver`. False when it is none that arrives so. */
export function bringIn(
  receiver: Receiver,
  message: Message,
  { sender, names, clock }: Sent,
  source: Address,
): boolean {
  if (message.type === 'request') receiver.request(message, source)
  else if (isQuestion(message)) receiver.ask(message, source)
  else if (sender === null) return false
  else if (message.type === 'found') receiver.found(message, sender, source)
  else if (isFoundersAnswer(message)) receiver.founder(message, sender)
  else if (isAnswerToJoin(message)) receiver.invited(message, sender)
  else if (names === null) return false
  else if (message.type === 'join') receiver.join(message, sender, names, source)
  else if (isNodeMessage(message)) receiver.hear(sender, message, names, source, clock)
  else return false
  return true
}

function isQuestion(message: Message): message is Question {
  return message.type === 'hello' || message.type === 'inquire'
}

function isFoundersAnswer(message: Message): message is Founder | NotFounder {
  return message.type === 'founder' || message.type === 'notFounder'
}

function isAnswerToJoin(message: Message): message is Invitation | NotInvited {
  return message.type === 'invitation' || message.type === 'notInvited'
}
