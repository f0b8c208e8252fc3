/** The keys that work everywhere on the page. */

export type KeyCommand =
  | { readonly type: 'play or pause' }
  | { readonly type: 'step'; readonly records: number }
  | { readonly type: 'first' }
  | { readonly type: 'live' }
  | { readonly type: 'help' }

/** The list of keys, with their effects. */
export const keyList: readonly { readonly keys: string; readonly does: string }[] = [
  { keys: 'Space', does: 'play or pause' },
  { keys: '→', does: 'one record forward' },
  { keys: '←', does: 'one record back' },
  { keys: 'Shift → or ←', does: 'ten records forward or back' },
  { keys: 'Home', does: 'to the first kept record' },
  { keys: 'End', does: 'to the latest record, and follow new ones' },
  { keys: '?', does: 'this list' },
]

/** The additional keys of a playground. */
export const playgroundKeyList: typeof keyList = [
  { keys: 'N', does: 'the next event: of the schedule, or the one drawn next' },
  { keys: 'U', does: 'undo: one event back' },
  { keys: 'R', does: 'start or stop automatic events' },
  { keys: '→ at the latest', does: 'as N: makes the next event happen' },
  { keys: 'Space at the latest', does: 'as R' },
]

export interface PressedKey {
  readonly key: string
  readonly shiftKey: boolean
  readonly ctrlKey: boolean
  readonly altKey: boolean
  readonly metaKey: boolean
}

/** The element that has the focus. Its own use of a key comes first. */
export interface Focused {
  readonly tag: string
  readonly type: string
  readonly isEditable: boolean
}

const takesSpace = new Set(['BUTTON', 'SUMMARY', 'A'])
const clicked = new Set(['checkbox', 'radio', 'button', 'submit', 'color', 'file'])

/** The command of the key; `null` for none, or when the focused element uses the key. */
export function keyCommand(pressed: PressedKey, focused: Focused | null): KeyCommand | null {
  if (pressed.ctrlKey || pressed.altKey || pressed.metaKey) return null
  if (focused !== null && isTypedIn(focused)) return null
  const isRange = focused?.tag === 'INPUT' && focused.type === 'range'
  switch (pressed.key) {
    case ' ': {
      const isTaken = focused !== null && (takesSpace.has(focused.tag) || clicked.has(focused.type))
      return isTaken ? null : { type: 'play or pause' }
    }
    case 'ArrowRight':
      return isRange ? null : { type: 'step', records: pressed.shiftKey ? 10 : 1 }
    case 'ArrowLeft':
      return isRange ? null : { type: 'step', records: pressed.shiftKey ? -10 : -1 }
    case 'Home':
      return { type: 'first' }
    case 'End':
      return { type: 'live' }
    case '?':
      return { type: 'help' }
    default:
      return null
  }
}

/** True when the focused element takes keys as text. */
export function isTypedIn({ tag, type, isEditable }: Focused): boolean {
  if (isEditable || tag === 'TEXTAREA' || tag === 'SELECT') return true
  return tag === 'INPUT' && type !== 'range' && !clicked.has(type)
}
