import type { TObject } from '@sinclair/typebox'
import type { Batch, RequestGroup } from '../../machines/batch.ts'
import type { Message } from '../../machines/messages.ts'
import type { Origin } from './contradictions.ts'
import type { LaneKind } from './lane-kinds.ts'

/** The properties of one message type, except the behaviour of the roles. Every type has every field. */
export interface MessageEntry<M extends Message> {
  /**
   * The schema on the wire and in records. It is closed, and every integer is bounded. A message that fits it must never make a
   * guard or an action throw.
   */
  readonly schema: TObject
  /** True when a process that does not know the name of the cluster may send it. */
  readonly fitsAnyCluster: boolean
  /**
   * True for an answer. An address that has not echoed its cookie receives a limited number of bytes of answers for each byte
   * that it sent.
   */
  readonly isAnswer: boolean
  /**
   * Describes how the message contradicts itself or its envelope; `null` for no contradiction. No correct process sends such a
   * message: it was damaged or forged.
   */
  readonly contradiction: (message: M, origin: Origin) => string | null
  /** The decoder keeps only the last of the messages in a datagram that have the same type and key. */
  readonly repetitionKey: (message: M) => string
  /** The batches in the message, in order. Each must fit into every later message that contains it. */
  readonly batches: (message: M) => readonly Batch[]
  /** The message with `batches` in place of its own, as many and in the same order. */
  readonly withBatches: (message: M, batches: readonly Batch[]) => M
  /** The text in transcripts and on the page, with all relevant fields. */
  readonly sentence: (message: M) => string
  /** The group of the message in the lanes. A reader shows or hides a whole group, and the group decides the style of the arrow. */
  readonly kind: LaneKind
  /** The text at the arrow in the lanes: `accept 1.0 #4`, the ballot and the instance. */
  readonly label: (message: M) => string
  /**
   * In the lanes, two messages between the same parties with the same type and key are copies of each other. The key is short,
   * and uses only fields that both ends report in the same way, never whole batches.
   */
  readonly key: (message: M) => string
}

/** An entry for each type of `M`. */
export type Entries<M extends Message> = {
  readonly [T in M['type']]: MessageEntry<Extract<M, { readonly type: T }>>
}

/** For messages that all have the same key: any two in one datagram, or between two parties, are alike. */
export const noKey = () => ''

interface Seqs {
  readonly uid: string
  readonly seqs: readonly number[]
}

/** The repetition key of messages about requests of one session: all their seqs. */
export function allSeqsKey({ uid, seqs }: Seqs): string {
  return `${seqs.join()} ${uid}`
}

/** The short key of messages about requests of one session. */
export function seqsKey({ uid, seqs }: Seqs): string {
  return `${seqs.length > 2 ? `${seqs[0]}-${seqs.at(-1)}/${seqs.length}` : seqs.join()} ${uid}`
}

/** The uid of a group, and the seqs of its requests. */
export function seqsOfGroup({ uid, requests }: RequestGroup): Seqs {
  return { uid, seqs: seqsOf(requests) }
}

/** The seqs of requests, or of their answers. */
export function seqsOf(requests: readonly { readonly seq: number }[]): number[] {
  return requests.map(({ seq }) => seq)
}

/** For messages that carry no batch. */
export const noBatches = { batches: () => [], withBatches: <M extends Message>(message: M): M => message }
