/** Digits of the largest safe integer. */
const digits = 16

/** A text that sorts as the whole number `number`, from 0 to the largest safe integer: a key of a `SortedMap`. */
export function numberKey(number: number): string {
  return String(number).padStart(digits, '0')
}
