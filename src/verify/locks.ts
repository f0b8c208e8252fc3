/** Invariant 10, of the lock service: each lock has at most one holder, and its tokens only grow. */
import { type Batch, type Instance, requestsOf } from '../../machines/batch.ts'
import type { Execution, Position } from '../../machines/outcome.ts'
import { Violation } from '../core/violation.ts'
import { shown } from '../services/fields.ts'
import type { LockCommand, LockResult, LockToken } from '../services/lock.ts'
import { Part } from './part.ts'

/** The known state of a lock. */
export interface LockRecord {
  readonly name: string
  /** The last token that was granted. */
  readonly token: LockToken
  readonly isHeld: boolean
}

export class Locks extends Part {
  readonly #locks: Map<string, LockRecord>

  constructor(locks: readonly LockRecord[] = []) {
    super()
    this.#locks = new Map(locks.map((lock) => [lock.name, lock]))
  }

  /** The first server has executed a chosen batch. */
  executed(instance: Instance, batch: Batch, execution: Execution): void {
    const requests = requestsOf(batch)
    for (const { uid, seq, outcome } of execution.outcomes) {
      if (outcome.kind !== 'executed' || outcome.instance !== instance) continue
      const request = requests[outcome.index]
      if (request === undefined || request.uid !== uid || request.seq !== seq) continue
      if (request.command.kind !== 'service') continue
      this.#judge(request.command.body as LockCommand, outcome.result as LockResult, outcome)
    }
  }

  override toJson(): readonly LockRecord[] {
    return [...this.#locks.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  protected override duplicate(): Locks {
    return new Locks([...this.#locks.values()])
  }

  #judge(command: LockCommand, result: LockResult, at: Position): void {
    this.changed()
    const { name } = command
    const lock = this.#locks.get(name)
    if (command.action === 'lock') {
      const token = 'token' in result ? result.token : null
      if (token === null) throw new Violation(10, `${shown(name)} was granted without a token`)
      checkIsFree(lock, at)
      if (lock !== undefined) checkGrows(lock, token)
      this.#locks.set(name, { name, token: { instance: token.instance, index: token.index }, isHeld: true })
    } else {
      const frees =
        lock?.isHeld === true && (command.token === undefined || isSame(command.token, lock.token))
      checkFreed(name, frees, result, at)
      if (frees) this.#locks.set(name, { ...lock, isHeld: false })
    }
  }
}

function textOf({ instance, index }: LockToken): string {
  return `(${instance}, ${index})`
}

function isSame(a: LockToken, b: LockToken): boolean {
  return a.instance === b.instance && a.index === b.index
}

function checkIsFree(lock: LockRecord | undefined, at: Position): void {
  if (lock?.isHeld !== true) return
  throw new Violation(
    10,
    `${shown(lock.name)} was granted at ${textOf(at)} while ${textOf(lock.token)} held it`,
  )
}

function checkGrows({ name, token: last }: LockRecord, token: LockToken): void {
  if ((token.instance - last.instance || token.index - last.index) > 0) return
  throw new Violation(10, `the token of ${shown(name)} went from ${textOf(last)} to ${textOf(token)}`)
}

function checkFreed(name: string, frees: boolean, result: LockResult, at: Position): void {
  if ('freed' in result && result.freed === frees) return
  throw new Violation(
    10,
    `an unlock of ${shown(name)} at ${textOf(at)} returned ${shown(result)}, but it ${frees ? 'frees the lock' : 'frees nothing'}`,
  )
}
