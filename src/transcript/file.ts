/** A transcript as text: comments, commands, and indented under each command what happened. */
import { messageOf } from '../core/message-of.ts'
import { type TranscriptOptions, TranscriptRun } from './run.ts'

export interface FinishedTranscript {
  /** The cluster at its end, and the events that led there. */
  readonly run: TranscriptRun
  /** The transcript with what happened in the place of what stood there. */
  readonly text: string
  /** The part of `text` up to the command that failed, without why; all of it when none did. */
  readonly ran: string
  /** Why it could not go on, with the number of the line; `null` when it ran to its end. */
  readonly failure: string | null
}

/** The lines of a transcript that are commands: neither indented, as what happened is, nor empty, nor a comment. */
export function isCommandLine(line: string): boolean {
  return /^[^\s#]/.test(line)
}

/** Runs the commands of `text`. What happened earlier, indented in it, is left out. It ends with the first that fails. */
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
      run.run(line, (told) => lines.push(`  ${told}`))
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
