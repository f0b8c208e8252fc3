/**
 * The journal of a server: a line of JSON for each event. It is enough to run the server again by src/core/step.ts, and to check
 * that every state comes out the same.
 *
 * Each event has a Lamport clock (*Time, Clocks, and the Ordering of Events*), which travels with every datagram between
 * servers. A line is written before a datagram that the event caused leaves, and after whatever that datagram says is
 * durable: so the order by clock, and by server where clocks are equal, is one in which the run can have happened.
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

/** The first line of each run: what the server began with. */
export interface JournalStart {
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
    /** The chosen batches below `durable.firstUnchosen`. */
    readonly chosen: readonly Batch[]
  }
}

/** Where a role is: its state, and a fingerprint of its context. */
export interface JournalRole {
  readonly value: unknown
  readonly context: number
}

/** Something that happened to a server, and what it made of its roles. */
export interface JournalEvent {
  readonly clock: number
  readonly node: NodeId
  /** The server's monotonic clock, in milliseconds from any moment. */
  readonly nowMs: number
  readonly event: Exclude<NodeEvent, { type: 'crash' | 'sync.failed' }>
  /** The roles that changed. */
  readonly roles: Partial<Readonly<Record<RoleName, JournalRole>>>
}

export type JournalLine = JournalStart | JournalEvent

/** What a journal has of a role. */
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

/** The parts that a reader leans on; what is inside a message was checked when it was decoded. */
const runLine = open({
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
      message: open({ type: Type.Literal('request') }),
      replyTo: Type.String(),
      timeMs: Type.Number(),
      commandBytes: Type.Number(),
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
 * The lines of a journal, in order. A last line that was cut short, as by `kill -9`, is left out. Throws an `Error` that
 * names the line that is none.
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
    throw new Error(`line ${number} is no JSON: ${text.slice(0, 80)}`)
  }
  if (typeof line === 'object' && line !== null && 'kind' in line) {
    throw new Error(
      `line ${number} is of a recording of the inspector, which \`paxos inspect FILE\` shows; \`paxos replay\` runs the journals of \`paxos node --journal\``,
    )
  }
  if (!lineCheck.Check(line)) {
    const fault = lineCheck.Errors(line).First()
    throw new Error(
      `line ${number} is no line of a journal: ${fault?.message} at ${fault?.path || 'the top'}`,
    )
  }
  return line satisfies CheckedLine as unknown as JournalLine
}

/** The order in which it happened, of lines of several servers. */
export function inOrder(lines: readonly JournalLine[]): JournalLine[] {
  return lines.toSorted((a, b) => a.clock - b.clock || a.node - b.node)
}
