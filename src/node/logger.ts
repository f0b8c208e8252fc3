/** Writes a line: fields and a message, or a message alone. */
export interface LogLine {
  (fields: object, message?: string): void
  (message: string): void
}

/** The part of a logger that a server uses. A pino logger fits. */
export interface Logger {
  /** A logger that adds `fields` to each line. */
  child(fields: Readonly<Record<string, unknown>>): Logger
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
  readonly fatal: LogLine
}

const nothing = () => undefined

/** Logs nothing. */
export const silentLogger: Logger = {
  child: () => silentLogger,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
}
