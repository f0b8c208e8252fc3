/**
 * Invariant 10, of the lock service, alone or among composed services: an exclusive holder is alone, a semaphore has no more holders than permits, tokens only grow,
 * and those that wait are granted in order. Judges what clients are answered, so it knows a grant when its request is executed.
 */
import { type Batch, type Instance, type Json, type NamedRequest, requestsOf } from '../../machines/batch.ts'
import type { Execution, RefusalReason } from '../../machines/outcome.ts'
import { isPlainText, sessionOf } from '../core/plain-text-client.ts'
import { Violation } from '../core/violation.ts'
import { shown } from '../services/fields.ts'
import type {
  ForceCommand,
  ForceResult,
  FreeCommand,
  FreeResult,
  LockCommand,
  TakeCommand,
  TakeResult,
} from '../services/lock-commands.ts'
import { commandOf } from '../services/part-command.ts'
import type { RequestName } from '../services/service.ts'
import { Part } from './part.ts'

interface Demand {
  readonly names: readonly string[]
  readonly mode: 'exclusive' | 'shared'
  readonly permits: number | null
}

/** A grant whose request was executed, and that was not freed since. */
interface Hold extends Demand {
  readonly token: number
  /** The session to which it was granted. */
  readonly session: string
  readonly entries: number
  /** A session stole the lock. It is unknown whether this hold ended. */
  readonly isDoubtful: boolean
}

/** A request that waits. */
interface Wait extends Demand {
  readonly uid: string
  readonly seq: number
  /** Its token must be above: the greatest token that was known when it came to wait. */
  readonly above: number
  /** Its token must be below: the least token of a request for the same that came later. */
  readonly below: number
  /** The lock was forced or stolen. The request may have been granted, have lost the grant, and wait at the end now. */
  readonly isDoubtful: boolean
}

export interface KnownLocks {
  /** The greatest known token. */
  readonly lastToken: number
  /** In order of token. */
  readonly holds: readonly Hold[]
  /** In the order in which they came to wait. */
  readonly waits: readonly Wait[]
}

const nothingKnown: KnownLocks = { lastToken: 0, holds: [], waits: [] }

export class Locks extends Part {
  readonly #service: string
  #lastToken: number
  readonly #holds: Map<number, Hold>
  readonly #waits: Map<string, Wait>

  /** `service` is the name of the service that runs. */
  constructor(service: string, { lastToken, holds, waits }: KnownLocks = nothingKnown) {
    super()
    this.#service = service
    this.#lastToken = lastToken
    this.#holds = new Map(holds.map((hold) => [hold.token, hold]))
    this.#waits = new Map(waits.map((wait) => [keyOf(wait), wait]))
  }

  /** The first server has executed a chosen batch. */
  executed(instance: Instance, batch: Batch, execution: Execution): void {
    for (const session of execution.endedSessions) this.#sessionEnded(session)
    const requests = requestsOf(batch)
    for (const { uid, seq, outcome } of execution.outcomes) {
      const key = keyOf({ uid, seq })
      switch (outcome.kind) {
        case 'executed':
          // An outcome of an earlier instance is a repetition.
          if (outcome.instance === instance) {
            this.#judge({ uid, seq }, this.#commandOf(requests[outcome.index]), outcome.result)
          }
          break
        case 'delayed':
          this.#delayed({ uid, seq }, this.#commandOf(requests.find((request) => keyOf(request) === key)))
          break
        case 'cancelled':
        case 'failed':
        case 'overQuota':
          this.#endWait(key)
          break
        case 'refused':
          if (endsWait(uid, outcome.reason)) this.#endWait(key)
          break
        case 'full':
          break
        default:
          outcome satisfies never
      }
    }
  }

  override toJson(): KnownLocks {
    const holds = [...this.#holds.values()].sort((a, b) => a.token - b.token)
    return { lastToken: this.#lastToken, holds, waits: [...this.#waits.values()] }
  }

  protected override duplicate(): Locks {
    return new Locks(this.#service, this.toJson())
  }

  #delayed(request: RequestName, command: LockCommand | null): void {
    const key = keyOf(request)
    if (command?.action !== 'lock' || this.#waits.has(key)) return
    this.changed()
    const demand = demandOf(command)
    // A request that steals goes before all others.
    if (command.steal) this.#doubt(demand.names)
    else this.#waits.set(key, waitFor(request, demand, this.#lastToken))
  }

  /** A session ends before the requests of the batch are executed. */
  #sessionEnded(session: string): void {
    this.changed()
    for (const hold of this.#holds.values()) if (hold.session === session) this.#holds.delete(hold.token)
    for (const [key, { uid }] of this.#waits) if (sessionOf(uid) === session) this.#waits.delete(key)
  }

  #endWait(key: string): void {
    if (this.#waits.delete(key)) this.changed()
  }

  #judge(request: RequestName, command: LockCommand | null, result: Json): void {
    switch (command?.action) {
      case undefined:
        return
      case 'lock':
        this.#taken(request, command, result as TakeResult)
        return
      case 'unlock':
        this.#freed(command, result as FreeResult)
        return
      case 'force':
        this.#forced(command, result as ForceResult)
        return
      case 'query':
        return
    }
    command satisfies null
  }

  #taken(request: RequestName, command: TakeCommand, result: TakeResult): void {
    const key = keyOf(request)
    if ('refused' in result) {
      this.#endWait(key)
      return
    }
    const { token } = result
    const demand = demandOf(command)
    if (typeof token !== 'number') throw new Violation(10, `${textOf(demand)} was granted without a token`)
    this.changed()
    const entered = this.#holds.get(token)
    if (entered !== undefined && command.reentrant) {
      this.#waits.delete(key)
      this.#holds.set(token, { ...entered, entries: entered.entries + 1 })
      return
    }
    if (entered !== undefined) throw new Violation(10, `the token ${token} was granted twice`)
    if (command.steal) this.#doubt(demand.names)
    else this.#checkOrder(key, demand, token)
    this.#waits.delete(key)
    for (const name of demand.names) checkRoom(name, demand, token, this.#holdsOf(name))
    this.#lastToken = Math.max(this.#lastToken, token)
    const session = sessionOf(request.uid)
    this.#holds.set(token, { token, session, ...demand, entries: 1, isDoubtful: false })
  }

  /** A request passes nobody that waits for longer, but those that it lets in beside it. Tokens are in the order of grants. */
  #checkOrder(key: string, demand: Demand, token: number): void {
    const { above, below } = this.#waits.get(key) ?? {
      above: this.#lastToken,
      below: Number.POSITIVE_INFINITY,
    }
    if (token <= above) {
      throw new Violation(10, `${textOf(demand)} was granted with the token ${token}, not above ${above}`)
    }
    if (token >= below) {
      throw new Violation(10, `${textOf(demand)} was granted with the token ${token}, after a later request`)
    }
    for (const [earlierKey, earlier] of this.#waits) {
      if (earlierKey === key) return
      if (earlier.isDoubtful) continue
      if (excludes(earlier, demand)) {
        throw new Violation(
          10,
          `${textOf(demand)} was granted, but ${earlierKey} has waited for it for longer`,
        )
      }
      if (isSame(earlier, demand)) {
        this.#waits.set(earlierKey, { ...earlier, below: Math.min(earlier.below, token) })
      }
    }
  }

  #freed({ token, name, names }: FreeCommand, { freed }: FreeResult): void {
    const named = names ?? (name === undefined ? [] : [name])
    if (token === undefined) {
      // Frees the first hold of a session without a ttl, which is not known here.
      const [hold, ...others] = named.flatMap((each) => this.#holdsOf(each))
      if (!freed || hold === undefined) return
      if (others.length === 0) this.#leave(hold)
      else this.#doubt(named)
      return
    }
    const hold = this.#holds.get(token)
    const frees = hold !== undefined && named.every((each) => hold.names.includes(each))
    if (hold?.isDoubtful !== true && freed !== frees) {
      throw new Violation(
        10,
        `an unlock with the token ${token} returned ${shown({ freed })}, but it ${frees ? 'frees a lock' : 'frees nothing'}`,
      )
    }
    if (frees) this.#leave(hold)
  }

  #leave(hold: Hold): void {
    this.changed()
    if (hold.entries > 1) this.#holds.set(hold.token, { ...hold, entries: hold.entries - 1 })
    else this.#holds.delete(hold.token)
  }

  #forced({ name, now }: ForceCommand, { holders, more }: ForceResult): void {
    this.changed()
    for (const { token, ttlMs } of holders) if (now || ttlMs === null) this.#holds.delete(token)
    if (more > 0) this.#doubt([name])
    else this.#doubtWaits([name])
  }

  /** Some of the holds of the names may have ended. */
  #doubt(names: readonly string[]): void {
    for (const hold of names.flatMap((name) => this.#holdsOf(name))) {
      this.#holds.set(hold.token, { ...hold, isDoubtful: true })
    }
    this.#doubtWaits(names)
  }

  #doubtWaits(names: readonly string[]): void {
    for (const [key, wait] of this.#waits) {
      if (wait.names.some((name) => names.includes(name))) this.#waits.set(key, { ...wait, isDoubtful: true })
    }
  }

  #holdsOf(name: string): Hold[] {
    return [...this.#holds.values()].filter(({ names }) => names.includes(name))
  }

  /** The command for the lock service; `null` when the request is for another service or for none. */
  #commandOf(request: NamedRequest | undefined): LockCommand | null {
    if (request?.command.kind !== 'service') return null
    return commandOf('lock', request.command.body, this.#service) as LockCommand | null
  }
}

/** The request, also in plain text, where it is executed under several uids. */
function keyOf({ uid, seq }: RequestName): string {
  return `${sessionOf(uid)}#${seq}`
}

/** Whether a request ends with this refusal. In plain text it may wait on under another uid. */
function endsWait(uid: string, reason: RefusalReason): boolean {
  return !isPlainText(uid) && (reason === 'stale' || reason === 'expired')
}

function demandOf({ name, names, mode, permits }: TakeCommand): Demand {
  return { names: names ?? [name], mode: mode ?? 'exclusive', permits: permits ?? null }
}

function waitFor({ uid, seq }: RequestName, demand: Demand, above: number): Wait {
  return { uid, seq, ...demand, above, below: Number.MAX_SAFE_INTEGER, isDoubtful: false }
}

/** Whether the two cannot hold a lock together. Several may hold a semaphore, so one may pass another there. */
function excludes(a: Demand, b: Demand): boolean {
  const isAlone = a.permits === null ? a.mode === 'exclusive' || b.mode === 'exclusive' : a.permits === 1
  return isAlone && a.names.some((name) => b.names.includes(name))
}

function isSame(a: Demand, b: Demand): boolean {
  return a.mode === b.mode && a.permits === b.permits && shown(a.names) === shown(b.names)
}

/** Checks that `demand` may hold `name` beside the holds that are known. */
function checkRoom(name: string, demand: Demand, token: number, holds: readonly Hold[]): void {
  const certain = holds.filter(({ isDoubtful }) => !isDoubtful)
  const excluded = certain.find((hold) => excludes(hold, demand))
  if (excluded !== undefined) {
    throw new Violation(
      10,
      `${shown(name)} was granted with the token ${token} while it was held with ${excluded.token}`,
    )
  }
  if (demand.permits !== null && certain.length >= demand.permits) {
    throw new Violation(10, `${shown(name)} was granted to more than ${demand.permits}`)
  }
}

function textOf({ names }: Demand): string {
  return names.map(shown).join(' and ')
}
