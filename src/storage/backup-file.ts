/**
 * A backup in a file: a header of a fixed size, and the lines of the replicated state without their head. The header names the length
 * and the SHA-256 of the rest, and is equal to what its own contents give, so that every changed, missing or additional byte is found.
 */
import { createHash, type Hash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Instance, Json } from '../../machines/batch.ts'
import type { ShownMember } from '../../machines/members.ts'
import { utf8 } from '../core/bytes.ts'
import { messageOf } from '../core/message-of.ts'
import { privateFile, syncDirectory } from './permissions.ts'

/** The format of the file. The lines have a format of their own. */
export const backupFormat = 1

/** The bytes of the header, filled up with spaces. */
const headerBytes = 16_384

/** The bytes that are read at once. */
const readBytes = 1_048_576

const magic = 'a backup of paxos-made-simpler\n'

/** What a backup says of itself. */
export interface BackupHeader {
  readonly format: typeof backupFormat
  /** The cluster from which it comes. */
  readonly cluster: string
  readonly service: string
  /** The state is that before this instance. */
  readonly instance: Instance
  /** The fields of the first line, which the file does not have, except for the members. */
  readonly head: Json
  /** The members of that cluster. */
  readonly members: readonly ShownMember[]
  /** When it was taken, by the clock of the machine that wrote the file, for readers. */
  readonly takenAt: string
  readonly lengthBytes: number
  /** The SHA-256 of the lines. */
  readonly digest: string
}

/** A file that is no backup, a damaged one, or one that cannot be read or written. The message names the file, the reason and the remedy. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}

/** Writes a backup to a temporary file, which takes its name when it is complete and synced. */
export class BackupWriter {
  readonly #path: string
  readonly #temporary: string
  readonly #file: number
  #hash: Hash = createHash('sha256')
  #lengthBytes = 0

  /** Throws a `BackupError` when there is a file at `path`, or none can be written. */
  constructor(path: string) {
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) throw exists(path)
    this.#path = path
    this.#temporary = `${path}.${process.pid}.tmp`
    this.#file = writing(path, () => openSync(this.#temporary, 'wx', privateFile))
  }

  /** Forgets what was written. */
  begin(): void {
    this.#hash = createHash('sha256')
    this.#lengthBytes = 0
    writing(this.#path, () => ftruncateSync(this.#file, 0))
  }

  write(bytes: Uint8Array): void {
    this.#hash.update(bytes)
    writing(this.#path, () => writeAll(this.#file, bytes, headerBytes + this.#lengthBytes))
    this.#lengthBytes += bytes.length
  }

  /** Completes the file, and returns its size in bytes. Throws a `BackupError` when it does not have the length and the digest of the header. */
  finish(header: Omit<BackupHeader, 'format'>): number {
    const digest = this.#hash.digest('hex')
    if (digest !== header.digest || this.#lengthBytes !== header.lengthBytes) {
      throw new BackupError(
        `the backup was damaged on its way: ${this.#lengthBytes} bytes with the digest ${digest} arrived, and ` +
          `${header.lengthBytes} with ${header.digest} were sent. Take it again`,
      )
    }
    writing(this.#path, () => {
      writeAll(this.#file, encodeHeader({ format: backupFormat, ...header }), 0)
      fsyncSync(this.#file)
      closeSync(this.#file)
      // A link does not replace a file that was made meanwhile.
      linkSync(this.#temporary, this.#path)
      rmSync(this.#temporary)
      syncDirectory(dirname(this.#path))
    })
    return headerBytes + this.#lengthBytes
  }

  /** Removes what was written, if it is not complete. */
  discard(): void {
    rmSync(this.#temporary, { force: true })
  }
}

/** A backup that was read and checked. */
export class BackupReader {
  readonly header: BackupHeader
  readonly #path: string

  /** Reads the whole file. Throws a `BackupError` when it is no backup, or is not as it was written. */
  constructor(path: string) {
    this.#path = path
    const file = reading(path, () => openSync(path, 'r'))
    try {
      this.header = reading(path, () => checkedHeader(file, path))
    } finally {
      closeSync(file)
    }
  }

  /** The lines, in parts. */
  *parts(): Generator<Uint8Array, void> {
    const file = reading(this.#path, () => openSync(this.#path, 'r'))
    try {
      for (let atBytes = 0; atBytes < this.header.lengthBytes; ) {
        const part = reading(this.#path, () => readAt(file, headerBytes + atBytes, readBytes))
        if (part.length === 0) throw damaged(this.#path, 'it became shorter while it was read')
        yield part
        atBytes += part.length
      }
    } finally {
      closeSync(file)
    }
  }
}

/** Reads the header, and compares the rest with it. */
function checkedHeader(file: number, path: string): BackupHeader {
  const block = readAt(file, 0, headerBytes)
  const text = Buffer.from(block).toString('utf8')
  if (block.length === 0 || !text.startsWith(magic.slice(0, block.length))) {
    throw new BackupError(
      `${path} is no backup of paxos: ${block.length === 0 ? 'it is empty' : 'it does not begin as one'}. Give a file that paxos backup wrote`,
    )
  }
  if (block.length < headerBytes) {
    throw damaged(path, `it is cut short, to ${block.length} bytes, and its header alone has ${headerBytes}`)
  }
  const header = headerIn(text, path)
  if (header.format !== backupFormat) {
    throw new BackupError(
      `${path} has the format ${header.format}, and this version reads ${backupFormat}: use the version that wrote it`,
    )
  }
  if (!Buffer.from(encodeHeader(header)).equals(block)) throw damaged(path, 'its header was changed')
  const hash = createHash('sha256')
  let lengthBytes = 0
  for (;;) {
    const part = readAt(file, headerBytes + lengthBytes, readBytes)
    if (part.length === 0) break
    hash.update(part)
    lengthBytes += part.length
  }
  if (lengthBytes < header.lengthBytes) {
    throw damaged(
      path,
      `it is cut short: ${lengthBytes} of the ${header.lengthBytes} bytes after its header are there`,
    )
  }
  if (lengthBytes > header.lengthBytes) {
    throw damaged(path, `${lengthBytes} bytes follow its header, which says ${header.lengthBytes}`)
  }
  const digest = hash.digest('hex')
  if (digest !== header.digest) {
    throw damaged(path, `its contents have the SHA-256 ${digest}, and its header says ${header.digest}`)
  }
  return header
}

function headerIn(text: string, path: string): BackupHeader {
  const [line = ''] = text.slice(magic.length).split('\n', 1)
  const [checksum, json] = [line.slice(0, 8), line.slice(9)]
  if (checksum !== checksumOf(json)) throw damaged(path, 'the checksum of its header is wrong')
  return JSON.parse(json) as BackupHeader
}

function encodeHeader(header: BackupHeader): Uint8Array {
  const json = JSON.stringify(header)
  const text = utf8(`${magic}${checksumOf(json)} ${json}\n`)
  if (text.length > headerBytes)
    throw new BackupError(`the header of the backup has ${text.length} bytes: too many`)
  const block = new Uint8Array(headerBytes).fill(0x20)
  block.set(text)
  return block
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}

function damaged(path: string, reason: string): BackupError {
  return new BackupError(`${path} is damaged: ${reason}. Use another backup`)
}

function exists(path: string): BackupError {
  return new BackupError(`${path} exists: give another name, or remove it`)
}

function writing<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(path)
    throw new BackupError(`${path} cannot be written: ${messageOf(error)}`, { cause: error })
  }
}

function reading<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof BackupError) throw error
    throw new BackupError(`${path} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

/** A write may be shorter than it was asked for, as on a full disk. */
function writeAll(file: number, bytes: Uint8Array, atBytes: number): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(file, bytes, written, bytes.length - written, atBytes + written)
  }
}

function readAt(file: number, atBytes: number, mostBytes: number): Uint8Array {
  const bytes = new Uint8Array(mostBytes)
  let count = 0
  while (count < mostBytes) {
    const read = readSync(file, bytes, count, mostBytes - count, atBytes + count)
    if (read === 0) break
    count += read
  }
  return bytes.subarray(0, count)
}
