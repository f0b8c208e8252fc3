/** The keys of the last changes of the store, each at its version. A change copies at most one chunk. */

export interface ChangeLog {
  /** Full chunks, the oldest first. Each begins at a version above a multiple of `chunkSize`, so that all servers forget alike. */
  readonly chunks: readonly (readonly string[])[]
  /** The keys after the last full chunk. */
  readonly tail: readonly string[]
}

export const noChanges: ChangeLog = { chunks: [], tail: [] }

/** Changes are forgotten so many at a time. */
export const chunkSize = 64

/** With one change more. Forgets the oldest chunk when the other chunks have `least` changes. */
export function withChange({ chunks, tail }: ChangeLog, key: string, least: number): ChangeLog {
  const longer = [...tail, key]
  if (longer.length < chunkSize) return { chunks, tail: longer }
  const kept = chunks.length * chunkSize < least ? chunks : chunks.slice(1)
  return { chunks: [...kept, longer], tail: [] }
}

/** The number of remembered changes. */
export function changeCount({ chunks, tail }: ChangeLog): number {
  return chunks.length * chunkSize + tail.length
}

/** All keys in groups, the oldest first: full chunks, and the rest if there is any. */
export function* eachChunk({ chunks, tail }: ChangeLog): Generator<readonly string[], void> {
  yield* chunks
  if (tail.length > 0) yield tail
}

/** The last `count` keys, the oldest first. */
export function lastChanges({ chunks, tail }: ChangeLog, count: number): readonly string[] {
  const full = Math.ceil(Math.max(0, count - tail.length) / chunkSize)
  const keys = [...chunks.slice(chunks.length - full).flat(), ...tail]
  return keys.slice(keys.length - Math.min(count, keys.length))
}

/** The log of `keys`, the oldest first. They are all that `eachChunk` gave of a log. */
export function changeLogOf(keys: readonly string[]): ChangeLog {
  const full = Math.floor(keys.length / chunkSize)
  return {
    chunks: Array.from({ length: full }, (_, place) =>
      keys.slice(place * chunkSize, (place + 1) * chunkSize),
    ),
    tail: keys.slice(full * chunkSize),
  }
}
