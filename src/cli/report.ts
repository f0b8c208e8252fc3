import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Json } from '../../machines/batch.ts'

const ballot = Type.Union([Type.Null(), Type.Object({ round: Type.Number(), node: Type.Number() })])

/** Of what a server says of itself, the part that the commands use. */
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
  queue: Type.Object({ length: Type.Number(), delayed: Type.Number() }),
  /** What there is of what is bounded, by name. */
  usage: Type.Optional(
    Type.Record(Type.String(), Type.Object({ used: Type.Number(), allowed: Type.Number() })),
  ),
  members: Type.Array(
    Type.Object({
      id: Type.Number(),
      address: Type.String(),
      counted: Type.Boolean(),
    }),
  ),
})

const reports = TypeCompiler.Compile(reportSchema)

export type Report = Static<typeof reportSchema>

/** `status` as a report; `null` when it is none, as from a server of another version. */
export function readReport(status: Json): Report | null {
  return reports.Check(status) ? status : null
}
