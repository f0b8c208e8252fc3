import { visible, visibleJson, visibleLines } from '../core/visible.ts'

/** Prints a line, or several, to stdout. Escapes control characters. */
export function print(line: string): void {
  process.stdout.write(`${visibleLines(line)}\n`)
}

/** Prints a line of JSON to stdout. Escapes control characters. */
export function printJson(value: unknown): void {
  process.stdout.write(`${visibleJson(value)}\n`)
}

/** Prints an error line to stderr. */
export function complain(line: string): void {
  process.stderr.write(`paxos: ${visibleLines(line)}\n`)
}

/** Rows under `headings`, in columns as wide as their widest cell. A short row leaves its last columns empty. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [headings, ...rows].map((row) => row.map(visible))
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The words, quoted for a shell. */
export function shellCommand(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ')
}
