/**
 * Invariant 13, leases: no session ends while its client may still believe that it lives, and no lock is granted to another while
 * a client may still believe that it holds it. Only an engine that knows what every client believes can judge this.
 *
 * What ends a session or a grant on purpose is excepted, because it says that it takes that risk: the client's own `end`, an operator's
 * `end` with `now`, and `force` with `now`.
 */
import { type Batch, type Instance, type NamedRequest, requestsOf } from '../../machines/batch.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { Fact } from '../core/facts.ts'
import { publicId, sessionName } from '../core/names.ts'
import { Violation } from '../core/violation.ts'
import type { LockCommand, LockToken } from '../services/lock-commands.ts'

/** A lock that a client believes to hold alone. */
export interface HeldLock {
  readonly client: string
  readonly name: string
  readonly token: LockToken
}

/** What clients believe at this moment. */
export interface Beliefs {
  /** The client that believes that the session `uid` lives; `null` when none does. */
  readonly believerIn: (uid: string) => string | null
  readonly heldLocks: () => readonly HeldLock[]
}

export class Leases {
  readonly #beliefs: Beliefs
  /** The tokens of grants that were ended on purpose. */
  readonly #forced = new Set<LockToken>()
  #executed: Instance = 0

  constructor(beliefs: Beliefs) {
    this.#beliefs = beliefs
  }

  /** Takes the next fact. Throws a `Violation` when it breaks the invariant: when the first server has executed an instance. */
  observe(fact: Fact): void {
    if (fact.type !== 'executed' || fact.instance !== this.#executed) return
    this.#executed += 1
    this.#checkEnds(fact.batch, fact.execution)
    this.#checkGrants(fact.batch, fact.execution)
  }

  #checkEnds(batch: Batch, { instance, endedSessions }: Execution): void {
    if (endedSessions.length === 0) return
    const requests = requestsOf(batch)
    for (const uid of endedSessions) {
      const client = requests.some((request) => endsOnPurpose(request, uid))
        ? null
        : this.#beliefs.believerIn(uid)
      if (client === null) continue
      throw new Violation(
        13,
        `the session ${sessionName(uid)} ended at instance ${instance}, and ${client} still believes that it lives`,
      )
    }
  }

  #checkGrants(batch: Batch, { instance, outcomes }: Execution): void {
    const requests = requestsOf(batch)
    for (const { outcome } of outcomes) {
      if (outcome.kind !== 'executed' || outcome.instance !== instance) continue
      const { command } = requests[outcome.index] ?? {}
      if (command?.kind !== 'service') continue
      this.#judge(
        instance,
        command.body as unknown as LockCommand,
        outcome.result as { readonly token?: LockToken },
      )
    }
  }

  #judge(instance: Instance, command: LockCommand, { token }: { readonly token?: LockToken }): void {
    if (command.action === 'force' && command.now) {
      for (const held of this.#heldOf(command.name)) this.#forced.add(held.token)
    }
    if (command.action !== 'lock' || token === undefined) return
    for (const name of command.names ?? [command.name]) {
      const other = this.#heldOf(name).find((held) => held.token !== token && !this.#forced.has(held.token))
      if (other === undefined) continue
      throw new Violation(
        13,
        `the lock ${name} was granted with token ${token} at instance ${instance}, and ${other.client} still believes that it holds it, with token ${other.token}`,
      )
    }
  }

  #heldOf(name: string): readonly HeldLock[] {
    return this.#beliefs.heldLocks().filter((held) => held.name === name)
  }
}

/** True when the request ends the session `uid` although its client may believe in it. */
function endsOnPurpose({ uid: asking, command }: NamedRequest, uid: string): boolean {
  if (command.kind !== 'end') return false
  return command.session === undefined ? asking === uid : command.session === publicId(uid)
}
