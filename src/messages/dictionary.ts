/**
 * The message dictionary: one record with the properties of each message type. machines/messages.ts defines the types and what
 * each message means; the roles define how they handle it. All other information about a message is derived from this record.
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

/** The entries by `type`. */
export const dictionary = {
  ...nodeMessages,
  ...clientMessages,
  ...serverMessages,
  ...beginningMessages,
  ...transportMessages,
} as const satisfies Entries<Message>

/** A message that the inspector shows: between roles, from clients, or to clients. */
export type ShownMessage = Exclude<Message, BeginningMessage | Challenge>

/** The types that the inspector shows, in the order of its filters. */
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

/** True for a message that a role receives from a server. */
export function isNodeMessage(message: Message): message is NodeMessage {
  return Object.hasOwn(nodeMessages, message.type)
}

/** True for a message that a client receives from a server. */
export function isServerMessage(message: Message): message is ServerMessage {
  return Object.hasOwn(serverMessages, message.type)
}

/** The text of a message in transcripts and on the page. */
export function messageText(message: Message): string {
  return entryOf(message).sentence(message)
}
