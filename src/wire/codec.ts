/** Decodes datagrams. Each message that the decoder returns is safe for every machine; the decoder drops everything else. */
import { isUtf8 } from 'node:buffer'
import type { Address, NodeId } from '../../machines/batch.ts'
import type { ShownBoot } from '../../machines/boot.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Message, RequestMessage } from '../../machines/messages.ts'
import { dictionary, entryOf } from '../messages/dictionary.ts'
import { BatchParts, batchMark } from './batch-parts.ts'
import { maxMessageBytes, maxMessagesPerDatagram } from './limits.ts'
import { PieceStore, pieceMark } from './pieces.ts'
import { withoutRepetitions } from './repetition.ts'
import {
  describeEnvelopeFault,
  describeMessageFault,
  type Envelope,
  isEnvelope,
  isMessage,
  typeOf,
  wireVersion,
} from './schema.ts'
import { excessIn } from './sizes.ts'
import type { TextProtocol } from './text-protocol.ts'

export { commandBytes } from '../core/command-bytes.ts'
export { encodeEnvelope, envelopeBytes, messageBytes, type Outgoing } from './encode.ts'
export { maxCommandBytes, maxDatagramBytes, maxMessageBytes } from './limits.ts'

/** The types that a process may send before it knows the name of the cluster. */
const unnamed: ReadonlySet<unknown> = new Set(
  Object.entries(dictionary).flatMap(([type, { fitsAnyCluster }]) => (fitsAnyCluster ? [type] : [])),
)

/** The longest text of the reason for a drop, in characters. The text may quote received data. */
const maxDetailLength = 200

/** Why a datagram was dropped. */
export type DropReason =
  | 'empty'
  /** Neither JSON, nor the plain text of the service, nor a piece. */
  | 'garbage'
  /** JSON of an unknown shape, or JSON that `jsonFault` refuses. */
  | 'malformed'
  /** Text that begins with the prefix of the service's plain text protocol, but is invalid. */
  | 'plainText'
  /** An unsupported version of the wire. */
  | 'version'
  /** Of another cluster. */
  | 'foreign'
  | 'oversized'
  /** A message that contradicts itself or its sender. */
  | 'contradiction'
  /** A piece that fits no message. */
  | 'piece'

export type Decoded =
  | {
      readonly kind: 'envelope'
      readonly cluster: string
      readonly sender: NodeId | null
      /** `null` without names, as from a client. */
      readonly names: Names | null
      /** The Lamport clock of the sending server; 0 without one. */
      readonly clock: number
      /**
       * The address cookie that the sender echoes; '' from a sender that has none yet; `undefined` from a sender that does not
       * echo cookies.
       */
      readonly cookie: string | undefined
      readonly messages: readonly Message[]
      /** The number of messages that were skipped because a later one repeats them. */
      readonly repetitions: number
      /** The size of the datagram, or of all its pieces. */
      readonly bytes: number
    }
  | { readonly kind: 'plainText'; readonly requests: readonly RequestMessage[]; readonly bytes: number }
  /** A piece of an incomplete message. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'dropped'; readonly reason: DropReason; readonly detail: string }

export interface DecoderOptions {
  /** The only cluster whose datagrams are accepted; `null` for any, for a client that has no welcome yet. */
  readonly cluster: string | null
  /** A monotonic clock, in milliseconds. */
  readonly nowMs: () => number
  /** The largest datagram, or message from pieces, in bytes. */
  readonly maxMessageBytes?: number
  /** The most bytes that are held for incomplete messages: at least eight times `maxMessageBytes`. One source may hold a quarter. */
  readonly maxPendingBytes?: number
  /** How long a message waits for its pieces. */
  readonly pieceAgeMs?: number
  /** True for an address that is known to receive messages. Other addresses never take the room of its pieces. */
  readonly isProven?: (source: Address) => boolean
  /** The plain text protocol beside JSON; none by default. */
  readonly textProtocol?: TextProtocol | undefined
}

function dropped(reason: DropReason, detail: string): Decoded {
  return { kind: 'dropped', reason, detail: detail.slice(0, maxDetailLength) }
}

/** Decodes untrusted datagrams. It never throws: it accepts a datagram in every part, or drops it as a whole. */
export class Decoder {
  readonly #cluster: string | null
  readonly #nowMs: () => number
  readonly #maxMessageBytes: number
  readonly #pieces: PieceStore
  readonly #textProtocol: TextProtocol | undefined

  /** Throws a `RangeError` when `maxPendingBytes` is too small for `maxMessageBytes`. */
  constructor(options: DecoderOptions) {
    const limit = options.maxMessageBytes ?? maxMessageBytes
    const {
      cluster,
      nowMs,
      maxPendingBytes = 8 * limit,
      pieceAgeMs = 5_000,
      isProven = () => false,
    } = options
    if (!(maxPendingBytes >= 8 * limit)) {
      throw new RangeError(`maxPendingBytes must be at least ${8 * limit}; received ${maxPendingBytes}`)
    }
    this.#cluster = cluster
    this.#nowMs = nowMs
    this.#maxMessageBytes = limit
    this.#textProtocol = options.textProtocol
    this.#pieces = new PieceStore({ maxMessageBytes: limit, maxPendingBytes, pieceAgeMs, isProven })
  }

  /** The bytes that are held for incomplete messages. */
  get pendingBytes(): number {
    return this.#pieces.pendingBytes
  }

  /** Decodes `datagram`. The caller may reuse the buffer after this returns. */
  decode(datagram: Uint8Array, source: Address): Decoded {
    if (datagram.length === 0) return dropped('empty', 'a datagram of no bytes')
    if (datagram.length > this.#maxMessageBytes) return dropped('oversized', `${datagram.length} bytes`)
    if (datagram[0] !== pieceMark) return this.#decodeText(datagram, source)
    const taken = this.#pieces.take(datagram, source, this.#nowMs())
    switch (taken.kind) {
      case 'whole':
        return this.#decodeText(taken.payload, source)
      case 'dropped':
        return dropped(taken.reason, taken.detail)
      case 'incomplete':
        return taken
    }
    taken satisfies never
  }

  #decodeText(received: Uint8Array, source: Address): Decoded {
    if (!isUtf8(received)) return dropped('garbage', 'it is not UTF-8')
    const bytes = Buffer.from(received.buffer, received.byteOffset, received.length)
    const firstBatch = bytes.indexOf(batchMark)
    const envelope = bytes.toString('utf8', 0, firstBatch === -1 ? undefined : firstBatch).trimStart()
    if (envelope.startsWith('{')) return this.#decodeJson(envelope, bytes, firstBatch)
    const text = bytes.toString().trimStart()
    const protocol = this.#textProtocol
    if (protocol === undefined) return dropped('garbage', 'it is not JSON')
    if (!text.startsWith(protocol.prefix)) return dropped('garbage', `neither JSON nor ${protocol.prefix}`)
    const requests = protocol.read(text, source)
    return 'fault' in requests
      ? dropped('plainText', requests.fault)
      : { kind: 'plainText', requests, bytes: bytes.length }
  }

  #decodeJson(text: string, bytes: Buffer, firstBatch: number): Decoded {
    let envelope: unknown
    try {
      envelope = JSON.parse(text)
    } catch {
      return dropped('garbage', 'it is not JSON')
    }
    const version = (envelope as { readonly v?: unknown }).v
    if (version !== wireVersion && Number.isInteger(version)) {
      return dropped('version', `version ${version} of the wire; this is version ${wireVersion}`)
    }
    if (version !== wireVersion || !isEnvelope(envelope)) {
      return dropped('malformed', describeEnvelopeFault(envelope))
    }
    return this.#isForeign(envelope)
      ? dropped('foreign', `it is for the cluster '${envelope.c}'`)
      : decodeMessages(envelope, new BatchParts(bytes, firstBatch), bytes.length)
  }

  /**
   * A client that does not know the name of the cluster may ask for it. A founder that does not know the name may ask the other
   * founders.
   */
  #isForeign({ c, m }: Envelope): boolean {
    if (this.#cluster === null || c === this.#cluster) return false
    return c !== '' || !m.every((message) => unnamed.has(typeOf(message)))
  }
}

function bootIn(b: Envelope['b']): { readonly boot?: ShownBoot } {
  if (b === undefined) return {}
  const [count, random, after, votedBallot, below] = b
  return { boot: { count, random, after, voted: { ballot: votedBallot, below } } }
}

function decodeMessages(
  { c: cluster, s: sender, i: incarnation, r, b, t: clock = 0, k: cookie, m }: Envelope,
  batches: BatchParts,
  bytes: number,
): Decoded {
  if (m.length > maxMessagesPerDatagram) return dropped('oversized', `${m.length} messages`)
  const names = incarnation === undefined ? null : { incarnation, addressee: r ?? null, ...bootIn(b) }
  const messages: Message[] = []
  for (const numbered of m) {
    if (!isMessage(numbered)) return dropped('malformed', describeMessageFault(numbered))
    const whole = batches.complete(numbered)
    if ('reason' in whole) return dropped(whole.reason, whole.detail)
    const { message } = whole
    const excess = excessIn(message)
    if (excess !== null) return dropped('oversized', excess)
    const contradiction = entryOf(message).contradiction(message, { cluster, sender, names })
    if (contradiction !== null) return dropped('contradiction', contradiction)
    messages.push(message)
  }
  if (!batches.isEmpty) return dropped('malformed', 'a batch that no message names')
  const kept = withoutRepetitions(messages)
  const repetitions = messages.length - kept.length
  return { kind: 'envelope', cluster, sender, names, clock, cookie, messages: kept, repetitions, bytes }
}
