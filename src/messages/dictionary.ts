/**
 * The message dictionary: what is known of each type of message, in one record. The types, with what each message means, stand in
 * machines/messages.ts; what a role does with it stands in the role. Everything else about a message is derived from here.
 */
import type {
  BeginningMessage,
  Challenge,
  Message,
  NodeMessage,
  ServerMessage,
} from '../../machines/messages.ts'
import { beginningMessages } from './beginning-messages.ts'
import { clientMessages } from './client-messages.ts'
import type { Entries, MessageEntry } from './entry.ts'
import type { LaneKind } from './lane-kinds.ts'
import { nodeMessages } from './node-messages.ts'
import { serverMessages } from './server-messages.ts'
import { transportMessages } from './transport-messages.ts'

/** By `type`. */
export const dictionary = {
  ...nodeMessages,
  ...clientMessages,
  ...serverMessages,
  ...beginningMessages,
  ...transportMessages,
} as const satisfies Entries<Message>

/** A message that the inspector shows: of the roles, of clients, and to clients. */
export type ShownMessage = Exclude<Message, BeginningMessage | Challenge>

/** The types that the inspector shows, in the order in which a reader is offered them. */
export const shownTypes = Object.keys({
  ...nodeMessages,
  ...clientMessages,
  ...serverMessages,
}) as ShownMessage['type'][]

/** The groups of the lanes, in the order of the protocol. */
export const laneKinds: readonly LaneKind[] = [
  ...new Set(Object.values(dictionary).map(({ kind }): LaneKind => kind)),
]

/** The entry of a message's type. */
export function entryOf<M extends Message>(message: M): MessageEntry<M> {
  return dictionary[message.type] as unknown as MessageEntry<M>
}

/** True of a message that a role hears from a server. */
export function isNodeMessage(message: Message): message is NodeMessage {
  return Object.hasOwn(nodeMessages, message.type)
}

/** True of a message that a client hears from a server. */
export function isServerMessage(message: Message): message is ServerMessage {
  return Object.hasOwn(serverMessages, message.type)
}

/** A message as transcripts and the page write it. */
export function messageText(message: Message): string {
  return entryOf(message).sentence(message)
}
