/**
 * The batches of a datagram. They follow the envelope, each as the bytes that its proposer made: first 0x1E, which no JSON text
 * contains, then the JSON of the batch. In the envelope a message has numbers in place of its batches: 0, 1, 2, … within each message. The
 * batches follow in the order of the messages, each exactly once.
 */
import type { Batch } from '../../machines/batch.ts'
import type { Message } from '../../machines/messages.ts'
import { batchBytes, keepBatchBytes } from '../core/batch-bytes.ts'
import { entryOf } from '../messages/dictionary.ts'
import { maxBatchBytes } from './limits.ts'
import { describeBatchFault, isBatch, type NumberedMessage } from './schema.ts'

/** The byte before each batch: the record separator of JSON text sequences (RFC 7464). */
export const batchMark = 0x1e

const none: readonly Uint8Array[] = []

/** `message` as the envelope holds it, and the bytes of its batches. */
export function withoutBatches(message: Message): {
  readonly message: NumberedMessage
  readonly batches: readonly Uint8Array[]
} {
  const entry = entryOf(message)
  const batches = entry.batches(message)
  if (batches.length === 0) return { message: message as NumberedMessage, batches: none }
  const numbers = batches.map((_, index) => index) as readonly unknown[] as readonly Batch[]
  return {
    message: entry.withBatches(message, numbers) as NumberedMessage,
    batches: batches.map(batchBytes),
  }
}

/** Why a datagram is refused. */
export interface PartFault {
  readonly reason: 'oversized' | 'malformed'
  readonly detail: string
}

/** The batches after the envelope of a datagram. Each is parsed and checked when its message takes it. */
export class BatchParts {
  readonly #bytes: Buffer
  /** The offset of the next mark; -1 when no batch is left. */
  #next: number

  /** `next` is the offset of the first mark in the datagram; -1 for none. */
  constructor(bytes: Buffer, next: number) {
    this.#bytes = bytes
    this.#next = next
  }

  /** True when no batch is left. */
  get isEmpty(): boolean {
    return this.#next === -1
  }

  /** `message` with its batches, which are the next ones of the datagram. */
  complete(message: NumberedMessage): { readonly message: Message } | PartFault {
    const entry = entryOf<Message>(message)
    const numbers: readonly unknown[] = entry.batches(message)
    if (numbers.length === 0) return { message }
    const batches: Batch[] = []
    for (const number of numbers) {
      if (number !== batches.length) {
        return malformed(`${message.type}: it names batch ${number} in place of ${batches.length}`)
      }
      const bytes = this.#take()
      if (bytes === null) return malformed(`${message.type}: batch ${number} is missing`)
      const read = readBatch(bytes)
      if ('reason' in read) return read
      batches.push(read)
    }
    return { message: entry.withBatches(message, batches) }
  }

  #take(): Buffer | null {
    if (this.#next === -1) return null
    const begin = this.#next + 1
    this.#next = this.#bytes.indexOf(batchMark, begin)
    return this.#bytes.subarray(begin, this.#next === -1 ? undefined : this.#next)
  }
}

/** Parses and checks a batch. Keeps a copy of its bytes, because the rest of the datagram must not stay in memory with them. */
function readBatch(bytes: Buffer): Batch | PartFault {
  if (bytes.length > maxBatchBytes) {
    return { reason: 'oversized', detail: `a batch of ${bytes.length} bytes` }
  }
  let batch: unknown
  try {
    batch = JSON.parse(bytes.toString())
  } catch {
    return malformed('batch: it is not JSON')
  }
  return isBatch(batch) ? keepBatchBytes(batch, new Uint8Array(bytes)) : malformed(describeBatchFault(batch))
}

function malformed(detail: string): PartFault {
  return { reason: 'malformed', detail }
}
