/** The figures as text. */
import { median } from './statistics.ts'

/** Three significant digits, but all digits of a whole part: 9192, 24.1, 0.16. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '?'
  if (value === 0) return '0'
  const digits = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))))
  return value.toFixed(digits)
}

/** The median of several rounds, with the least and the most: `24.1 (22.0 to 29.5)`; `?` when a round has no result. */
export function spread(values: readonly number[]): string {
  if (!values.every(Number.isFinite)) return '?'
  if (values.length < 2) return figure(median(values))
  return `${figure(median(values))} (${figure(Math.min(...values))} to ${figure(Math.max(...values))})`
}

/** Lines with the cells of each column below each other. The first column is aligned to the left, like the others. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  }
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('   ')}`.trimEnd())
    .join('\n')
}
