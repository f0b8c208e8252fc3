/** Messages as the lanes tell them apart: which kinds a reader can hide, and which client a message belongs to. */
import { shownName } from '../../src/core/names.ts'
import { entryOf, laneKinds, type ShownMessage } from '../../src/messages/dictionary.ts'
import type { LaneKind } from '../../src/messages/lane-kinds.ts'

/** Whatever an arrow may carry. */
export type LaneMessage = ShownMessage

/** What the reader can hide. `own`: what a server says to itself, whichever message it is. */
export type MessageKind = LaneKind | 'own'

/** In the order of the protocol. */
export const messageKinds: readonly MessageKind[] = [...laneKinds, 'own']

/** The session of the client at one end of it, if the message tells. */
export function uidOfMessage(message: LaneMessage): string | null {
  return 'uid' in message ? message.uid : null
}

/** Two messages between the same parties with the same key are copies of one another. */
export function messageKey(message: LaneMessage): string {
  return `${message.type} ${entryOf(message).key(message)}`
}

/** Letters of a client's name for which there is room at a lane: an address has more. */
const shownLetters = 10

/** A client's name as it stands at a lane. */
export function laneClientName(name: string): string {
  const shown = shownName(name)
  return shown.length > shownLetters ? `${shown.slice(0, shownLetters - 1)}…` : shown
}
