/** Control characters and characters without a glyph. A terminal executes some of them, hides others or reverses the text. */
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** Makes untrusted `text` safe to print: escapes each character that a terminal would execute or hide, as `\x1b` or `\u202e`. */
export function visible(text: string): string {
  return text.replace(hidden, escaped)
}

/** As `visible`, but keeps line breaks. */
export function visibleLines(text: string): string {
  return text.replace(hidden, (character) => (character === '\n' ? character : escaped(character)))
}

/** JSON of `value` that is safe to print: the same value, with more characters escaped. */
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
