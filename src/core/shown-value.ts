const shownLength = 80

/** Any value that a program gave, for an error message: in short, also where JSON cannot carry it. Throws nothing. */
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
