/** The execution of one request that has not ended yet. */
import type { Command, Json } from '../../../machines/batch.ts'
import { serviceLimits } from '../../../machines/limits.ts'
import { countedMembers, shownMembers } from '../../../machines/members.ts'
import type { Position } from '../../../machines/outcome.ts'
import { resultIn } from '../answer.ts'
import { changeMembers } from '../membership.ts'
import { endedOutcome, executed, failed, overQuota } from '../outcomes.ts'
import { reasonOfFailure } from '../reason.ts'
import type { BatchRun, Ending, Turn } from './batch-run.ts'
import { admissionTo, sizeOfState } from './quota.ts'
import { executeSessionCommand } from './session-commands.ts'
import type { ReplicaState } from './state.ts'

type UpgradeCommand = Extract<Command, { readonly kind: 'upgrade' }>

export function executeCommand(run: BatchRun, command: Command, turn: Turn): void {
  const { state } = run
  switch (command.kind) {
    case 'service':
      run.end(turn, executeService(run, command.body, turn))
      return
    case 'members':
      run.end(
        turn,
        attempt(state, turn, () => {
          state.members = changeMembers(state.members, command.change)
          return executed(turn, { members: shownMembers(state.members).map((member) => ({ ...member })) })
        }),
      )
      return
    case 'quota':
      run.end(turn, setQuota(state, command.bytes, turn))
      return
    case 'upgrade':
      run.end(turn, upgrade(run, command, turn))
      return
    case 'cancel':
      cancel(run, command.seq, turn)
      return
    case 'open':
    case 'touch':
    case 'end':
    case 'sessions':
      executeSessionCommand(run, command, turn)
      return
  }
  command satisfies never
}

function executeService(run: BatchRun, body: Json, turn: Turn): Ending {
  const { index, session, seq } = turn
  // Not by a spread, which takes as long as the rest of this function.
  const { instance, clockMs, version } = run.time
  const moment = { instance, clockMs, version, index, uid: session.uid, seq, ttlMs: session.ttlMs }
  const admission = admissionTo(run.state, session, session.waiting.has(seq))
  const ending = run.state.service.execute(body, moment, admission)
  switch (ending.kind) {
    case 'executed':
      run.progress(ending)
      return executed(turn, ending.result)
    case 'delayed':
      run.revoke(ending.revoked)
      return { kind: 'delayed', key: ending.key }
    case 'failed':
      return failed(turn, ending.reason)
    case 'overQuota':
      return overQuota(turn, ending.excess)
    case 'full':
      return ending
  }
  ending satisfies never
}

/** Sets the version in force. A server whose program does not have it throws a `StartError`: it must not execute what follows. */
function upgrade(run: BatchRun, { version, supportedBy }: UpgradeCommand, position: Position): Ending {
  const { state } = run
  const before = state.serviceVersion
  const refuse = (reason: string) => failed(position, reason)
  if (version < before)
    return refuse(`version ${before} of the service is in force: it does not go back to ${version}`)
  const missing = countedMembers(state.members).filter((id) => !supportedBy.includes(id))
  if (missing.length > 0) {
    return refuse(
      `server ${missing.join(', ')} did not report that its program has version ${version} of the service: start it with one that has, and ask again`,
    )
  }
  if (version > before) {
    state.service.checkVersion(version)
    const time = { ...run.time, version }
    const attempt = state.service.upgrade(before, time)
    if (attempt.failed !== null) return refuse(`the service failed to upgrade its state: ${attempt.failed}`)
    state.serviceVersion = version
    run.time = time
    run.progress(attempt)
  }
  return executed(position, { version, before })
}

/** A quota below the size is no fault: then everything is refused that grows the state. */
function setQuota(state: ReplicaState, bytes: number, position: Position): Ending {
  const before = state.quotaBytes
  state.quotaBytes = bytes
  return executed(position, { quotaBytes: bytes, before, sizeBytes: sizeOfState(state) })
}

/** Ends the target without a run if it has not ended yet. If the cancel is chosen first, the target is never executed. */
function cancel(run: BatchRun, target: number, turn: Turn): void {
  const { session, seq, instance, index } = turn
  if (target === seq) {
    run.end(turn, failed(turn, `seq ${seq} cancels itself: name the seq of an earlier request`))
    return
  }
  const ended = endedOutcome(session, target, null)
  run.end(
    turn,
    attempt(run.state, turn, () => executed(turn, resultIn({ ended }, serviceLimits.nestedResult))),
  )
  if (ended !== null) return
  const kept = session.waiting.get(target)?.command ?? null
  run.end({ ...turn, seq: target, kept }, { kind: 'cancelled', instance, index })
}

/** Returns the result of `action`, or `failed` with the reason when `action` throws. */
function attempt({ mistaken }: ReplicaState, position: Position, action: () => Ending): Ending {
  try {
    return action()
  } catch (error) {
    return failed(position, reasonOfFailure(error, mistaken))
  }
}
