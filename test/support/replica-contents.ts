/** The snapshot of a replica as an object, for tests that look into one or write another one. */
import type { Instance, Json, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Outcome } from '../../machines/outcome.ts'
import type { SnapshotLine } from '../../src/services/snapshot.ts'
import type { Timer } from '../../src/services/timers.ts'

export interface ReplicaContents {
  readonly format: number
  readonly service: string
  readonly firstUnexecuted: Instance
  readonly clockMs: number
  readonly runningDigest: string
  readonly quotaBytes: number
  readonly serviceVersion: number
  readonly serviceBytes: number
  readonly members: readonly Member[]
  readonly sessions: readonly SessionContents[]
  readonly timers: readonly Timer[]
  readonly rows: readonly Json[]
}

export interface SessionContents {
  readonly uid: string
  readonly ttlMs: number | null
  readonly deadlineMs: number | null
  readonly isRevoked: boolean
  readonly isKept: boolean
  readonly touchedSeq: number
  readonly ackedBelow: number
  readonly forgottenBelow: number
  readonly lastClockMs: number
  readonly ended: readonly (readonly [seq: number, outcome: Outcome, commandDigest: string | null])[]
  readonly waiting: readonly (readonly [
    seq: number,
    node: NodeId,
    key: string | null,
    commandDigest: string | null,
    uids?: readonly string[],
  ])[]
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] extends readonly (infer V)[] ? V[] : T[Field] }

export function contentsIn(snapshot: Uint8Array): ReplicaContents {
  const [head = '', ...lines] = new TextDecoder().decode(snapshot).trimEnd().split('\n')
  const contents: Mutable<ReplicaContents> = { ...JSON.parse(head), sessions: [], timers: [], rows: [] }
  for (const text of lines) {
    const line: SnapshotLine = JSON.parse(text)
    const session = contents.sessions.at(-1) as Mutable<SessionContents> | undefined
    if (line[0] === 'session') contents.sessions.push(sessionIn(line))
    if (line[0] === 'ended') session?.ended.push([line[1], line[2], line[3]])
    if (line[0] === 'waiting')
      session?.waiting.push(line.slice(1) as unknown as SessionContents['waiting'][0])
    if (line[0] === 'timer') contents.timers.push({ name: line[1], deadlineMs: line[2] })
    if (line[0] === 'state') contents.rows.push(line[1])
  }
  return contents
}

export function snapshotOf({ sessions, timers, rows, ...head }: ReplicaContents): Uint8Array {
  const lines: SnapshotLine[] = [
    ...sessions.flatMap((session): SnapshotLine[] => [
      lineOf(session),
      ...session.ended.map((ended) => ['ended', ...ended] as const),
      ...session.waiting.map((waiting) => ['waiting', ...waiting] as const),
    ]),
    ...timers.map(({ name, deadlineMs }) => ['timer', name, deadlineMs] as const),
    ...rows.map((row) => ['state', row] as const),
  ]
  const all = [head, ...lines, ['end', lines.length + 2]]
  return new TextEncoder().encode(all.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

function sessionIn(line: Extract<SnapshotLine, { readonly 0: 'session' }>): SessionContents {
  const [, uid, ttlMs, deadlineMs, isRevoked, isKept, touchedSeq, ackedBelow, forgottenBelow, lastClockMs] =
    line
  return {
    ...{ uid, ttlMs, deadlineMs, isRevoked, isKept, touchedSeq, ackedBelow, forgottenBelow, lastClockMs },
    ...{ ended: [], waiting: [] },
  }
}

function lineOf(session: SessionContents): SnapshotLine {
  const { uid, ttlMs, deadlineMs, isRevoked, isKept } = session
  const { touchedSeq, ackedBelow, forgottenBelow, lastClockMs } = session
  return [
    ...(['session', uid, ttlMs, deadlineMs, isRevoked, isKept] as const),
    ...([touchedSeq, ackedBelow, forgottenBelow, lastClockMs] as const),
  ]
}
