/** Encodes messages into datagrams. */
import { randomBytes } from 'node:crypto'
import type { NodeId } from '../../machines/batch.ts'
import type { ShownBoot } from '../../machines/boot.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Message } from '../../machines/messages.ts'
import { memoByIdentity } from '../core/memo.ts'
import { batchMark, withoutBatches } from './batch-parts.ts'
import { maxDatagramBytes, maxMessagesPerDatagram, minDatagramBytes } from './limits.ts'
import { splitIntoPieces } from './pieces.ts'
import { wireVersion } from './schema.ts'

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
  /** The message in the envelope. */
  readonly text: string
  readonly batches: readonly Uint8Array[]
  /** The size of both, with the marks of the batches. */
  readonly bytes: number
}

/** Encoded once, because a message often goes to several servers. */
const encodeMessage = memoByIdentity((message: Message): EncodedMessage => {
  const parts = withoutBatches(message)
  const { batches } = parts
  const text = JSON.stringify(parts.message)
  const bytes = batches.reduce((sum, { length }) => sum + 1 + length, Buffer.byteLength(text))
  return { text, batches, bytes }
})

/** The first id is random, so that the pieces of a restarted process are not combined with those of its previous run. */
let lastPieceId = randomBytes(8).readBigUInt64BE()

function nextPieceIdHere(): bigint {
  lastPieceId = BigInt.asUintN(64, lastPieceId + 1n)
  return lastPieceId
}

/** The size of `message` with its batches in a datagram, in bytes. */
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
  let messages: EncodedMessage[] = []
  let bytes = emptyBytes

  function finish(): void {
    if (messages.length === 0) return
    const envelope = assembled(head, messages, bytes, padTo)
    if (envelope.length <= datagramBytes) datagrams.push(envelope)
    else datagrams.push(...splitIntoPieces(envelope, datagramBytes, nextPieceId()))
    messages = []
    bytes = emptyBytes
  }

  for (const message of outgoing.messages) {
    const encoded = encodeMessage(message)
    const comma = messages.length === 0 ? 0 : 1
    const isFull = messages.length === maxMessagesPerDatagram
    if (isFull || bytes + comma + encoded.bytes > datagramBytes) finish()
    bytes += (messages.length === 0 ? 0 : 1) + encoded.bytes
    messages.push(encoded)
  }
  finish()
  return datagrams
}

/** The datagram of `bytes` bytes: the envelope, spaces up to `padTo`, which JSON parsers ignore, and the batches. */
function assembled(head: string, messages: readonly EncodedMessage[], bytes: number, padTo: number): Buffer {
  const datagram = Buffer.allocUnsafe(Math.max(bytes, padTo))
  let offset = datagram.write(`${head}${messages.map(({ text }) => text).join(',')}]}`)
  if (padTo > bytes) {
    datagram.fill(' ', offset, offset + padTo - bytes)
    offset += padTo - bytes
  }
  for (const { batches } of messages) {
    for (const batch of batches) {
      offset = datagram.writeUInt8(batchMark, offset)
      datagram.set(batch, offset)
      offset += batch.length
    }
  }
  return datagram
}

function namesText(names: Names | null | undefined): string {
  if (names === undefined || names === null) return ''
  const { incarnation, addressee, boot } = names
  const text = `"i":${JSON.stringify(incarnation)},"r":${JSON.stringify(addressee)},`
  return boot === undefined ? text : `${text}"b":${bootText(boot)},`
}

/** Encoded once, because all messages of a process show one boot. */
const bootText = memoByIdentity(({ count, random, after, voted: { ballot, below } }: ShownBoot) =>
  JSON.stringify([count, random, after, ballot, below]),
)
