import type { Files } from './files.ts'
import { type PartRules, partRules } from './log/kept-part.ts'
import { LogWriter, type LogWriterOptions } from './log/log-writer.ts'
import { type LogRules, logRules } from './log/read-log.ts'

/** The parts of a store that a test may replace. */
export interface StoreParts {
  readonly files: (files: Files) => Files
  readonly writer: (options: LogWriterOptions, turn: number) => LogWriter
  readonly rules: LogRules
  readonly partRules: PartRules
}

export const usualStoreParts: StoreParts = {
  files: (files) => files,
  writer: (options, turn) => new LogWriter(options, turn),
  rules: logRules,
  partRules,
}
