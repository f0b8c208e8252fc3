import { visible, visibleJson, visibleLines } from '../core/visible.ts'

/** A line, or several, for whoever reads what the command says; what a terminal would obey is escaped. */
export function print(line: string): void {
  process.stdout.write(`${visibleLines(line)}\n`)
}

/** A line of JSON for a program; what a terminal would obey is escaped in it. */
export function printJson(value: unknown): void {
  process.stdout.write(`${visibleJson(value)}\n`)
}

/** A line for whoever wants to know what went wrong. */
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

/** The words as a shell is to be given them. */
export function shellCommand(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ')
}
