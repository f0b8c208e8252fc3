/** Damages what a simulated disk has synced, up to where the file `head` stands: a store must find all of it. */

import { run } from '../core/process.ts'
import type { ReadableFiles } from '../storage/files.ts'
import { isSameBytes } from '../storage/log/bytes.ts'
import { decodeHead } from '../storage/log/head.ts'
import { blockBytes, headName, pathOf, segmentName, snapshotFileName } from '../storage/log/layout.ts'
import { readLog } from '../storage/log/read-log.ts'
import type { SimulatedFiles } from './files.ts'
import type { Damaging } from './plan.ts'
import type { Random } from './random.ts'
import { sectorBytes } from './simulated-file.ts'

/** Returns false when nothing was damaged. */
export function damageSynced(files: SimulatedFiles, how: Damaging, random: Random): boolean {
  const headPath = pathOf(headName)
  const head = files.bytesOf(headPath)
  const decoded = head === null ? null : decodeHead(head)
  if (head === null || decoded === null || 'reason' in decoded) return false
  if (how === 'head') {
    files.damage(headPath, random.chance(50) ? null : zeroed(head, 0, head.length))
    return true
  }
  const { segment: last, endBytes } = decoded.head.synced
  const needed = neededFiles(files, last)
  if (needed.length === 0) return false
  const path = random.pick(needed)
  const bytes = files.bytesOf(path)
  if (bytes === null || bytes.length === 0) return false
  const limit = path === pathOf(segmentName(last)) ? Math.min(endBytes, bytes.length) : bytes.length
  const after = damaged(bytes, limit, how, random)
  // Only synced data counts. What lies after it may have been synced, too, and `head` does not name it yet.
  const isSame = after !== null && isSameBytes(after.subarray(0, limit), bytes.subarray(0, limit))
  if (isSame) return false
  files.damage(path, after)
  return true
}

/** The files that a store must find whole up to `head`, which names the segment `last`: its segments and its snapshot. */
function neededFiles(files: SimulatedFiles, last: number): readonly string[] {
  let needed: readonly string[] = []
  run(readLog(readable(files)), (error, contents) => {
    // It is damaged already.
    if (error !== null || contents == null) return
    const { index, numbers } = contents
    const segments = numbers.filter((segment) => segment <= last).map(segmentName)
    const snapshots = index.snapshot === null ? [] : [snapshotFileName(index.snapshot.file)]
    needed = [...segments, ...snapshots].map(pathOf)
  })
  return needed
}

/** The files as they are, without the faults that are planned for the calls of a process. */
function readable(files: SimulatedFiles): ReadableFiles {
  return {
    list: (directory) => (ended) => {
      const prefix = `${directory}/`
      const names = files.paths.flatMap((path) => (path.startsWith(prefix) ? path.slice(prefix.length) : []))
      ended(null, names.length === 0 ? null : names)
    },
    read: (path, offset, lengthBytes) => (ended) => {
      const bytes = files.bytesOf(path)
      if (bytes === null) ended(new Error(`there is no file ${path}`))
      else ended(null, bytes.slice(offset, offset + lengthBytes))
    },
  }
}

/** The bytes of a file, damaged somewhere below `limit`; `null` when the file is lost. */
function damaged(
  bytes: Uint8Array,
  limit: number,
  how: Exclude<Damaging, 'head'>,
  random: Random,
): Uint8Array | null {
  switch (how) {
    case 'bit': {
      const copy = Uint8Array.from(bytes)
      copy[random.below(limit)]! ^= 1 << random.below(8)
      return copy
    }
    case 'zeroedSector': {
      const offset = random.below(Math.ceil(limit / sectorBytes)) * sectorBytes
      return zeroed(bytes, offset, sectorBytes)
    }
    case 'zeroedEnd': {
      const offset = random.below(Math.ceil(limit / blockBytes)) * blockBytes
      return zeroed(bytes, offset, bytes.length)
    }
    case 'misdirected': {
      const [from, to] = [0, 0].map(() => random.below(Math.ceil(limit / blockBytes)) * blockBytes)
      const copy = Uint8Array.from(bytes)
      copy.copyWithin(to!, from!, from! + blockBytes)
      return copy
    }
    case 'shortFile':
      return bytes.slice(0, random.below(limit))
    case 'lostFile':
      return null
  }
}

function zeroed(bytes: Uint8Array, offset: number, lengthBytes: number): Uint8Array {
  return Uint8Array.from(bytes).fill(0, offset, offset + lengthBytes)
}
