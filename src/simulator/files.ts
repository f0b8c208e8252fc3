/**
 * The files of a simulated server, with the faults of a real disk. Reads see the cache of the operating system, which survives the
 * end of a process. A power cut leaves what was synced, and of the rest each sector or none.
 */
import type { Operation } from '../core/process.ts'
import type { Files } from '../storage/files.ts'
import type { Random } from './random.ts'
import { SimulatedFile } from './simulated-file.ts'

/** What a crash does to the writes that were not synced. */
export type Unsynced =
  /** The power fails, and they are lost. */
  | 'lost'
  /** The power fails just after they reached the disk. */
  | 'kept'
  /** The power fails, and each sector is kept or lost by chance. */
  | 'torn'
  /** Only the process ends, and they stay in the cache. */
  | 'cached'

/** A call of the file system. `sync` stands for both kinds of syncs. */
export type FileCall = 'read' | 'write' | 'sync' | 'other'

/** A call of the file system that fails. */
export interface FileFault {
  readonly call: FileCall
  readonly code: 'EIO' | 'ENOSPC'
  /** The number of calls of this kind that still succeed before it. */
  readonly calls: number
}

/**
 * Lets the duration of a call pass. Then runs `act`, also while the process is suspended, and `ended` when it continues; neither when
 * the process has ended before.
 */
export type Later = (call: FileCall, act: () => void, ended: () => void) => void

/** A change of the entries of a directory that is not synced. */
interface EntryChange {
  readonly directory: string
  readonly apply: (entries: Map<string, SimulatedFile | null>) => void
}

/** The entries of all directories by their paths; `null` for a directory. */
type Entries = Map<string, SimulatedFile | null>

export class SimulatedFiles {
  #entries: Entries = new Map([['.', null]])
  #durable: Entries = new Map([['.', null]])
  #unsynced: EntryChange[] = []
  #faults: FileFault[] = []

  /** The files as one process uses them. Calls act when they begin; syncs act when they end. */
  session(later: Later): Files {
    const run =
      <T>(call: FileCall, path: string, action: () => T): Operation<T> =>
      (ended) => {
        const [error, result] = this.#attempt(call, path, action)
        later(call, nothing, () => ended(error, result))
      }
    const sync =
      (path: string, action: () => void): Operation<void> =>
      (ended) => {
        let error: Error | null = null
        const act = () => {
          error = this.#attempt('sync', path, action)[0]
        }
        later('sync', act, () => ended(error))
      }
    return {
      list: (path) => run('read', path, () => this.#list(path)),
      read: (path, offset, lengthBytes) =>
        run('read', path, () => this.#file(path).read(offset, lengthBytes)),
      makeDirectory: (path) =>
        run('other', path, () => this.#change(path, (entries) => entries.set(path, null))),
      create: (path) => run('other', path, () => this.#create(path)),
      write: (path, offset, bytes) => run('write', path, () => this.#file(path).write(offset, bytes)),
      sync: (path) => sync(path, () => this.#file(path).sync()),
      syncDirectory: (path) => sync(path, () => this.#syncDirectory(path)),
      rename: (from, to) => run('other', from, () => this.#rename(from, to)),
      remove: (path) => run('other', path, () => this.#remove(path)),
      close: () => (ended) => ended(null),
    }
  }

  /** Makes a later call of the file system fail. */
  failLater(fault: FileFault): void {
    this.#faults.push(fault)
  }

  /** Drops the requests of `failLater`. */
  forgetFaults(): void {
    this.#faults = []
  }

  /** The machine or the process stops. */
  crash(unsynced: Unsynced, random: Random): void {
    if (unsynced === 'cached') return
    const isKept = () => (unsynced === 'torn' ? random.chance(50) : unsynced === 'kept')
    const files = new Set([...this.#entries.values(), ...this.#durable.values()])
    for (const file of files) file?.cutPower(isKept)
    for (const { apply } of this.#unsynced) if (isKept()) apply(this.#durable)
    this.#unsynced = []
    this.#entries = new Map(this.#durable)
  }

  /** The files as a program that copies them reads them, all synced. */
  copy(): SimulatedFiles {
    const files = new SimulatedFiles()
    for (const [path, file] of this.#entries) {
      const copied = file === null ? null : new SimulatedFile(file.read(0, Number.POSITIVE_INFINITY))
      for (const entries of [files.#entries, files.#durable]) entries.set(path, copied)
    }
    return files
  }

  /** The bytes of the file on the disk, `null` when there is none. */
  bytesOf(path: string): Uint8Array | null {
    return this.#entries.get(path)?.read(0, Number.POSITIVE_INFINITY) ?? null
  }

  /** The paths of all files. */
  get paths(): readonly string[] {
    return [...this.#entries].flatMap(([path, file]) => (file === null ? [] : [path]))
  }

  /** Damages the disk: a file gets other bytes, also where it was synced, or with `null` is lost. */
  damage(path: string, bytes: Uint8Array | null): void {
    const file = bytes === null ? null : new SimulatedFile(bytes)
    for (const entries of [this.#entries, this.#durable]) {
      if (file === null) entries.delete(path)
      else entries.set(path, file)
    }
  }

  /** Returns the error of the call, or its result. */
  #attempt<T>(call: FileCall, path: string, action: () => T): [Error | null, T?] {
    const fault = this.#dueFault(call)
    if (fault !== null && call === 'sync') this.#entries.get(path)?.failSync()
    try {
      // A full disk is often noticed in the middle of a write, so a write that fails may have written.
      const result = fault === null || call === 'write' ? action() : undefined
      if (fault !== null) throw errorOf(fault.code, `${call} ${path}`)
      return [null, result as T]
    } catch (error) {
      return [error as Error]
    }
  }

  /** The fault that this call meets; `null` when it succeeds. */
  #dueFault(call: FileCall): FileFault | null {
    if (this.#faults.length === 0) return null
    const due = this.#faults.find((fault) => fault.call === call && fault.calls === 0) ?? null
    this.#faults = this.#faults
      .filter((fault) => fault !== due)
      .map((fault) => (fault.call === call ? { ...fault, calls: Math.max(0, fault.calls - 1) } : fault))
    return due
  }

  #list(path: string): readonly string[] | null {
    if (this.#entries.get(path) !== null) return null
    const prefix = `${path}/`
    return [...this.#entries.keys()].flatMap((each) =>
      each.startsWith(prefix) ? [each.slice(prefix.length)] : [],
    )
  }

  #create(path: string): void {
    if (this.#entries.has(path)) throw errorOf('EEXIST', path)
    const file = new SimulatedFile()
    this.#change(path, (entries) => entries.set(path, file))
  }

  #rename(from: string, to: string): void {
    this.#change(from, (entries) => {
      for (const [path, file] of [...entries]) {
        if (path !== from && !path.startsWith(`${from}/`)) continue
        entries.delete(path)
        entries.set(`${to}${path.slice(from.length)}`, file)
      }
    })
  }

  #remove(path: string): void {
    if (!this.#entries.has(path)) return
    this.#change(path, (entries) => {
      for (const each of [...entries.keys()]) {
        if (each === path || each.startsWith(`${path}/`)) entries.delete(each)
      }
    })
  }

  /** Changes entries in the cache, and later on the disk. */
  #change(path: string, apply: EntryChange['apply']): void {
    apply(this.#entries)
    this.#unsynced.push({ directory: directoryOf(path), apply })
  }

  #syncDirectory(path: string): void {
    for (const { directory, apply } of this.#unsynced) if (directory === path) apply(this.#durable)
    this.#unsynced = this.#unsynced.filter(({ directory }) => directory !== path)
  }

  #file(path: string): SimulatedFile {
    const file = this.#entries.get(path)
    if (file === undefined) throw errorOf('ENOENT', path)
    if (file === null) throw errorOf('EISDIR', path)
    return file
  }
}

const nothing = () => undefined

function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '.' : path.slice(0, slash)
}

function errorOf(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${what}`), { code })
}
