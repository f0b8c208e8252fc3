/** What the keyboard does in the playground, beside what it does on every page. */
import { type Focused, isTypedIn, type PressedKey } from '../model/keys.ts'

export type PlaygroundKey = 'next' | 'undo' | 'run'

/** What the key asks for; `null` for nothing, or where it belongs to what has the focus. */
export function playgroundKey(
  { key, ctrlKey, altKey, metaKey }: PressedKey,
  focused: Focused | null,
): PlaygroundKey | null {
  if (ctrlKey || altKey || metaKey || (focused !== null && isTypedIn(focused))) return null
  switch (key.toLowerCase()) {
    case 'n':
      return 'next'
    case 'u':
      return 'undo'
    case 'r':
      return 'run'
    default:
      return null
  }
}
