import type { Batch, Instance } from '../../machines/batch.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { ReplicatedState } from '../../src/core/replicated-state.ts'
import type { Replicas } from '../../src/stepped/settings.ts'
import {
  contentsIn,
  type ReplicaContents,
  type SessionContents,
  snapshotOf,
} from '../support/replica-contents.ts'
import { faultyReplicas, type Mutation } from './mutation.ts'

/** A replica that passes everything on to a real one; the faults below are in what it passes on. */
export class Passing implements ReplicatedState {
  protected inner: ReplicatedState
  protected readonly usual: Replicas

  constructor(usual: Replicas, inner: ReplicatedState) {
    this.usual = usual
    this.inner = inner
  }

  get members() {
    return this.inner.members
  }

  get firstUnexecuted() {
    return this.inner.firstUnexecuted
  }

  get deadlineMs() {
    return this.inner.deadlineMs
  }

  get clockMs() {
    return this.inner.clockMs
  }

  get runningDigest() {
    return this.inner.runningDigest
  }

  set runningDigest(digest: string) {
    this.inner.runningDigest = digest
  }

  execute(instance: Instance, batch: Batch): Execution {
    return this.inner.execute(instance, batch)
  }

  recall(...request: Parameters<ReplicatedState['recall']>) {
    return this.inner.recall(...request)
  }

  read(...body: Parameters<ReplicatedState['read']>) {
    return this.inner.read(...body)
  }

  snapshot() {
    return this.inner.snapshot()
  }

  digest() {
    return this.inner.digest()
  }

  capture() {
    return this.inner.capture()
  }

  installation() {
    return this.inner.installation()
  }

  /** What the real one holds. */
  protected get contents(): ReplicaContents {
    return contentsIn(this.inner.snapshot())
  }

  /** Has the real one hold something else. */
  protected rewrite(changed: Partial<ReplicaContents>): void {
    this.inner = this.usual.restore(snapshotOf({ ...this.contents, ...changed }))
  }

  protected forgetSessions(): void {
    const forgotten = { ended: [], waiting: [], ackedBelow: 0, forgottenBelow: 0, touchedSeq: 0 }
    this.rewrite({ sessions: this.contents.sessions.map((session) => ({ ...session, ...forgotten })) })
  }
}

/** A node that starts executes again what is stored, and then asks for the members. */
class ForgetfulAtStart extends Passing {
  #hasForgotten = false

  override get members() {
    if (!this.#hasForgotten) {
      this.#hasForgotten = true
      this.forgetSessions()
    }
    return this.inner.members
  }
}

class Forgetful extends Passing {
  override execute(instance: Instance, batch: Batch): Execution {
    this.forgetSessions()
    return this.inner.execute(instance, batch)
  }
}

/** What was executed with a later seq is taken to mean that the client needs nothing before it. */
class InOrderOnly extends Passing {
  override execute(instance: Instance, batch: Batch): Execution {
    const groups = batch.groups.flatMap((group) =>
      group.requests.map((request) => ({ ...group, ackedBelow: request.seq, requests: [request] })),
    )
    return this.inner.execute(instance, { ...batch, groups })
  }
}

class CountsTwice extends Passing {
  override execute(instance: Instance, batch: Batch): Execution {
    return this.inner.execute(instance, { ...batch, elapsedMs: 2 * batch.elapsedMs })
  }
}

/** Sessions end after a fifth of a second. */
class ForgetsEarly extends Passing {
  override execute(instance: Instance, batch: Batch): Execution {
    const hurried = (session: SessionContents) =>
      session.ttlMs === null || session.deadlineMs === null
        ? session
        : { ...session, deadlineMs: session.deadlineMs - session.ttlMs + 200, ttlMs: 200 }
    this.rewrite({ sessions: this.contents.sessions.map(hurried) })
    return this.inner.execute(instance, batch)
  }
}

class WakesNobody extends Passing {
  override execute(instance: Instance, batch: Batch): Execution {
    return { ...this.inner.execute(instance, batch), freed: [], concerned: [] }
  }
}

/** Only the servers whose delayed requests may run or have ended are concerned. */
class ForgetsHolders extends Passing {
  override execute(instance: Instance, batch: Batch): Execution {
    const execution = this.inner.execute(instance, batch)
    const holders = batch.groups.map(({ heldBy }) => heldBy)
    return { ...execution, concerned: execution.concerned.filter((id) => !holders.includes(id)) }
  }
}

class Capricious extends Passing {
  readonly #whim: number

  constructor(usual: Replicas, inner: ReplicatedState, whim: number) {
    super(usual, inner)
    this.#whim = whim
  }

  override execute(instance: Instance, batch: Batch): Execution {
    const execution = this.inner.execute(instance, batch)
    const outcomes = execution.outcomes.map(({ outcome, ...request }) => ({
      ...request,
      outcome: outcome.kind === 'delayed' ? { ...outcome, key: `whim ${this.#whim}` } : outcome,
    }))
    return { ...execution, outcomes }
  }
}

/** A fault of every replica. */
export function always(
  name: string,
  wrap: (usual: Replicas, inner: ReplicatedState) => ReplicatedState,
): Mutation {
  return faultyReplicas(name, (usual) => ({
    initial: () => wrap(usual, usual.initial()),
    restore: (bytes) => wrap(usual, usual.restore(bytes)),
  }))
}

export const replicaFaults: readonly Mutation[] = [
  faultyReplicas('loses the session table at a restart', (usual) => ({
    ...usual,
    initial: () => new ForgetfulAtStart(usual, usual.initial()),
  })),
  always('executes a retry twice', (usual, inner) => new Forgetful(usual, inner)),
  always(
    'drops a delayed seq because a later one was executed',
    (usual, inner) => new InOrderOnly(usual, inner),
  ),
  always('counts the time of a batch twice', (usual, inner) => new CountsTwice(usual, inner)),
  always('forgets sessions that were used lately', (usual, inner) => new ForgetsEarly(usual, inner)),
  always('wakes nobody when a lock is freed', (usual, inner) => new WakesNobody(usual, inner)),
  always(
    'does not name the servers that hold a request as concerned',
    (usual, inner) => new ForgetsHolders(usual, inner),
  ),
  faultyReplicas('executes otherwise at each server', (usual) => {
    let made = 0
    const capricious = (inner: ReplicatedState) => {
      made += 1
      return new Capricious(usual, inner, made)
    }
    return {
      initial: () => capricious(usual.initial()),
      restore: (bytes) => capricious(usual.restore(bytes)),
    }
  }),
]
