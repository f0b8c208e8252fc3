/** Messages in the lanes: the kinds that a reader can hide, and the client that a message belongs to. */
import { shownName } from '../../src/core/names.ts'
import { entryOf, laneKinds, type ShownMessage } from '../../src/messages/dictionary.ts'
import type { LaneKind } from '../../src/messages/lane-kinds.ts'

/** The message of an arrow. */
export type LaneMessage = ShownMessage

/** The kinds that the reader can hide. `own`: a message of a server to itself, of any type. */
export type MessageKind = LaneKind | 'own'

/** In the order of the protocol. */
export const messageKinds: readonly MessageKind[] = [...laneKinds, 'own']

/** The session of the client, if the message carries it. */
export function uidOfMessage(message: LaneMessage): string | null {
  return 'uid' in message ? message.uid : null
}

/** Messages between the same parties with equal keys are copies of each other. */
export function messageKey(message: LaneMessage): string {
  return `${message.type} ${entryOf(message).key(message)}`
}

/** The number of letters of a client's name at a lane. An address has more. */
const shownLetters = 10

/** A client's name at its lane. */
export function laneClientName(name: string): string {
  const shown = shownName(name)
  return shown.length > shownLetters ? `${shown.slice(0, shownLetters - 1)}…` : shown
}
