/** A transcript as text: comments, commands, and, indented under each command, its happenings. */
import { messageOf } from '../core/message-of.ts'
import { type TranscriptOptions, TranscriptRun } from './run.ts'

export interface FinishedTranscript {
  /** The cluster at the end of the transcript, and the events that led there. */
  readonly run: TranscriptRun
  /** The transcript, with the happenings of this run in place of the old ones. */
  readonly text: string
  /** The part of `text` up to the command that failed, without the reason; all of it when no command failed. */
  readonly ran: string
  /** The reason of the failure, with its line number; `null` when the transcript ran to its end. */
  readonly failure: string | null
}

/** True for a command line: not indented, as happenings are, not empty, and not a comment. */
export function isCommandLine(line: string): boolean {
  return /^[^\s#]/.test(line)
}

/** Runs the commands of `text`, up to the first that fails. Drops the indented happenings of an earlier run. */
export function runTranscript(text: string, options: TranscriptOptions = {}): FinishedTranscript {
  const run = new TranscriptRun(options)
  const lines: string[] = []
  let failure: string | null = null
  let ran: string | null = null
  for (const [place, line] of text.split('\n').entries()) {
    if (/^\s+\S/.test(line)) continue
    lines.push(line)
    if (!isCommandLine(line) || failure !== null) continue
    try {
      run.run(line, (report) => lines.push(`  ${report}`))
    } catch (error) {
      const reason = messageOf(error)
      failure = `line ${place + 1}, "${line}": ${reason}`
      ran = lines.join('\n')
      lines.push(`  failed: ${reason}`)
    }
  }
  const whole = lines.join('\n')
  return { run, text: whole, ran: ran ?? whole, failure }
}
