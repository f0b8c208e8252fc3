/** Faults of the deadlines that a replica keeps: those of sessions and of timers. */
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { SessionContents } from '../support/replica-contents.ts'
import type { Mutation } from './mutation.ts'
import { always, Passing } from './replica-faults.ts'

/** Some requests move the deadline of their session, and must not. */
abstract class Prolonging extends Passing {
  /** True when the batch has such a request of `session`, which is as it was before the batch. */
  protected abstract isProlonged(session: SessionContents, batch: Batch): boolean

  override execute(instance: Instance, batch: Batch): Execution {
    const prolonged = this.contents.sessions.filter((session) => this.isProlonged(session, batch))
    const execution = this.inner.execute(instance, batch)
    if (prolonged.length === 0) return execution
    const uids = prolonged.map(({ uid }) => uid)
    const sessions = this.contents.sessions.map((session) =>
      session.ttlMs !== null && uids.includes(session.uid)
        ? { ...session, deadlineMs: this.clockMs + session.ttlMs }
        : session,
    )
    this.rewrite({ sessions })
    return { ...execution, deadlineMs: this.deadlineMs }
  }
}

class CountsRefusedTouches extends Prolonging {
  protected override isProlonged({ uid, isRevoked }: SessionContents, { groups }: Batch): boolean {
    return isRevoked && groups.some((group) => group.uid === uid)
  }
}

class CountsRepetitions extends Prolonging {
  protected override isProlonged({ uid, waiting }: SessionContents, { groups }: Batch): boolean {
    const seqs = waiting.map(([seq]) => seq)
    return groups.some((group) => group.uid === uid && group.requests.some(({ seq }) => seqs.includes(seq)))
  }
}

/** A timer that has fired fires again with the next millisecond. */
class FiresTwice extends Passing {
  readonly #again = new Set<string>()

  override execute(instance: Instance, batch: Batch): Execution {
    const execution = this.inner.execute(instance, batch)
    const { timers } = this.contents
    const again = execution.fired
      .map(({ name }) => name)
      .filter((name) => !this.#again.delete(name) && timers.every((timer) => timer.name !== name))
    if (again.length === 0) return execution
    for (const name of again) this.#again.add(name)
    this.rewrite({
      timers: [...again.map((name) => ({ name, deadlineMs: this.clockMs + 1 })), ...timers],
    })
    return { ...execution, deadlineMs: this.deadlineMs }
  }
}

/** A timer that is set again fires at its old deadline. */
class KeepsOldDeadlines extends Passing {
  override execute(instance: Instance, batch: Batch): Execution {
    const before = this.contents.timers
    const execution = this.inner.execute(instance, batch)
    const timers = this.contents.timers.map((timer) => {
      const old = before.find(({ name }) => name === timer.name)
      const hasFired = execution.fired.some(({ name }) => name === timer.name)
      return old === undefined || hasFired || old.deadlineMs > timer.deadlineMs ? timer : old
    })
    this.rewrite({ timers: timers.sort((a, b) => a.deadlineMs - b.deadlineMs) })
    return { ...execution, deadlineMs: this.deadlineMs }
  }
}

export const sessionFaults: readonly Mutation[] = [
  always(
    'counts a touch of a session that was revoked',
    (usual, inner) => new CountsRefusedTouches(usual, inner),
  ),
  always(
    'takes a delayed request that is proposed again for a sign of life',
    (usual, inner) => new CountsRepetitions(usual, inner),
  ),
  always('fires a timer twice', (usual, inner) => new FiresTwice(usual, inner)),
  always(
    'fires a timer that was set again at its old deadline',
    (usual, inner) => new KeepsOldDeadlines(usual, inner),
  ),
]
