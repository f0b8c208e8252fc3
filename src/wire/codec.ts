/**
 * Encodes messages into datagrams and decodes them. Each message that the decoder returns is safe for every machine; the decoder
 * drops everything else.
 */
import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Message, RequestMessage } from '../../machines/messages.ts'
import { memoByIdentity } from '../core/memo.ts'
import { dictionary, entryOf } from '../messages/dictionary.ts'
import { maxDatagramBytes, maxMessageBytes, maxMessagesPerDatagram, minDatagramBytes } from './limits.ts'
import { PieceStore, pieceMark, splitIntoPieces } from './pieces.ts'
import { withoutRepetitions } from './repetition.ts'
import {
  describeEnvelopeFault,
  describeMessageFault,
  type Envelope,
  isEnvelope,
  isMessage,
  typeOf,
} from './schema.ts'
import { excessIn } from './sizes.ts'
import type { TextProtocol } from './text-protocol.ts'

export { commandBytes } from '../core/command-bytes.ts'
export { maxCommandBytes, maxDatagramBytes, maxMessageBytes } from './limits.ts'

const wireVersion = 3

/** The types that a process may send before it knows the name of the cluster. */
const unnamed: ReadonlySet<unknown> = new Set(
  Object.entries(dictionary).flatMap(([type, { fitsAnyCluster }]) => (fitsAnyCluster ? [type] : [])),
)

/** The longest text of the reason for a drop, in characters. The text may quote received data. */
const maxDetailLength = 200

/** The content of an outbound datagram. */
export interface Outgoing {
  /** Empty for a client that does not know the name of the cluster yet. */
  readonly cluster: string
  /** `null` for a client. */
  readonly sender: NodeId | null
  /** Used between servers; otherwise `null` or omitted. */
  readonly names?: Names | null | undefined
  /** The Lamport clock of the sending server, which orders the events of all servers; none for a client. */
  readonly clock?: number
  /**
   * The receiver's address cookie, which the sender echoes; '' when the receiver has not given one; omitted by a sender that does
   * not echo cookies.
   */
  readonly cookie?: string | undefined
  readonly messages: readonly Message[]
}

interface EncodedMessage {
  readonly text: string
  readonly bytes: number
}

/** Encoded once, because a message often goes to several servers. */
const encodeMessage = memoByIdentity((message: Message): EncodedMessage => {
  const text = JSON.stringify(message)
  return { text, bytes: Buffer.byteLength(text) }
})

/** The first id is random, so that the pieces of a restarted process are not combined with those of its previous run. */
let lastPieceId = randomBytes(8).readBigUInt64BE()

function nextPieceIdHere(): bigint {
  lastPieceId = BigInt.asUintN(64, lastPieceId + 1n)
  return lastPieceId
}

/** The size of `message` as JSON in a datagram, in bytes. */
export function messageBytes(message: Message): number {
  return encodeMessage(message).bytes
}

/** The size of a datagram with this envelope, without its messages and the commas between them. */
export function envelopeBytes(envelope: Omit<Outgoing, 'messages'>): number {
  return Buffer.byteLength(headOf(envelope)) + ']}'.length
}

function headOf({ cluster, sender, names, clock, cookie }: Omit<Outgoing, 'messages'>): string {
  const time = clock === undefined ? '' : `"t":${clock},`
  const echo = cookie === undefined ? '' : `"k":"${cookie}",`
  return `{"v":${wireVersion},"c":${JSON.stringify(cluster)},"s":${sender},${namesText(names)}${time}${echo}"m":[`
}

/**
 * Encodes `messages`, in order, into as few datagrams as possible. A message that is longer than a datagram becomes pieces. A
 * message above `maxMessageBytes` is encoded too; its receiver drops and counts it. `datagramBytes` is the size of the longest
 * datagram, from 1,200 to 65,507 bytes; other values throw a `RangeError`. A datagram that is shorter than `padTo` is padded to
 * that size with white space.
 */
export function encodeEnvelope(
  outgoing: Outgoing,
  datagramBytes: number = maxDatagramBytes,
  {
    nextPieceId = nextPieceIdHere,
    padTo = 0,
  }: { readonly nextPieceId?: () => bigint; readonly padTo?: number } = {},
): Uint8Array[] {
  if (!(datagramBytes >= minDatagramBytes && datagramBytes <= 65_507)) {
    throw new RangeError(`a datagram has from ${minDatagramBytes} to 65507 bytes; received ${datagramBytes}`)
  }
  const head = headOf(outgoing)
  const emptyBytes = Buffer.byteLength(head) + ']}'.length
  const datagrams: Uint8Array[] = []
  let texts: string[] = []
  let bytes = emptyBytes

  function finish(): void {
    if (texts.length === 0) return
    const envelope = padded(Buffer.from(`${head}${texts.join(',')}]}`), padTo)
    if (envelope.length <= datagramBytes) datagrams.push(envelope)
    else datagrams.push(...splitIntoPieces(envelope, datagramBytes, nextPieceId()))
    texts = []
    bytes = emptyBytes
  }

  for (const message of outgoing.messages) {
    const encoded = encodeMessage(message)
    const comma = texts.length === 0 ? 0 : 1
    const isFull = texts.length === maxMessagesPerDatagram
    if (isFull || bytes + comma + encoded.bytes > datagramBytes) finish()
    bytes += (texts.length === 0 ? 0 : 1) + encoded.bytes
    texts.push(encoded.text)
  }
  finish()
  return datagrams
}

/** Pads `bytes` to `length` with spaces, which JSON parsers ignore. */
function padded(bytes: Buffer, length: number): Buffer {
  return bytes.length >= length ? bytes : Buffer.concat([bytes, Buffer.alloc(length - bytes.length, ' ')])
}

function namesText(names: Names | null | undefined): string {
  if (names === undefined || names === null) return ''
  return `"i":${JSON.stringify(names.incarnation)},"r":${JSON.stringify(names.addressee)},`
}

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

  #decodeText(bytes: Uint8Array, source: Address): Decoded {
    if (!isUtf8(bytes)) return dropped('garbage', 'it is not UTF-8')
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString().trimStart()
    if (text.startsWith('{')) return this.#decodeJson(text, bytes.length)
    const protocol = this.#textProtocol
    if (protocol === undefined) return dropped('garbage', 'it is not JSON')
    if (!text.startsWith(protocol.prefix)) return dropped('garbage', `neither JSON nor ${protocol.prefix}`)
    const requests = protocol.read(text, source)
    return 'fault' in requests
      ? dropped('plainText', requests.fault)
      : { kind: 'plainText', requests, bytes: bytes.length }
  }

  #decodeJson(text: string, bytes: number): Decoded {
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
      : decodeMessages(envelope, bytes)
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

function decodeMessages(
  { c: cluster, s: sender, i: incarnation, r, t: clock = 0, k: cookie, m }: Envelope,
  bytes: number,
): Decoded {
  if (m.length > maxMessagesPerDatagram) return dropped('oversized', `${m.length} messages`)
  const names = incarnation === undefined ? null : { incarnation, addressee: r ?? null }
  const messages: Message[] = []
  for (const message of m) {
    if (!isMessage(message)) return dropped('malformed', describeMessageFault(message))
    const excess = excessIn(message, bytes)
    if (excess !== null) return dropped('oversized', excess)
    const contradiction = entryOf(message).contradiction(message, { cluster, sender, names })
    if (contradiction !== null) return dropped('contradiction', contradiction)
    messages.push(message)
  }
  const kept = withoutRepetitions(messages)
  const repetitions = messages.length - kept.length
  return { kind: 'envelope', cluster, sender, names, clock, cookie, messages: kept, repetitions, bytes }
}
