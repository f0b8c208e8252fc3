/** A plan as a JSON file, validated before it is run. */
import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { quotaRange, sessionTtlMs } from '../../machines/limits.ts'
import { minDatagramBytes } from '../wire/limits.ts'
import { damagings, faultKinds, type Plan } from './plan.ts'

/** A year in milliseconds, the greatest duration in a plan. */
const longestMs = 31_536_000_000

function closed<P extends TProperties>(properties: P): TObject<P> {
  return Type.Object(properties, { additionalProperties: false })
}

function oneOf<const T extends string>(texts: readonly T[]) {
  return Type.Union(texts.map((text) => Type.Literal(text)))
}

/** The greatest payload of a UDP datagram. */
const mostDatagramBytes = 65_507

const ms = Type.Integer({ minimum: 0, maximum: longestMs })
const percent = Type.Integer({ minimum: 0, maximum: 100 })
const server = Type.Integer({ minimum: 0, maximum: 999 })
const target = Type.Union([server, Type.Literal('leader')])
const jumpMs = Type.Integer({ minimum: -longestMs, maximum: longestMs })
const unsynced = oneOf(['lost', 'kept', 'torn', 'cached'])
const end = Type.Union([server, Type.Null()])
const name = Type.String({ minLength: 1, maxLength: 100 })
const value = Type.Integer()

const lasting = { atMs: ms, forMs: ms }

function fault<K extends string, P extends TProperties>(kind: K, properties: P) {
  return closed({ kind: Type.Literal(kind), ...properties })
}

const faultSchema = Type.Union([
  fault('loss', { percent, ...lasting }),
  fault('duplication', { percent, ...lasting }),
  fault('reordering', { maxDelayMs: ms, ...lasting }),
  fault('delay', { percent, delayMs: ms, ...lasting }),
  fault('cut', { links: Type.Array(Type.Tuple([end, end])), ...lasting }),
  fault('crash', {
    server: target,
    during: oneOf(['nothing', 'sync', 'call', 'chunk']),
    calls: Type.Integer({ minimum: 0, maximum: 1_000 }),
    unsynced,
    ...lasting,
  }),
  fault('diskError', {
    server: target,
    call: oneOf(['read', 'write', 'sync', 'other']),
    code: oneOf(['EIO', 'ENOSPC']),
    calls: Type.Integer({ minimum: 0, maximum: 1_000 }),
    ...lasting,
  }),
  fault('damage', { server: target, how: oneOf(damagings), ...lasting }),
  fault('slowDisk', { server: target, syncMs: ms, ...lasting }),
  fault('pause', { server: target, ...lasting }),
  fault('lostChosen', { percent, ...lasting }),
  fault('stop', { atMs: ms, server: target }),
  fault('clock', { atMs: ms, server, jumpMs }),
  fault('clientClock', { atMs: ms, client: Type.Integer({ minimum: 0, maximum: 999 }), jumpMs }),
  fault('quota', { atMs: ms, bytes: Type.Integer({ minimum: quotaRange.least, maximum: quotaRange.most }) }),
  fault('join', { atMs: ms, server, addedForMs: Type.Optional(ms) }),
  fault('remove', { atMs: ms, server: target, stopAfterMs: ms }),
  fault('replace', { atMs: ms, server: target }),
  fault('oldDirectory', { server, ...lasting }),
])

function step<K extends string, P extends TProperties>(kind: K, properties: P) {
  const patienceMs = Type.Union([ms, Type.Null()])
  return closed({ kind: Type.Literal(kind), thinkMs: ms, patienceMs, ...properties })
}

const stepSchema = Type.Union([
  step('hold', { name, holdMs: ms }),
  step('leave', { name }),
  step('read', { key: name }),
  step('query', { key: name }),
  step('write', { key: name, value }),
  step('compareAndSet', { key: name, expected: value, value }),
  step('add', { key: name, amount: value }),
])

const planSchema = closed({
  format: Type.Literal(3),
  seed: Type.Integer(),
  servers: Type.Integer({ minimum: 1, maximum: 99 }),
  service: Type.Union([Type.Literal('lock'), Type.Literal('register')]),
  stormMs: ms,
  ttlMs: Type.Integer({ minimum: sessionTtlMs.least, maximum: sessionTtlMs.most }),
  snapshotEvery: Type.Optional(Type.Integer({ minimum: 1 })),
  quotaBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: quotaRange.most })),
  datagramBytes: Type.Optional(Type.Integer({ minimum: minDatagramBytes, maximum: mostDatagramBytes })),
  faults: Type.Array(faultSchema),
  clients: Type.Array(closed({ beginsAtMs: ms, server, lanes: Type.Array(Type.Array(stepSchema)) })),
})

/** Parses a plan. Throws an error that names the fault and its place when `text` is not a valid plan. */
export function parsePlan(text: string): Plan {
  const plan: unknown = JSON.parse(text)
  if (!Value.Check(planSchema, plan)) throw new Error(describeFault(plan))
  checkServers(plan)
  return plan
}

/** Throws when the plan names a server that is not allowed there. */
function checkServers({ servers, clients, faults }: Static<typeof planSchema>): void {
  const isFounder = (id: number) => id < servers
  const stranger = clients.find(({ server }) => !isFounder(server))
  if (stranger !== undefined) {
    throw new Error(
      `a client asks server ${stranger.server} first: the founders are the servers below ${servers}`,
    )
  }
  for (const fault of faults) {
    const isWrong =
      (fault.kind === 'clock' && !isFounder(fault.server)) ||
      (fault.kind === 'join' && isFounder(fault.server))
    if (isWrong) {
      throw new Error(
        `${fault.kind} of server ${fault.server}: the founders are the servers below ${servers}`,
      )
    }
  }
}

/** Formats a plan for `parsePlan`. */
export function formatPlan(plan: Plan): string {
  return `${JSON.stringify(plan, null, 2)}\n`
}

function describeFault(plan: unknown): string {
  const fault = Value.Errors(planSchema, plan).First()
  if (fault === undefined) return 'the plan has no fault'
  const kinds = fault.path.startsWith('/faults') ? `; faults are ${faultKinds.join(', ')}` : ''
  return `${fault.path || 'the plan'}: ${fault.message}${kinds}`
}
