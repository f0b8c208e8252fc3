/** The errors of `client.locks`, with the facts in fields. */
import type { Address } from '../../machines/batch.ts'
import type { LossReason } from '../../machines/lease-context.ts'
import type { CycleStep, LockRefusal, LockToken } from '../services/lock-commands.ts'
import { PaxosError } from './errors.ts'
import { sessionLosses } from './session-losses.ts'

/** A holder of a lock: the public part of its session's uid, its token, its mode, its age and ttl in milliseconds, and the lock's name. */
export type LockHolder = Extract<LockRefusal, { refused: 'busy' }>['holders'][number]

/** The lock is held, or others wait for it, and the request must not wait (`ifAvailable`). */
export class LockBusy extends PaxosError {
  override readonly name = 'LockBusy'
  readonly names: readonly string[]
  /** The first holders. Empty when others only wait for the lock. */
  readonly holders: readonly LockHolder[]
  /** The number of the other holders. */
  readonly more: number

  constructor(names: readonly string[], holders: readonly LockHolder[], more: number) {
    super(
      `${shownLocks(names)} ${areOrIs(names)} not free: ${shownHolders(holders, more)}; try again later, or wait`,
    )
    this.names = names
    this.holders = holders
    this.more = more
  }
}

/** The lock was not granted within `wait`. The request was taken back, and holds nothing. */
export class LockTimeout extends PaxosError {
  override readonly name = 'LockTimeout'
  readonly names: readonly string[]
  readonly waitedMs: number

  constructor(names: readonly string[], waitedMs: number) {
    super(`${shownLocks(names)} ${areOrIs(names)} not granted after ${waitedMs} ms; others still hold it`)
    this.names = names
    this.waitedMs = waitedMs
  }
}

/** `stolen`: this client itself took the lock anew with `steal`. */
export type LockLossReason = LossReason | 'stolen'

const losses: Record<LockLossReason, string> = {
  ...sessionLosses,
  stolen: 'this client took it anew with steal',
}

/** The reason of the signal of a lock: the client must not believe any more that it holds the lock. */
export class LockLost extends PaxosError {
  override readonly name = 'LockLost'
  readonly names: readonly string[]
  readonly token: LockToken
  readonly reason: LockLossReason

  constructor(names: readonly string[], token: LockToken, reason: LockLossReason) {
    super(
      `${shownLocks(names)}, token ${token}, may belong to another client now: ${losses[reason]}; stop using what it protects`,
    )
    this.names = names
    this.token = token
    this.reason = reason
  }
}

/** This client holds the lock already, or waits for it. Without `reentrant` it would wait for itself. */
export class AlreadyHeld extends PaxosError {
  override readonly name = 'AlreadyHeld'
  readonly lock: string
  /** The token with which it is held; `null` while it waits. */
  readonly token: LockToken | null

  constructor(lock: string, token: LockToken | null) {
    const how = token === null ? 'waits for' : `holds, with token ${token},`
    super(
      `this client ${how} the lock ${JSON.stringify(lock)} already; share the lock that it has, or ask with reentrant`,
    )
    this.lock = lock
    this.token = token
  }
}

/** To wait would close a cycle of clients that wait for each other. The request holds nothing. */
export class DeadlockDetected extends PaxosError {
  override readonly name = 'DeadlockDetected'
  /** Each session waits for the lock `name`, which the next one holds or waits for before it. The first one is that of this client. */
  readonly cycle: readonly CycleStep[]
  /** The number of the other steps. */
  readonly more: number

  constructor(cycle: readonly CycleStep[], more: number) {
    const steps = cycle.map(({ session, name }) => `${session} waits for ${JSON.stringify(name)}`)
    super(
      `the request would wait for itself: ${steps.join(', ')}${more > 0 ? `, and ${more} more` : ''}; release a lock of the cycle and ask again, and take locks in one order`,
    )
    this.cycle = cycle
    this.more = more
  }
}

/** The lock is in use with another number of permits. */
export class PermitsDiffer extends PaxosError {
  override readonly name = 'PermitsDiffer'
  readonly lock: string
  /** The number of permits with which it is in use; `null` for a lock without permits. */
  readonly permits: number | null

  constructor(lock: string, permits: number | null) {
    const used = permits === null ? 'without permits' : `with ${permits} permits`
    super(
      `the lock ${JSON.stringify(lock)} is in use ${used}; ask as its other users do, or when nobody uses it`,
    )
    this.lock = lock
    this.permits = permits
  }
}

/**
 * The time of the call is over, and no quorum answered. The client goes on to take the request back until it is closed. If the
 * cluster grants a lock to the request after that, the lock is freed when the ttl of the session has run.
 */
export class Unreachable extends PaxosError {
  override readonly name = 'Unreachable'
  readonly waitedMs: number
  /** The servers that answered anything during the call. */
  readonly answered: readonly Address[]
  readonly silent: readonly Address[]

  constructor(waitedMs: number, answered: readonly Address[], silent: readonly Address[]) {
    const who = (servers: readonly Address[]) => (servers.length === 0 ? 'none' : servers.join(', '))
    super(
      `no quorum answered within ${waitedMs} ms (answered: ${who(answered)}; silent: ${who(silent)}); are enough servers running and reachable?`,
    )
    this.waitedMs = waitedMs
    this.answered = answered
    this.silent = silent
  }
}

function shownLocks(names: readonly string[]): string {
  return `${names.length === 1 ? 'the lock' : 'the locks'} ${names.map((name) => JSON.stringify(name)).join(', ')}`
}

function areOrIs({ length }: readonly string[]): string {
  return length === 1 ? 'is' : 'are'
}

function shownHolders(holders: readonly LockHolder[], more: number): string {
  if (holders.length === 0) return 'others wait'
  const shown = holders.map(({ session, token }) => `session ${session} holds it with token ${token}`)
  return `${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}

/** The error for a refusal of the lock service. */
export function errorOf(names: readonly string[], refusal: LockRefusal): PaxosError {
  switch (refusal.refused) {
    case 'busy':
      return new LockBusy(names, refusal.holders, refusal.more)
    case 'alreadyHeld':
      return new AlreadyHeld(refusal.name, refusal.held)
    case 'deadlock':
      return new DeadlockDetected(refusal.cycle, refusal.more)
    case 'permitsDiffer':
      return new PermitsDiffer(refusal.name, refusal.permits)
  }
  return refusal satisfies never
}
