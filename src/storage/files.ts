/** The part of a file system that a store uses. There are two implementations: real files and simulated files. */
import type { Operation } from '../core/process.ts'

/**
 * Files below one directory. Paths are relative to it and use `/`. Bytes that were written may be lost until `sync` of the file
 * has succeeded, and a created, renamed or removed entry may be undone until `syncDirectory` of its directory has succeeded.
 * After a failed `sync` the contents of the file are unknown, even if a later `sync` succeeds. The error of each operation is
 * the error of the file system; its `code` names the reason, such as `EIO` or `ENOSPC`.
 */
export interface Files {
  /** The names in the directory at `path`, in no order; `null` when there is no such directory. */
  list(path: string): Operation<readonly string[] | null>
  /** Reads `lengthBytes` from `offset` on, or fewer if the file ends before that. */
  read(path: string, offset: number, lengthBytes: number): Operation<Uint8Array>
  /** Creates the directory at `path`. */
  makeDirectory(path: string): Operation<void>
  /** Creates an empty file. Fails with `EEXIST` when it exists. */
  create(path: string): Operation<void>
  /** Writes all `bytes` at `offset`. The caller may change `bytes` after the next `sync` of the file. */
  write(path: string, offset: number, bytes: Uint8Array): Operation<void>
  /** Makes the written bytes of the file and its length durable. */
  sync(path: string): Operation<void>
  /** Makes the entries of the directory durable. */
  syncDirectory(path: string): Operation<void>
  /** Renames a file or a directory. */
  rename(from: string, to: string): Operation<void>
  /** Removes a file, or a directory with its contents; without effect when there is none. */
  remove(path: string): Operation<void>
  /** Closes a file that `create` or `write` opened; without effect when it is not open. */
  close(path: string): Operation<void>
}

/** What a reader of a store needs: it changes nothing. */
export type ReadableFiles = Pick<Files, 'list' | 'read'>
