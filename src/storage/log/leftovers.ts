import { type Process, until } from '../../core/process.ts'
import type { Files } from '../files.ts'
import { type LogBase, partFileName, pathOf, segmentName, snapshotFileName } from './layout.ts'

/** The files of a store that the next start removes. */
export interface Leftovers {
  /** Files that nothing depends on: of openings that did not end, or that another one has replaced, and unfinished snapshots. */
  readonly unused: readonly string[]
  /** Files whose content is in the present snapshot. An older write of `head` may depend on them. */
  readonly compacted: readonly string[]
}

interface Found {
  /** The numbers of all segments, and of those that are a part of the log. */
  readonly segments: readonly number[]
  readonly used: readonly number[]
  readonly base: LogBase
  /** The numbers of all snapshot files, and of those that the log names; the last one is the present one. */
  readonly snapshots: readonly number[]
  readonly named: readonly number[]
  /** The numbers of the files that say what is kept of a snapshot, and of the one with which its transfer goes on. */
  readonly parts: readonly number[]
  readonly kept: number | null
}

export function leftoversOf({ segments, used, base, snapshots, named, parts, kept }: Found): Leftovers {
  const isOlder = (segment: number) => segment < base.segment
  const present = named.at(-1)
  const others = snapshots.filter((file) => file !== present && file !== kept)
  const isNamed = (file: number) => named.includes(file)
  const isUnfinished = (file: number) => named.every((each) => each < file)
  return {
    unused: [
      ...segments.filter((segment) => !isOlder(segment) && !used.includes(segment)).map(segmentName),
      ...others.filter(isUnfinished).map(snapshotFileName),
      ...parts.filter((file) => file !== kept && !isNamed(file)).map(partFileName),
    ].map(pathOf),
    compacted: [
      ...segments.filter(isOlder).map(segmentName),
      ...others.filter((file) => !isUnfinished(file)).map(snapshotFileName),
      ...parts.filter(isNamed).map(partFileName),
    ].map(pathOf),
  }
}

/** Removes files. */
export function* removeAll(files: Files, paths: readonly string[]): Process {
  for (const path of paths) yield* until(files.remove(path))
}
