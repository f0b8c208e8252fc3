import type { TObject } from '@sinclair/typebox'
import type { Batch } from '../../machines/batch.ts'
import type { Message } from '../../machines/messages.ts'
import type { Origin } from './contradictions.ts'
import type { LaneKind } from './lane-kinds.ts'

/** What is known of one type of message, besides what a role does with it. Every field is given for every type. */
export interface MessageEntry<M extends Message> {
  /**
   * Its shape on the wire and in records: closed, and every integer is bounded. Nothing that it lets through may make a guard or an
   * action throw.
   */
  readonly schema: TObject
  /** True when it may be sent by a process that does not know the name of the cluster. */
  readonly fitsAnyCluster: boolean
  /** True for an answer: an address that has not echoed its cookie receives no more of these than it sent bytes for. */
  readonly isAnswer: boolean
  /** How it contradicts itself or its envelope, or `null`. No honest process sends such a message: it was damaged or forged. */
  readonly contradiction: (message: M, origin: Origin) => string | null
  /** Of two messages in one datagram with the same type and the same key, the last is kept. */
  readonly repetitionKey: (message: M) => string
  /** The batches that it carries: each must fit into every later message that carries it. */
  readonly batches: (message: M) => readonly Batch[]
  /** How transcripts and the page write it: with all of it that matters. */
  readonly sentence: (message: M) => string
  /** The group in which the lanes show and hide it, and which gives the arrow its line. */
  readonly kind: LaneKind
  /** The text at an arrow of the lanes: `accept 1.0 #4`, the ballot and the instance. */
  readonly label: (message: M) => string
  /**
   * Two messages between the same parties with the same type and the same key are copies of one another in the lanes. It is short, and made
   * only of what both ends report alike: never of whole batches.
   */
  readonly key: (message: M) => string
}

/** An entry for each type of `M`. */
export type Entries<M extends Message> = {
  readonly [T in M['type']]: MessageEntry<Extract<M, { readonly type: T }>>
}

/** For messages of which one in a datagram, or between two parties, is like the next: they have the same key. */
export const noKey = () => ''

/** For messages of which each is about one request. */
export function requestKey({ uid, seq }: { readonly uid: string; readonly seq: number }): string {
  return `${seq} ${uid}`
}

/** For messages that carry no batch. */
export const noBatches = () => []
