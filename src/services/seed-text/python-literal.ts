/** Python literals: the strings and integers that `repr` writes, in Python 2 and 3. */

export interface Literal {
  readonly kind: 'string' | 'integer'
  /** The text of a string, the digits of an integer. */
  readonly text: string
  /** The literal as `repr` writes it. */
  readonly repr: string
  /** The index after the literal. */
  readonly end: number
}

const integer = /(0|-?[1-9][0-9]*)[lL]?/y
const string = /([uUbB]?)(?:'((?:[^'\\\p{Cc}]|\\[^\p{Cc}])*)'|"((?:[^"\\\p{Cc}]|\\[^\p{Cc}])*)")/uy
const anyEscape = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gsu
const isAscii = /^[\x20-\x7e]*$/
/** The characters that `repr` escapes in Python 3. */
const notPrintable = /^(?:\p{C}|\p{Zl}|\p{Zp}|(?! )\p{Zs})$/u

const named: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** Reads the literal that begins at `start`. Returns the problem as text when there is none. */
export function readLiteral(source: string, start: number): Literal | string {
  integer.lastIndex = start
  const [digits, number = ''] = integer.exec(source) ?? []
  if (digits !== undefined) {
    return { kind: 'integer', text: number, repr: digits.toUpperCase(), end: integer.lastIndex }
  }
  string.lastIndex = start
  const [written, prefix = '', single, double] = string.exec(source) ?? []
  if (written === undefined)
    return `'${source.slice(start, start + 20)}' begins neither a string nor a whole number`
  const end = string.lastIndex
  const content = single ?? double ?? ''
  const isBytes = prefix.toLowerCase() === 'b'
  const text = unescaped(content, isBytes)
  if (text === null) return `${shownLiteral(written)} contains an escape that is not supported`
  if (isBytes && !isAscii.test(content)) return `${shownLiteral(written)} contains characters outside ASCII`
  return { kind: 'string', text, repr: `${prefix.toLowerCase()}${quoted(text, isAscii.test(content))}`, end }
}

/** `text` as `repr` writes it in Python 3. With `inAscii`, escapes all characters outside ASCII, as Python 2 does. */
export function quoted(text: string, inAscii = false): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let inside = ''
  for (const character of text) {
    if (character === '\\' || character === quote) inside += `\\${character}`
    else if (isPrintable(character, inAscii)) inside += character
    else inside += escaped(character)
  }
  return `${quote}${inside}${quote}`
}

function isPrintable(character: string, inAscii: boolean): boolean {
  return inAscii ? isAscii.test(character) : !notPrintable.test(character)
}

function escaped(character: string): string {
  const known = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character]
  if (known !== undefined) return known
  const point = character.codePointAt(0) ?? 0
  const hex = (digits: number) => point.toString(16).padStart(digits, '0')
  if (point < 0x100) return `\\x${hex(2)}`
  return point < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`
}

/** Replaces the escapes in `content`. Returns `null` when it contains an escape that `repr` does not write. */
function unescaped(content: string, isBytes: boolean): string | null {
  let isRead = true
  const text = content.replaceAll(anyEscape, (_, byte, unit, point, character) => {
    if (byte !== undefined) return String.fromCharCode(Number.parseInt(byte, 16))
    const code = Number.parseInt(unit ?? point, 16)
    if (!Number.isNaN(code) && code <= 0x10ffff && !isBytes) return String.fromCodePoint(code)
    const meant = named[character]
    isRead &&= meant !== undefined
    return meant ?? ''
  })
  return isRead ? text : null
}

function shownLiteral(written: string): string {
  return written.length > 40 ? `${written.slice(0, 40)}…` : written
}
