/**
 * How servers find out that their outcomes differ: pure functions over plain data.
 *
 * Each server folds the outcomes of every batch into a running digest. It is part of the replicated state, so servers that executed the
 * same batches in the same way have the same one. An accept carries the digest after the instance below, which its proposer has executed,
 * and the question of a reader and its answer carry the digest after the last instance. The receiver compares it with its own digest there,
 * as soon as it has one. As long as they are equal nobody sends anything for it. A server that shows another digest gets no vote and no
 * confirmation, and while the servers compare nobody who knows of it answers a client: so no client receives two answers.
 */
import type { Difference } from '../../machines/auditing.ts'
import { type Batch, type Instance, type NodeId, type Request, requestsOf } from '../../machines/batch.ts'
import type { Recalled } from '../../machines/inbox.ts'
import type { Execution, ReadOutcome, RequestOutcome } from '../../machines/outcome.ts'
import { canonicalJson, hash53 } from './digest.ts'
import { requestName } from './names.ts'

/** What a server remembers of its latest executions, and whether it refuses requests. A restart forgets it. */
export interface Audit {
  /** In order of instance, without a gap. Invariant: at most `mostRecent`, the last `mostShown` of which may have their content. */
  readonly recent: readonly RecentExecution[]
  /** Where the servers differ, when no quorum of them agrees; otherwise `null`. */
  readonly dispute: Difference | null
  /** The digest of the highest instance that is not executed here yet and that another server has shown. */
  readonly awaited: Shown | null
  /** The servers whose last digest that could be compared was not the one of this server. Invariant: each once. */
  readonly differing: readonly NodeId[]
  /** True while the servers compare their digests. */
  readonly isDoubted: boolean
}

/** The running digest of another server after an instance. */
export interface Shown {
  readonly node: NodeId
  readonly instance: Instance
  readonly digest: string
}

interface RecentExecution {
  readonly instance: Instance
  /** The running digest after it. */
  readonly digest: string
  /** For the log of a server that differs; `null` when it is too long ago or too large. */
  readonly content: { readonly batch: Batch; readonly outcomes: readonly RequestOutcome[] } | null
}

/** The instances for which a server knows its running digest. */
export const mostRecent = 128
/** The instances for which it also keeps the batch and the outcomes, if the outcomes have at most `shownLength` characters. */
const mostShown = 16
const shownLength = 65_536
/** The digests of one answer: they show where two servers first differ. */
export const mostCompared = 16

/** The rules of this file, which a test may replace. */
export interface AuditRules {
  readonly folded: typeof folded
  readonly withExecution: typeof withExecution
  readonly digestAfter: typeof digestAfter
  readonly digestsUpTo: typeof digestsUpTo
  readonly differs: typeof differs
  readonly isDenied: typeof isDenied
  readonly isHeldBack: typeof isHeldBack
}

export const nothingExecuted: Audit = {
  recent: [],
  dispute: null,
  awaited: null,
  differing: [],
  isDoubted: false,
}

/** A batch as it was executed, with the running digest after it. */
export interface Folded {
  readonly digest: string
  /** The number of characters that were folded. */
  readonly length: number
}

/**
 * The running digest after an execution; `before` is the one before it. It covers the kinds of the outcomes, the results, the keys, the
 * timers, the ended sessions and the members. It leaves out the reasons of failures: their texts may come from the JavaScript engine, and
 * differ between its versions.
 */
export function folded(before: string, execution: Execution): Folded {
  const { instance, fired, endedSessions, outcomes, freed, deadlineMs, members } = execution
  let text = `${before} ${instance} ${deadlineMs}`
  for (const { name, failed } of fired) text += `\nfired ${name} ${failed !== null}`
  for (const uid of endedSessions) text += `\nended ${uid}`
  for (const outcome of outcomes) text += `\n${textOf(outcome)}`
  for (const key of freed) text += `\nfreed ${key}`
  if (members !== null) text += `\nmembers ${canonicalJson(members)}`
  return { digest: hash53(text).toString(36), length: text.length }
}

function textOf({ uid, seq, outcome }: RequestOutcome): string {
  const name = `${uid}#${seq} ${outcome.kind}`
  switch (outcome.kind) {
    case 'executed':
      return `${name} ${outcome.instance}.${outcome.index} ${canonicalJson(outcome.result)}`
    case 'failed':
    case 'cancelled':
      return `${name} ${outcome.instance}.${outcome.index}`
    case 'overQuota':
      return `${name} ${outcome.instance}.${outcome.index} ${outcome.sizeBytes} ${outcome.growthBytes} ${outcome.quotaBytes}`
    case 'delayed':
      return `${name} ${canonicalJson(outcome.key)}`
    case 'refused':
      return `${name} ${outcome.reason}`
    case 'full':
      return `${name} ${outcome.of}`
  }
  return outcome satisfies never
}

/**
 * Remembers an execution. Instances are executed in order; when a snapshot was installed between, what was executed before it is forgotten.
 */
export function withExecution(
  audit: Audit,
  { digest, length }: Folded,
  batch: Batch,
  { instance, outcomes }: Execution,
): Audit {
  const { recent } = audit
  const isNext = recent.at(-1)?.instance === instance - 1
  const kept = isNext ? recent.slice(1 - mostRecent) : []
  const place = kept.length - mostShown
  const old = kept[place]
  if (old !== undefined && old.content !== null) kept[place] = { ...old, content: null }
  kept.push({ instance, digest, content: length <= shownLength ? { batch, outcomes } : null })
  return { ...audit, recent: kept }
}

/** The running digest after `instance`; `null` when this server has not executed it, or no longer knows. */
export function digestAfter({ recent }: Audit, instance: Instance): string | null {
  return at(recent, instance)?.digest ?? null
}

/** The running digests up to `instance`, in order, as many as an answer carries; `null` when that of `instance` is not known. */
export function digestsUpTo({ recent }: Audit, instance: Instance): readonly string[] | null {
  const place = placeOf(recent, instance)
  if (recent[place] === undefined) return null
  return recent.slice(Math.max(0, place + 1 - mostCompared), place + 1).map(({ digest }) => digest)
}

/** True when the digest in an accept is not this server's `own` after the same instance. A server that does not know cannot tell. */
export function differs(own: string | null, digest: string): boolean {
  return own !== null && own !== digest
}

/** What follows from the digest that another server has shown. A digest of an instance that is not executed here waits for its execution. */
export function withShown(
  audit: Audit,
  shown: Shown,
  firstUnexecuted: Instance,
  rules: Pick<AuditRules, 'digestAfter' | 'differs'>,
): { readonly audit: Audit; readonly isDifferent: boolean } {
  const { node, instance, digest } = shown
  if (instance >= firstUnexecuted) {
    const isHigher = audit.awaited === null || audit.awaited.instance < instance
    return { audit: isHigher ? { ...audit, awaited: shown } : audit, isDifferent: false }
  }
  const own = rules.digestAfter(audit, instance)
  if (own === null) return { audit, isDifferent: false }
  const isDifferent = rules.differs(own, digest)
  if (isDifferent === audit.differing.includes(node)) return { audit, isDifferent }
  const others = audit.differing.filter((id) => id !== node)
  return { audit: { ...audit, differing: isDifferent ? [...others, node] : others }, isDifferent }
}

/** True when this server must not give `node` a vote or a confirmation. In a dispute requests to the service are refused anyway. */
export function isDenied({ differing, dispute }: Audit, node: NodeId): boolean {
  return dispute === null && differing.includes(node)
}

/** True when this server must not answer a client with an outcome. In a dispute requests to the service are refused anyway. */
export function isHeldBack({ isDoubted, dispute }: Audit): boolean {
  return isDoubted && dispute === null
}

function at(recent: Audit['recent'], instance: Instance): RecentExecution | undefined {
  return recent[placeOf(recent, instance)]
}

function placeOf(recent: Audit['recent'], instance: Instance): number {
  return instance - (recent[0]?.instance ?? 0)
}

/** The most requests that `executionText` shows, and the most characters of a command or an outcome. */
const mostRequests = 8
const mostCharacters = 160

/** What this server executed at `instance`, for people: the names of the requests, their commands and outcomes, shortened. */
export function executionText({ recent }: Audit, instance: Instance): string {
  const content = at(recent, instance)?.content ?? null
  if (content === null) return `what it executed at instance ${instance} is not kept`
  const { batch, outcomes } = content
  const requests = requestsOf(batch)
  const lines = requests.slice(0, mostRequests).map((request) => {
    const outcome = outcomes.find(({ uid, seq }) => uid === request.uid && seq === request.seq)?.outcome
    return `${requestName(request)} ${shortened(request.command)} -> ${outcome === undefined ? 'none' : shortened(outcome)}`
  })
  const more = requests.length - lines.length
  if (requests.length === 0) return `at instance ${instance} it executed an empty batch`
  return `at instance ${instance} it executed ${lines.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 1)}…`
}

/**
 * What is known of the requests of a client, which `recalled` has from the replica: during a dispute, those to the service are refused
 * unless they have ended. Requests about members and sessions go on.
 */
export function withRefusals(recalled: Recalled, requests: readonly Request[], { dispute }: Audit): Recalled {
  if (dispute === null) return recalled
  const refused = requests
    .filter(
      ({ seq, command }) => command.kind === 'service' && recalled.ended.every((one) => one.seq !== seq),
    )
    .map(({ seq }) => ({ seq, outcome: { kind: 'refused', reason: 'disputed' } as const }))
  return refused.length === 0 ? recalled : { ...recalled, ended: [...recalled.ended, ...refused] }
}

/** The outcome of a read while servers differ and no quorum agrees; `null` when they do not. */
export function disputedReading({ dispute }: Audit, firstUnexecuted: Instance): ReadOutcome | null {
  if (dispute === null) return null
  const error = `the servers differ from instance ${dispute.instance} on, and no quorum agrees: no state counts as right`
  return { kind: 'unreadable', error, instance: firstUnexecuted }
}

/** The default rules. */
export const auditRules: AuditRules = {
  folded,
  withExecution,
  digestAfter,
  digestsUpTo,
  differs,
  isDenied,
  isHeldBack,
}
