import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Json } from '../../machines/batch.ts'

const ballot = Type.Union([Type.Null(), Type.Object({ round: Type.Number(), node: Type.Number() })])

const members = Type.Array(
  Type.Object({ id: Type.Number(), address: Type.String(), counted: Type.Boolean() }),
)

/** The part of a server's status that the commands use. */
const reportSchema = Type.Object({
  id: Type.Number(),
  address: Type.String(),
  cluster: Type.String(),
  pid: Type.Number(),
  state: Type.String(),
  counted: Type.Boolean(),
  roles: Type.Object({
    acceptor: Type.String(),
    proposer: Type.String(),
    learner: Type.String(),
    requestQueue: Type.String(),
  }),
  ballot,
  firstUnchosen: Type.Number(),
  /** The snapshot that the server holds. */
  snapshot: Type.Optional(
    Type.Union([
      Type.Null(),
      Type.Object({ held: Type.Union([Type.Null(), Type.Object({ instance: Type.Number() })]) }),
    ]),
  ),
  /** The replicated clock, and the earliest deadline on it, in milliseconds. */
  clockMs: Type.Number(),
  deadlineMs: Type.Union([Type.Null(), Type.Number()]),
  queue: Type.Object({ length: Type.Number(), delayed: Type.Number() }),
  sessions: Type.Number(),
  /** The instance from which on the servers differ, when no quorum agrees. */
  dispute: Type.Optional(
    Type.Union([Type.Null(), Type.Object({ instance: Type.Number(), isFirst: Type.Boolean() })]),
  ),
  /** The usage and the limit of each bounded resource, by name. */
  usage: Type.Optional(
    Type.Record(Type.String(), Type.Object({ used: Type.Number(), allowed: Type.Number() })),
  ),
  /** The versions of the service that the program has, and the one in force. */
  service: Type.Optional(
    Type.Object({
      name: Type.String(),
      oldest: Type.Number(),
      newest: Type.Number(),
      inForce: Type.Number(),
    }),
  ),
  /** The room on the disk of the server; `null` in memory. */
  disk: Type.Optional(
    Type.Union([
      Type.Null(),
      Type.Object({ freeBytes: Type.Number(), lowWaterBytes: Type.Number(), isLow: Type.Boolean() }),
    ]),
  ),
  /** The members that the server does not count, because their directories are copies. */
  distrusted: Type.Optional(Type.Array(Type.Object({ id: Type.Number(), reason: Type.String() }))),
  /** Why the server sends nothing more; `null` while it takes part. */
  withdrawn: Type.Optional(Type.Union([Type.Null(), Type.String()])),
  members,
})

/** The part of the status of a server that waits for the other founders. */
const foundingSchema = Type.Object({
  id: Type.Number(),
  address: Type.String(),
  state: Type.Literal('founding'),
  waitsFor: Type.Array(Type.Number()),
  obstacles: Type.Array(Type.String()),
  members,
})

const reports = TypeCompiler.Compile(reportSchema)
const foundingReports = TypeCompiler.Compile(foundingSchema)

export type StatusReport = Static<typeof reportSchema>

export type FoundingReport = Static<typeof foundingSchema>

/** Parses `status`; `null` when it does not fit, as from a server of another version. */
export function readReport(status: Json): StatusReport | null {
  return reports.Check(status) ? status : null
}

/** Parses `status` as that of a founding server; `null` for any other. */
export function readFoundingReport(status: Json): FoundingReport | null {
  return foundingReports.Check(status) ? status : null
}

/** Returns the report with the most chosen instances: servers learn lazily, so that server knows the latest members. */
export function mostKnowing(reports: readonly StatusReport[]): StatusReport | undefined {
  return [...reports].sort((a, b) => b.firstUnchosen - a.firstUnchosen)[0]
}

/** `server 0 is founding the cluster, and waits for server 1, 2`. */
export function foundingText({ id, waitsFor }: FoundingReport): string {
  return `server ${id} is founding the cluster, and waits for server ${waitsFor.join(', ')}`
}
