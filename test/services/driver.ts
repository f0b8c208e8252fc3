/** A replica under test: batches are given with as little as matters, and instances are counted here. */
import { expect } from 'vitest'
import type { Command, Json, NamedRequest, NodeId } from '../../machines/batch.ts'
import { foundingMembers, type Member } from '../../machines/members.ts'
import type { Execution, Outcome, RefusalReason, RequestOutcome } from '../../machines/outcome.ts'
import type { ReplicatedState } from '../../src/core/replicated-state.ts'
import { lockService } from '../../src/services/lock.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { batchOf } from '../support/batches.ts'

export const hourMs = 60 * 60 * 1_000

/** Sessions that are open from the start and do not end: a@0 to z@0. */
export const testSessions: readonly string[] = [...'abcdefghijklmnopqrstuvwxyz'].map((name) => `${name}@0`)

export const threeMembers: readonly Member[] = foundingMembers(
  [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${29367 + id}` })),
)

export function newReplica(service: Service = lockService as Service): Replica {
  return new Replica({ service, members: threeMembers, sessions: testSessions })
}

/** Has the client `name` open a session with the next batch, and returns its uid. */
export function opened(replica: ReplicatedState, name: string, ttlMs = 10_000): string {
  const [outcome] = outcomesOf(replica, [ask(name, 1, { kind: 'open', ttlMs })])
  return (outcome as unknown as { readonly result: { readonly uid: string } }).result.uid
}

/** A replica in which the first batch gave the lock x to `uid`, which asked for it with seq 1. */
export function lockedBy(uid: string): Replica {
  const replica = newReplica()
  run(replica, [ask(uid, 1, lock('x'))])
  return replica
}

/** Executes the next batch, which brings the replicated clock to `clockMs`; it does not go back. */
export function run(
  replica: ReplicatedState,
  requests: readonly NamedRequest[],
  {
    node = 0,
    heldBy = node,
    clockMs = replica.clockMs,
  }: { readonly node?: NodeId; readonly heldBy?: NodeId; readonly clockMs?: number } = {},
): Execution {
  const elapsedMs = Math.max(0, clockMs - replica.clockMs)
  return replica.execute(replica.firstUnexecuted, batchOf(node, requests, { elapsedMs, heldBy }))
}

/** What became of the requests of the next batch, in order. */
export function outcomesOf(...args: Parameters<typeof run>): readonly RequestOutcome['outcome'][] {
  return run(...args).outcomes.map(({ outcome }) => outcome)
}

export function ask(uid: string, seq: number, command: Command, ackedBelow = 0): NamedRequest {
  return { uid, seq, ackedBelow, command }
}

export function lock(name: string): Command {
  return body(lockCommand(name))
}

export function unlock(name: string): Command {
  return body(unlockCommand(name))
}

export function cancel(seq: number): Command {
  return { kind: 'cancel', seq }
}

export function body(json: Json): Command {
  return { kind: 'service', body: json }
}

/** How the request ended, as the replica knows it; `null` when it has not ended. */
export function recalled(replica: Replica, uid: string, seq: number, command: Command): Outcome | null {
  return replica.recall(uid, [{ seq, command }]).ended[0]?.outcome ?? null
}

/** The outcome of a `lock` or an `unlock` that was executed. */
export function locked(instance: number, index = 0, token: number = expect.any(Number)) {
  return { kind: 'executed', result: { token }, instance, index }
}

export function unlocked(instance: number, index = 0, freed = true) {
  return { kind: 'executed', result: { freed }, instance, index }
}

export function refused(reason: RefusalReason) {
  return { kind: 'refused', reason }
}

/** A replica of `service`, and the results of the commands it is given, each in a batch of its own. */
export function serving(service: Service) {
  const replica = newReplica(service)
  let seq = 0
  return {
    replica,
    do(command: Json): unknown {
      seq += 1
      const [first] = run(replica, [ask('a@0', seq, body(command))]).outcomes
      return first?.outcome.kind === 'executed' ? first.outcome.result : first?.outcome
    },
  }
}

/** A replica that was restored from the snapshot of `replica`. */
export function restored(replica: Replica, service: Service = lockService as Service): Replica {
  return Replica.restore(service, replica.snapshot())
}
