import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Operation } from '../core/process.ts'
import type { Files } from './files.ts'
import { privateDirectory, privateFile } from './permissions.ts'

/** Opens a named pipe without waiting for its other end. */
const readOnly = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0)

/** What a read to the end asks for after the end, to see that nothing follows. */
const leastReadBytes = 4_096

type Ended<T> = Parameters<Operation<T>>[0]

/** The files below a directory of the operating system. */
export class RealFiles implements Files {
  readonly #root: string
  /** The files that were written, which stay open: opening one for each write would double its cost. */
  readonly #open = new Map<string, number>()

  constructor(root: string) {
    this.#root = root
  }

  list(path: string): Operation<readonly string[] | null> {
    return (ended) =>
      fs.readdir(this.#at(path), (error, names) => {
        if (error?.code === 'ENOENT') ended(null, null)
        else ended(error, names)
      })
  }

  read(path: string, offset: number, lengthBytes: number): Operation<Uint8Array> {
    return (ended) =>
      fs.open(this.#at(path), readOnly, (error, file) => {
        if (error !== null) {
          ended(error)
          return
        }
        fs.fstat(file, (unknown, stats) => {
          const close: Ended<Uint8Array> = (failed, bytes) => fs.close(file, () => ended(failed, bytes))
          if (unknown !== null) close(unknown)
          else if (stats.isFile()) readFrom(file, { offset, lengthBytes, sizeBytes: stats.size }, close)
          else close(new Error('it is not a file'))
        })
      })
  }

  makeDirectory(path: string): Operation<void> {
    return (ended) => fs.mkdir(this.#at(path), { mode: privateDirectory }, ended)
  }

  create(path: string): Operation<void> {
    return (ended) =>
      fs.open(this.#at(path), 'wx', privateFile, (error, file) => {
        if (error === null) this.#open.set(path, file)
        ended(error)
      })
  }

  write(path: string, offset: number, bytes: Uint8Array): Operation<void> {
    return (ended) => this.#withOpen(path, ended, (file) => writeTo(file, offset, bytes, ended))
  }

  sync(path: string): Operation<void> {
    return (ended) => this.#withOpen(path, ended, (file) => fs.fdatasync(file, ended))
  }

  syncDirectory(path: string): Operation<void> {
    return (ended) =>
      fs.open(this.#at(path), 'r', (error, directory) => {
        if (error !== null) {
          ended(error)
          return
        }
        fs.fsync(directory, (failed) => fs.close(directory, () => ended(failed)))
      })
  }

  rename(from: string, to: string): Operation<void> {
    return (ended) =>
      fs.rename(this.#at(from), this.#at(to), (error) => {
        if (error === null) this.#move(from, to)
        ended(error)
      })
  }

  remove(path: string): Operation<void> {
    return (ended) => fs.rm(this.#at(path), { recursive: true, force: true }, ended)
  }

  close(path: string): Operation<void> {
    return (ended) => {
      const file = this.#open.get(path)
      this.#open.delete(path)
      if (file === undefined) ended(null)
      else fs.close(file, ended)
    }
  }

  #at(path: string): string {
    return join(this.#root, path)
  }

  /** Open files keep their place when their directory gets another name. */
  #move(from: string, to: string): void {
    for (const [path, file] of [...this.#open]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      this.#open.delete(path)
      this.#open.set(`${to}${path.slice(from.length)}`, file)
    }
  }

  #withOpen<T>(path: string, ended: Ended<T>, use: (file: number) => void): void {
    const file = this.#open.get(path)
    if (file !== undefined) {
      use(file)
      return
    }
    fs.open(this.#at(path), 'r+', (error, opened) => {
      if (error !== null) {
        ended(error)
        return
      }
      this.#open.set(path, opened)
      use(opened)
    })
  }
}

interface Stretch {
  readonly offset: number
  readonly lengthBytes: number
  /** The size of the file. */
  readonly sizeBytes: number
}

/** Reads until the whole stretch is read or the file ends: one read may return fewer bytes than it was asked for. */
function readFrom(file: number, stretch: Stretch, ended: Ended<Uint8Array>): void {
  const { offset, lengthBytes, sizeBytes } = stretch
  const parts: Buffer[] = []
  let at = offset
  let left = lengthBytes
  const next = () => {
    if (left === 0) {
      ended(null, parts.length === 1 ? parts[0] : Buffer.concat(parts))
      return
    }
    const part = Buffer.allocUnsafe(Math.min(left, Math.max(sizeBytes - at, leastReadBytes)))
    fs.read(file, part, 0, part.length, at, (error, count) => {
      if (error !== null) {
        ended(error)
        return
      }
      if (count > 0) parts.push(part.subarray(0, count))
      at += count
      left = count === 0 ? 0 : left - count
      next()
    })
  }
  next()
}

/** Writes all bytes: on a full disk, one write may write fewer without an error. */
function writeTo(file: number, offset: number, bytes: Uint8Array, ended: Ended<void>): void {
  fs.write(file, bytes, 0, bytes.length, offset, (error, count) => {
    if (error !== null) ended(error)
    else if (count === bytes.length) ended(null)
    else writeTo(file, offset + count, bytes.subarray(count), ended)
  })
}
