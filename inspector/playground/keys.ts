/** The additional keys of the playground. */
import { type Focused, isTypedIn, type PressedKey } from '../model/keys.ts'

export type PlaygroundKey = 'next' | 'undo' | 'run'

/** The command of the key; `null` for none, or when the focused element uses the key. */
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
