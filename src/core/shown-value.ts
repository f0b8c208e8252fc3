const shownLength = 80

/** Formats any value of a program for an error message. Shortens it, and also handles values that JSON cannot carry. Never throws. */
export function shownValue(value: unknown): string {
  const text = textOf(value)
  return text.length > shownLength ? `${text.slice(0, shownLength)}… (${text.length} characters)` : text
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (value === undefined) return 'nothing'
  try {
    return JSON.stringify(value) ?? `a value of the type ${typeof value}`
  } catch {
    return `a value of the type ${typeof value}`
  }
}
