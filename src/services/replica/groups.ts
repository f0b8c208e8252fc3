/** The requests of one session in a batch: each is executed once. */
import type { BatchGroup, Command } from '../../../machines/batch.ts'
import type { Position } from '../../../machines/outcome.ts'
import { isPlainText } from '../../core/plain-text-client.ts'
import { keptCommand } from '../kept-command.ts'
import { endedOutcome, sessionHasEnded } from '../outcomes.ts'
import type { Session } from '../sessions.ts'
import type { BatchRun, Turn } from './batch-run.ts'
import { executeCommand } from './commands.ts'
import { executePlainTexts } from './plain-texts.ts'
import { openedBy } from './session-commands.ts'

/** Executes the requests of a group, the first of which is at `first`. */
export function executeGroup(run: BatchRun, group: BatchGroup, first: Position): void {
  const { sessions, service } = run.state
  const { uid, ackedBelow, heldBy, requests } = group
  run.concerns(heldBy)
  if (isPlainText(uid)) {
    executePlainTexts(run, group, first)
    return
  }
  const session = liveSession(run, uid)
  if (session === undefined) {
    requests.forEach(({ seq, command }, offset) => {
      const position = { instance: first.instance, index: first.index + offset }
      run.answer(uid, seq, openedBy(run.state, uid, command, position))
    })
    return
  }
  acknowledge(run, session, ackedBelow)
  requests.forEach(({ seq, command }, offset) => {
    const turn = { instance: first.instance, index: first.index + offset, session, uid, seq, node: heldBy }
    executeOnce(run, command, turn)
  })
  sessions.keep(session, session.waiting.size > 0 || service.holds(uid))
}

/** The session `uid`, unless it has ended, or ends now: it may be due and not have had its turn. */
function liveSession(run: BatchRun, uid: string): Session | undefined {
  const session = run.state.sessions.get(uid)
  if (session?.deadlineMs == null || session.deadlineMs > run.state.clockMs) return session
  run.endSession(session)
  return undefined
}

/** Ends the delayed requests below `ackedBelow`. Their outcomes make the queues that hold them drop them. */
function acknowledge(run: BatchRun, session: Session, ackedBelow: number): void {
  for (const delayed of run.state.sessions.acknowledge(session, ackedBelow)) {
    run.dropDelayed(session.uid, delayed, { kind: 'refused', reason: 'stale' })
  }
}

function executeOnce(run: BatchRun, command: Command, turn: Omit<Turn, 'kept'>): void {
  const { sessions, clockMs } = run.state
  const { session, uid, seq } = turn
  const known = sessions.get(uid) === undefined ? sessionHasEnded : endedOutcome(session, seq, command)
  if (known !== null) {
    run.answer(uid, seq, known)
    return
  }
  // A delayed request that its server proposes again is no sign of life of its client.
  if (!session.waiting.has(seq)) sessions.touch(session, clockMs)
  executeCommand(run, command, { ...turn, kept: keptCommand(command) })
}
