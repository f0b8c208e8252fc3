/**
 * The file `head` names a place up to which the log was synced. A log that ends before it is damaged. It has two blocks, which are
 * written in turn, so that a write that is interrupted leaves the other one.
 */
import type { Json } from '../../../machines/batch.ts'
import { blockBytes, type LogPosition } from './layout.ts'
import { sealed, unsealed } from './sealed-block.ts'

export interface Head {
  /** The number of this write of the file: the highest is the latest one. */
  readonly turn: number
  readonly synced: LogPosition
}

export const headBytes = 2 * blockBytes

const magic = 'PXHEAD_3'

/** The offset at which `head` is written, and its bytes. */
export function encodeHead(head: Head): { readonly offset: number; readonly bytes: Uint8Array } {
  const offset = (head.turn % 2) * blockBytes
  return { offset, bytes: sealed(magic, head as unknown as Json, blockBytes) }
}

/** The latest head in the file, or the reason why there is none. */
export function decodeHead(bytes: Uint8Array): { readonly head: Head } | { readonly reason: string } {
  const blocks = [0, blockBytes].map((offset) => unsealed(magic, bytes.subarray(offset, offset + blockBytes)))
  const heads = blocks.flatMap((block) => ('fact' in block ? [block.fact as unknown as Head] : []))
  const [latest] = heads.sort((a, b) => b.turn - a.turn)
  if (latest !== undefined) return { head: latest }
  const reasons = blocks.map((block) => ('reason' in block ? block.reason : ''))
  return { reason: `neither of its two blocks can be read (${[...new Set(reasons)].join('; ')})` }
}
