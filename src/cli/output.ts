/** A line for whoever reads what the command says. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** A line for whoever wants to know what went wrong. */
export function complain(line: string): void {
  process.stderr.write(`paxos: ${line}\n`)
}

/** Rows under `headings`, in columns as wide as their widest cell. A short row leaves its last columns empty. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  return [headings, ...rows]
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
