import { readdir } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import { damage } from './records.ts'
import { StorageError } from './storage.ts'

/** What storage needs of a database: LevelDB, or what stands for it in a test. */
export interface Database {
  getMany(keys: string[]): Promise<(string | undefined)[]>
  batch(operations: Put[], options: { readonly sync: boolean }): Promise<void>
  iterator(range: {
    readonly gte?: string
    readonly lt?: string
    readonly highWaterMarkBytes: number
  }): Entries
  close(): Promise<void>
}

export interface Put {
  readonly type: 'put'
  readonly key: string
  readonly value: string
}

export interface Entries {
  nextv(count: number): Promise<[key: string, value: string][]>
  close(): Promise<void>
}

/** LevelDB keeps these before it has made a database: a start that was cut short leaves no more than them. */
const beforeFirstStart = /^(LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.dbtmp)$/
const ofLevelDb = /^(CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(dbtmp|log|ldb|sst))$/

/**
 * Opens the LevelDB in `directory`; makes both if there is nothing. Throws a `StorageError` when it is in use, damaged, not
 * a database, or cannot be written.
 */
export async function openLevelDatabase(directory: string): Promise<Database> {
  await refuseOtherFiles(directory)
  const database = new ClassicLevel(directory)
  try {
    await database.open()
  } catch (error) {
    await database.close().catch(() => undefined)
    throw openingError(directory, error)
  }
  return database
}

/** LevelDB would make a new, empty database among foreign files, and in the place of one that lost its main file. */
async function refuseOtherFiles(directory: string): Promise<void> {
  let files: string[]
  try {
    files = await readdir(directory)
  } catch (error) {
    if (isObject(error) && error.code === 'ENOENT') return
    throw openingError(directory, error)
  }
  if (files.includes('CURRENT')) return
  const foreign = files.find((file) => !ofLevelDb.test(file))
  if (foreign !== undefined) {
    throw new StorageError(
      directory,
      `it is not a store: it holds ${foreign}. Give an empty directory, or one that a server made`,
    )
  }
  const remnant = files.find((file) => !beforeFirstStart.test(file))
  if (remnant !== undefined) {
    throw new StorageError(directory, damage(`it holds ${remnant}, but its file CURRENT is gone`).message)
  }
}

function openingError(directory: string, error: unknown): StorageError {
  const cause = isObject(error) && isObject(error.cause) ? error.cause : error
  const reason = isObject(cause) ? String(cause.message) : String(cause)
  switch (isObject(cause) ? cause.code : null) {
    case 'LEVEL_LOCKED':
      return new StorageError(
        directory,
        'it is in use by another process. Stop that one, or give each server a directory of its own',
        error,
      )
    case 'LEVEL_CORRUPTION':
      return new StorageError(directory, damage(reason).message, error)
    default:
      return new StorageError(
        directory,
        `it cannot be opened: ${reason}. Give a directory that this process may write to`,
        error,
      )
  }
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null
}
