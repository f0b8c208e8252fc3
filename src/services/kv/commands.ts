import type { Json } from '../../../machines/batch.ts'

/** How long a value that is put lives. Without a field, it lives until it is deleted or replaced. */
export type KvLife = {
  /** Milliseconds of the replicated clock after which the key is deleted. */
  readonly ttlMs?: number
  /** With `true`, the key is deleted when the session that put it ends. */
  readonly session?: boolean
}

/** The changes that a watch waits for: those of one key, or of all keys that begin with `prefix`. */
export type KvTarget = { readonly key: string } | { readonly prefix: string }

export type KvCommand =
  | { readonly action: 'get'; readonly key: string }
  | ({ readonly action: 'put'; readonly key: string; readonly value: Json } & KvLife)
  /** With `version`, only when the entry has that version. */
  | { readonly action: 'delete'; readonly key: string; readonly version?: number }
  /** Puts `value` when the entry has the version `version`; 0 expects no entry. */
  | ({
      readonly action: 'compareAndSet'
      readonly key: string
      readonly version: number
      readonly value: Json
    } & KvLife)
  /** The keys that begin with `prefix`, in order, after the key `after`. */
  | {
      readonly action: 'list'
      readonly prefix: string
      readonly limit?: number
      readonly after?: string
    }
  /** Removes the entry and returns it; waits until there is one. */
  | { readonly action: 'take'; readonly key: string }
  /** Waits until there is a change above the version `after`; without `after`, for the next change. */
  | ({ readonly action: 'watch'; readonly after?: number } & KvTarget)

/** The value of a key. The version grows with each change of any key, so an entry that was replaced has a larger version. */
export type KvEntry = { readonly key: string; readonly value: Json; readonly version: number }

/** A key that changed, as it is now: its entry, or the version at which it was deleted. */
export type KvChange = KvEntry | { readonly key: string; readonly version: number; readonly deleted: true }

/** The result of each command. */
export type KvResults = {
  /** `null` when the key has no value. */
  readonly get: { readonly entry: KvEntry | null }
  readonly put: { readonly version: number }
  readonly delete: { readonly deleted: boolean }
  /** When nothing was set, the entry whose version differs. */
  readonly compareAndSet:
    | { readonly set: true; readonly version: number }
    | { readonly set: false; readonly entry: KvEntry | null }
  /** `next` is the last listed key when there are more: the `after` of the next call. `version` is that of the last change of any key. */
  readonly list: {
    readonly entries: readonly KvEntry[]
    readonly next: string | null
    readonly version: number
  }
  readonly take: { readonly entry: KvEntry }
  /**
   * The changed keys in order of their last change, each once. `version` is the `after` of the next watch. With `missed`, the store does
   * not know all changes above `after` any more: list the keys, and go on with `version`.
   */
  readonly watch: {
    readonly changes: readonly KvChange[]
    readonly version: number
    readonly missed: boolean
  }
}

export type KvAction = KvCommand['action']

export type KvResult = KvResults[KvAction]
