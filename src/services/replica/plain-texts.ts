/** Requests in plain text: the uid of a session is made of the address of its client, and a repetition has another uid than its request. */
import type { BatchGroup, Command } from '../../../machines/batch.ts'
import type { Outcome, Position } from '../../../machines/outcome.ts'
import { sessionOf } from '../../core/plain-text-client.ts'
import { overQuota } from '../outcomes.ts'
import type { BatchRun, Turn } from './batch-run.ts'
import { executeCommand } from './commands.ts'
import { excessOfSession } from './quota.ts'
import type { ReplicaState } from './state.ts'

export function executePlainTexts(
  run: BatchRun,
  { uid, heldBy, requests }: BatchGroup,
  { instance, index }: Position,
): void {
  const { sessions, clockMs } = run.state
  requests.forEach(({ seq, command }, offset) => {
    // For each request: the one before may have ended the session.
    const known = sessions.get(sessionOf(uid))
    if (known === undefined && sessions.isFull(true)) {
      run.answer(uid, seq, { kind: 'full', of: 'sessions' })
      return
    }
    const excess = known === undefined ? excessOfSession(run.state) : null
    if (excess !== null) {
      run.answer(uid, seq, overQuota({ instance, index: index + offset }, excess))
      return
    }
    const session = known ?? sessions.open(sessionOf(uid), null, clockMs)
    const turn = { instance, index: index + offset, session, uid, seq, node: heldBy, kept: uid }
    executePlainText(run, command, turn)
  })
}

/**
 * Executes a request in plain text: a new request, or the repetition of one that waits or has ended, which a server
 * proposed under another uid. A repetition does not run again. It does not prolong its session either; once the session
 * is evicted, the same text is a new request.
 */
function executePlainText(run: BatchRun, command: Command, turn: Turn): void {
  const { session, uid, seq } = turn
  const ended = session.ended.get(seq)
  if (ended !== undefined) {
    const outcome = ended.command === uid ? ended.outcome : repeated(run.state, command, ended.outcome)
    run.answer(uid, seq, outcome)
  } else if (seq < session.forgottenBelow && !session.waiting.has(seq)) {
    run.answer(uid, seq, { kind: 'refused', reason: 'forgotten' })
  } else {
    executeCommand(run, command, turn)
    run.state.sessions.usePlainText(session, run.state.clockMs)
  }
}

/** The outcome of a repetition of a request that ended with `outcome`: its result is repeated only while it still holds. */
function repeated({ service }: ReplicaState, command: Command, outcome: Outcome): Outcome {
  const holds =
    outcome.kind === 'executed' &&
    command.kind === 'service' &&
    service.stillHolds(command.body, outcome.result)
  return { kind: 'refused', reason: holds ? 'repeated' : 'expired' }
}
