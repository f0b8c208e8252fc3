/** Datagrams with batches as plain values, for tests that write or change them by hand. Their messages need not be valid. */
import type { Json } from '../../machines/batch.ts'
import { batchMark } from '../../src/wire/batch-parts.ts'

/** An envelope as JSON, with any fields. */
export type Fields = { [key: string]: Json }

const mark = String.fromCharCode(batchMark)

/** The text of the datagram of `envelope`, whose messages hold their batches. */
export function wireText(
  envelope: object,
  stringify: (value: unknown) => string | undefined = JSON.stringify,
): string {
  const copy = copyOf(envelope) as { m?: unknown }
  const batches: string[] = []
  for (const message of Array.isArray(copy.m) ? copy.m : []) {
    let number = 0
    for (const [container, key] of batchPlaces(message)) {
      batches.push(stringify(container[key]) ?? '')
      container[key] = number
      number += 1
    }
  }
  return [stringify(copy), ...batches].join(mark)
}

/** The envelope of a datagram, whose messages hold their batches; `null` for a piece or plain text. */
export function envelopeIn(datagram: Uint8Array): Fields | null {
  try {
    const [text = '', ...batches] = Buffer.from(datagram).toString().split(mark)
    const envelope: Json = JSON.parse(text)
    if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope)) return null
    const { m } = envelope as Fields
    for (const message of Array.isArray(m) ? m : []) {
      for (const [container, key] of batchPlaces(message))
        container[key] = JSON.parse(batches.shift() ?? 'null')
    }
    return envelope as Fields
  } catch {
    return null
  }
}

/** A copy in which no two places share an object. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)]))
}

/** Each place of a batch in a message, in order. */
function* batchPlaces(
  message: unknown,
): Generator<readonly [Record<string | number, Json>, string | number]> {
  if (typeof message !== 'object' || message === null) return
  const { accepted, batches } = message as Fields
  if ('batch' in message) yield [message as Fields, 'batch']
  if (Array.isArray(batches)) for (const index of batches.keys()) yield [batches as never, index]
  for (const record of Array.isArray(accepted) ? accepted : []) {
    if (typeof record === 'object' && record !== null && 'batch' in record) yield [record as Fields, 'batch']
  }
}
