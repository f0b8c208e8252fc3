import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type {
  ClientAsk,
  ClientMessage,
  Found,
  Founder,
  Invitation,
  Join,
  Message,
  NodeMessage,
  NotFounder,
  NotInvited,
} from '../../machines/messages.ts'
import type { HeardFrom } from '../core/reach.ts'
import { isNodeMessage } from '../messages/dictionary.ts'

/** The handlers for received messages. */
export interface Receiver {
  hear(sender: NodeId, message: NodeMessage, names: Names, from: Address, clock: number): void
  request(message: ClientAsk, from: Address): void
  /** A question that the server itself answers. */
  ask(question: Question, from: Address): void
  /** A joining server asks for the founders of the cluster. */
  join(question: Join, sender: NodeId, names: Names, from: Address): void
  /** Another server answers the `join` of this server. */
  invited(answer: Invitation | NotInvited, sender: NodeId): void
  /** A server asks whether it is a founder of this cluster. */
  found(question: Found, sender: NodeId, from: Address): void
  /** A founder answers this server's question whether it is one. */
  founder(answer: Founder | NotFounder, sender: NodeId): void
  /** A plain text client gets no answer, because the protocol has none for the message. */
  silent(reason: string, from: Address): void
  /** Called before datagrams leave; returns the clock that they carry. */
  leaving(): number
  /**
   * The address of the directory `addressee` of the server `id`. `last` says where the last message of that server came from. See
   * `addressOf` in reach.ts.
   */
  addressOf(id: NodeId, addressee: string | null, last?: HeardFrom): Address | undefined
}

const ignore = () => undefined

/** Ignores every message: a server that does not take part yet replaces the handlers that it needs. */
export const ignoringReceiver: Receiver = {
  hear: ignore,
  request: ignore,
  ask: ignore,
  join: ignore,
  invited: ignore,
  found: ignore,
  founder: ignore,
  silent: ignore,
  leaving: () => 0,
  addressOf: ignore,
}

type Question = Exclude<ClientMessage, ClientAsk>

/** The sender of a message, as the envelope names it. */
export interface Sent {
  readonly sender: NodeId | null
  readonly names: Names | null
  readonly clock: number
}

/**
 * Passes `message` from `source` to the right handler of `receiver`. Returns false for a message that no server accepts in this
 * way.
 */
export function bringIn(
  receiver: Receiver,
  message: Message,
  { sender, names, clock }: Sent,
  source: Address,
): boolean {
  if (message.type === 'request' || message.type === 'read') receiver.request(message, source)
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
  return message.type === 'hello' || message.type === 'inquire' || message.type === 'backup'
}

function isFoundersAnswer(message: Message): message is Founder | NotFounder {
  return message.type === 'founder' || message.type === 'notFounder'
}

function isAnswerToJoin(message: Message): message is Invitation | NotInvited {
  return message.type === 'invitation' || message.type === 'notInvited'
}
