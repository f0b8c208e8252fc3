/** Controls and what gives no mark of its own: a terminal obeys some of them, hides others or turns the text around. */
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** `text`, which may be anybody's, safe to print: what a terminal would obey or hide is an escape, such as `\x1b` or `\u202e`. */
export function visible(text: string): string {
  return text.replace(hidden, escaped)
}

/** The same of text in several lines, which stay lines. */
export function visibleLines(text: string): string {
  return text.replace(hidden, (character) => (character === '\n' ? character : escaped(character)))
}

/** `value` as JSON that is safe to print: the same value, with more of its characters as escapes. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replace(hidden, (character) =>
    Array.from({ length: character.length }, (_, place) => unitEscape(character.charCodeAt(place))).join(''),
  )
}

function escaped(character: string): string {
  const point = character.codePointAt(0) ?? 0
  if (point > 0xffff) return `\\u{${point.toString(16)}}`
  return point < 0x100 ? `\\x${point.toString(16).padStart(2, '0')}` : unitEscape(point)
}

function unitEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}
