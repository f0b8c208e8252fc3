/**
 * A replica as bytes: lines of JSON in UTF-8. The first line is the head, the last one counts the lines. Equal states give equal bytes,
 * even if different histories led to them.
 */
import type { Instance, Json, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { canonicalJson } from '../core/digest.ts'
import { keptDigest } from './kept-command.ts'
import type { SessionImage } from './session-images.ts'
import type { Timer } from './timers.ts'

/** A change of what a line holds, or another field of the head, needs another number. */
export const snapshotFormat = 6

/** The first line. */
export interface SnapshotHead {
  readonly format: number
  readonly service: string
  readonly firstUnexecuted: Instance
  readonly clockMs: number
  readonly runningDigest: string
  readonly serviceVersion: number
  readonly quotaBytes: number
  /** The size of the service's state. The rows need not tell it: it may depend on the form that the state has in memory. */
  readonly serviceBytes: number
  readonly members: readonly Member[]
}

/** The other lines, in the order of these kinds; but what has ended and what waits follows its session. */
export type SnapshotLine =
  | SessionLine
  | readonly [kind: 'ended', seq: number, outcome: Outcome, commandDigest: string | null]
  | readonly [
      kind: 'waiting',
      seq: number,
      node: NodeId,
      key: string | null,
      commandDigest: string | null,
      uids?: readonly string[],
    ]
  | readonly [kind: 'timer', name: string, deadlineMs: number]
  /** A row of the service. */
  | readonly [kind: 'state', row: Json]
  /** With the number of all lines, itself included. */
  | readonly [kind: 'end', lines: number]

/** Those with a ttl in the order of their opening, then the others by uid. */
export type SessionLine = readonly [
  kind: 'session',
  uid: string,
  ttlMs: number | null,
  deadlineMs: number | null,
  isRevoked: boolean,
  isKept: boolean,
  touchedSeq: number,
  ackedBelow: number,
  forgottenBelow: number,
  lastClockMs: number,
]

export interface SnapshotContents {
  readonly head: Omit<SnapshotHead, 'format'>
  readonly sessions: Iterable<SessionImage>
  /** In the order in which they fire. */
  readonly timers: Iterable<Timer>
  readonly rows: Iterable<Json>
}

/** Draws the lines of a snapshot one after the other, each with its end. */
export function* linesOf({ head, sessions, timers, rows }: SnapshotContents): Generator<string, void> {
  let lines = 2
  yield `${canonicalJson({ ...head, format: snapshotFormat } satisfies SnapshotHead)}\n`
  for (const { line, ended, waiting } of sessions) {
    yield `${JSON.stringify(line)}\n`
    lines += 1 + ended.length + waiting.length
    for (const { seq, outcome, command } of inOrderOfSeq(ended)) {
      const digest = command === null ? null : keptDigest(command)
      yield `${canonicalJson(['ended', seq, outcome, digest] satisfies SnapshotLine)}\n`
    }
    for (const { seq, node, key, command, uids } of inOrderOfSeq(waiting)) {
      const digest = command === null ? null : keptDigest(command)
      yield `${JSON.stringify(['waiting', seq, node, key, digest, ...(uids === undefined ? [] : [uids])])}\n`
    }
  }
  for (const { name, deadlineMs } of timers) {
    yield `${JSON.stringify(['timer', name, deadlineMs] satisfies SnapshotLine)}\n`
    lines += 1
  }
  for (const row of rows) {
    yield `["state",${canonicalJson(row)}]\n`
    lines += 1
  }
  yield `${JSON.stringify(['end', lines] satisfies SnapshotLine)}\n`
}

function inOrderOfSeq<T extends { readonly seq: number }>(requests: readonly T[]): readonly T[] {
  return requests.length < 2 ? requests : [...requests].sort((a, b) => a.seq - b.seq)
}
