/**
 * The journal of a server: a line of JSON for each event. The lines suffice to replay the server with src/core/step.ts, and
 * to check that every state is the same.
 *
 * Each event has a Lamport clock (*Time, Clocks, and the Ordering of Events*), which every datagram between servers
 * carries. The journal writes the line of an event after the data that its datagrams report is durable, and before these
 * datagrams leave. So the lines in order of clock, and of server for equal clocks, are a possible order of the events.
 */
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Batch, NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Limits } from '../../machines/limits.ts'
import type { Member } from '../../machines/members.ts'
import type { Timing } from '../../machines/timing.ts'
import type { DurableState } from '../core/durable.ts'
import { fingerprint } from '../core/fingerprint.ts'
import type { NodeEvent } from '../core/node-event.ts'
import { roleNames } from '../core/roles.ts'
import type { Trust } from '../core/trust.ts'

/** The version of the lines. An earlier version has events and machines of another shape. */
export const journalVersion = 3

/** The first line of each run: the state in which the server started. */
export interface JournalStart {
  readonly version: typeof journalVersion
  readonly clock: number
  readonly node: NodeId
  readonly run: {
    readonly cluster: string
    readonly service: string
    readonly incarnation: string
    readonly founders: readonly Member[]
    readonly timing: Timing
    readonly limits: Limits
    readonly durable: DurableState
    /** The text of `durable.snapshot`; `null` without one. */
    readonly snapshot: string | null
    /** What the server knew of the boots of members; missing in a journal of a version that stored nothing of it. */
    readonly trust?: Trust
    /** Why the server sent nothing, as it had found in an earlier run; missing or `null` while it took part. */
    readonly withdrawn?: string | null
    /** The chosen batches below `durable.firstUnchosen` that the snapshot does not contain. */
    readonly chosen: readonly Batch[]
  }
}

/** The state of a role, and a fingerprint of its context. */
export interface JournalRole {
  readonly value: unknown
  readonly context: number
}

/** An event of a server, and the roles after it. */
export interface JournalEvent {
  readonly clock: number
  readonly node: NodeId
  /** The server's monotonic clock, in milliseconds since an arbitrary moment. */
  readonly nowMs: number
  readonly event: Exclude<NodeEvent, { type: 'crash' | 'sync.failed' }>
  /** The roles that changed. */
  readonly roles: Partial<Readonly<Record<RoleName, JournalRole>>>
}

export type JournalLine = JournalStart | JournalEvent

/** The role as a journal records it. */
export function journalRole({
  value,
  context,
}: {
  readonly value: unknown
  readonly context?: unknown
}): JournalRole {
  return { value, context: fingerprint(context) }
}

const clock = Type.Integer({ minimum: 0 })
const node = Type.Integer({ minimum: 0 })
const open = <T extends Record<string, TSchema>>(fields: T) => Type.Object(fields)

/** Checks the parts that a reader relies on. The server checked the contents of messages when it decoded them. */
const runLine = open({
  version: Type.Literal(journalVersion),
  clock,
  node,
  run: open({
    cluster: Type.String(),
    service: Type.String(),
    incarnation: Type.String(),
    founders: Type.Array(Type.Unknown()),
    timing: open({}),
    limits: open({}),
    durable: open({ firstUnchosen: Type.Integer({ minimum: 0 }), accepted: Type.Array(Type.Unknown()) }),
    snapshot: Type.Union([Type.String(), Type.Null()]),
    chosen: Type.Array(Type.Unknown()),
  }),
})
const eventLine = open({
  clock,
  node,
  nowMs: Type.Number(),
  event: Type.Union([
    open({ type: Type.Literal('start'), randomSeed: Type.Number() }),
    open({
      type: Type.Literal('hear'),
      sender: node,
      names: open({
        incarnation: Type.String(),
        addressee: Type.Union([Type.String(), Type.Null()]),
      }),
      from: Type.String(),
      message: open({ type: Type.String() }),
    }),
    open({
      type: Type.Literal('request'),
      message: open({ type: Type.Union([Type.Literal('request'), Type.Literal('read')]) }),
      replyTo: Type.String(),
      timeMs: Type.Number(),
    }),
    open({
      type: Type.Literal('timer'),
      role: Type.Union(roleNames.map((role) => Type.Literal(role))),
      id: Type.String(),
    }),
    open({ type: Type.Literal('synced') }),
    open({
      type: Type.Literal('tell'),
      role: Type.Union(roleNames.map((role) => Type.Literal(role))),
      event: open({ type: Type.String() }),
    }),
  ]),
  roles: Type.Partial(
    open(
      Object.fromEntries(
        roleNames.map((role) => [role, open({ value: Type.Unknown(), context: Type.Number() })]),
      ),
    ),
  ),
})
const lineCheck = TypeCompiler.Compile(Type.Union([runLine, eventLine]))
type CheckedLine = Static<typeof runLine> | Static<typeof eventLine>

/**
 * Parses the lines of a journal, in order. Ignores a truncated last line, as `kill -9` leaves one. Throws an `Error` that
 * names an invalid line.
 */
export function parseJournal(text: string): JournalLine[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  return whole
    .split('\n')
    .slice(0, -1)
    .map((line, index) => parseLine(line, index + 1))
}

function parseLine(text: string, number: number): JournalLine {
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch {
    throw new Error(`line ${number} is not JSON: ${text.slice(0, 80)}`)
  }
  if (typeof line === 'object' && line !== null && 'kind' in line) {
    throw new Error(
      `line ${number} belongs to a recording of the inspector, which \`paxos inspect FILE\` shows; \`paxos replay\` replays the journals of \`paxos node --journal\``,
    )
  }
  checkVersion(line, number)
  if (!lineCheck.Check(line)) {
    const fault = lineCheck.Errors(line).First()
    throw new Error(
      `line ${number} is not a line of a journal: ${fault?.message} at ${fault?.path || 'the top'}`,
    )
  }
  return line satisfies CheckedLine as unknown as JournalLine
}

/** Throws when a run begins with another version. Runs of version 1 name none. */
function checkVersion(line: unknown, number: number): void {
  if (typeof line !== 'object' || line === null || !('run' in line)) return
  const version = 'version' in line ? line.version : 1
  if (version === journalVersion) return
  throw new Error(
    `line ${number} begins a journal of version ${JSON.stringify(version)}, and this version of paxos writes and replays version ${journalVersion}: replay it with the version that wrote it, and give the server a new file`,
  )
}

/** Sorts the lines of several servers into a possible order of their events. */
export function inOrder(lines: readonly JournalLine[]): JournalLine[] {
  return lines.toSorted((a, b) => a.clock - b.clock || a.node - b.node)
}
