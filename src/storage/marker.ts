/**
 * The marker of a data directory: a file that distinguishes the directory from a copy of it. A copy has the same files, but its marker
 * is another file: it has another inode, or at least another birth time. Both stay the same when the directory is renamed, and when
 * its volume is mounted at another place or on another machine. The device number does not, so it is not compared.
 *
 * The marker also contains the boot. A link to the marker in another directory has the same inode and birth time, and shows a
 * boot that `identity.json` of that directory does not know.
 */
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Boot } from '../../machines/boot.ts'
import { privateFile, syncDirectory } from './permissions.ts'

/** The name of the file in the data directory. */
export const markerName = 'marker'

/** What the file system says about a marker. */
export interface Mark {
  /** The number of the inode, in decimal. */
  readonly inode: string
  /** The birth time in nanoseconds since 1970, in decimal; `null` when the file system does not have it. */
  readonly bornNs: string | null
}

/** A marker as it is found in a directory. */
export interface FoundMarker {
  readonly mark: Mark
  /** The boot that it contains; `null` when its text cannot be read as one, as after an interrupted write. */
  readonly boot: Pick<Boot, 'count' | 'random'> | null
}

/** What `identity.json` stores about the directory and the last boot. */
export interface Origin {
  readonly mark: Mark
  readonly boot: Boot
}

/**
 * Why a directory with this marker is not the one that `origin` describes, as the end of a sentence; `null` when it may be.
 * `found` is `null` when the directory has no marker.
 */
export function whyNotOriginal({ mark, boot }: Origin, found: FoundMarker | null): string | null {
  if (found === null) return `its file ${markerName} is missing`
  if (found.mark.inode !== mark.inode) {
    return `its file ${markerName} has the inode ${found.mark.inode}, and the server made it with the inode ${mark.inode}`
  }
  // A file system that has no birth time here, or had none when the marker was made, proves nothing by it.
  const isKnown = found.mark.bornNs !== null && mark.bornNs !== null
  if (isKnown && found.mark.bornNs !== mark.bornNs) {
    return `its file ${markerName} was made at ${timeText(found.mark.bornNs)}, and the server made it at ${timeText(mark.bornNs)}`
  }
  // The boot in `identity.json` is written first, so an interrupted start leaves an older boot in the marker, and never a later one.
  const { boot: marked } = found
  if (marked === null || marked.count < boot.count) return null
  if (marked.count === boot.count && marked.random === boot.random) return null
  return `its file ${markerName} says that the server was started ${marked.count} times, and identity.json says ${boot.count} times`
}

/**
 * Makes a new marker in `directory`, in the place of any other, and returns what the file system says about it. It is durable when
 * this returns. Throws the errors of the file system.
 */
export function makeMarker(directory: string, boot: Boot): Mark {
  const path = join(directory, markerName)
  rmSync(path, { force: true })
  write(path, 'wx', boot)
  syncDirectory(directory)
  return markOf(path)
}

/** Writes `boot` into the marker of `directory`, which stays the same file. Throws the errors of the file system. */
export function markBoot(directory: string, boot: Boot): void {
  write(join(directory, markerName), 'r+', boot)
}

/** The marker of `directory`; `null` when there is none. Throws the errors of the file system. */
export function findMarker(directory: string): FoundMarker | null {
  const path = join(directory, markerName)
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return null
  const [, count, random] = bootForm.exec(readFileSync(path, 'utf8')) ?? []
  const boot = count === undefined || random === undefined ? null : { count: Number(count), random }
  return { mark: markOf(path), boot }
}

const bootForm = /^boot (\d{1,16}) (\S+)$/m

/** Each boot has a text of the same length, so that one write replaces the one before. */
function textOf({ count, random }: Boot): string {
  return (
    'A server knows its data directory by this file: it refuses to start with a copy. Do not replace it.\n' +
    `boot ${String(count).padStart(16, '0')} ${random}\n`
  )
}

function write(path: string, flags: 'wx' | 'r+', boot: Boot): void {
  const file = openSync(path, flags, privateFile)
  try {
    writeSync(file, textOf(boot), 0, 'utf8')
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** How often, and after how many milliseconds each time, a time that equals the time of the last change is looked at again. */
const looks = 20
const lookMs = 5

/**
 * Without a birth time, Node.js returns 0, or the time of the last change. So a birth time that equals the time of the last change
 * counts only if it stays while that one moves.
 */
function markOf(path: string): Mark {
  for (let look = 0; ; look += 1) {
    const { ino, birthtimeNs, ctimeNs, mode } = statSync(path, { bigint: true })
    const inode = String(ino)
    if (birthtimeNs === 0n || look === looks) return { inode, bornNs: null }
    if (birthtimeNs !== ctimeNs) return { inode, bornNs: String(birthtimeNs) }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookMs)
    // This changes nothing but the time of the last change.
    chmodSync(path, Number(mode & 0o777n))
  }
}

function timeText(ns: string | null): string {
  return new Date(Number(BigInt(ns ?? 0) / 1_000_000n)).toISOString()
}
