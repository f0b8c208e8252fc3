import { readdir } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import { damage } from './records.ts'
import { StorageError } from './storage.ts'

/** The database operations that storage needs: those of LevelDB, or of a test double. */
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

/** LevelDB makes these files before it has made a database: an interrupted first start leaves no others. */
const beforeFirstStart = /^(LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.dbtmp)$/
const ofLevelDb = /^(CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(dbtmp|log|ldb|sst))$/

/**
 * Opens the LevelDB in `directory`; creates both if they do not exist. Throws a `StorageError` when the database is in use or
 * damaged, or when the directory holds other files or cannot be written.
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

/** Refuses foreign files, and a database without its main file: in both cases LevelDB would create a new, empty database. */
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
        'it is in use by another process. Stop that process, or give each server a directory of its own',
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
