import './keys.css'
import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'
import { type Focused, keyCommand, keyList, playgroundKeyList } from '../model/keys.ts'
import type { Store } from '../model/store.ts'

/** Executes the keys' commands, anywhere on the page, except keys that a part of the page has handled itself. */
export function useKeys(store: Store, showHelp: () => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector('dialog[open]') !== null) return
      const command = keyCommand(event, focusedIn(event.target))
      if (command === null) return
      event.preventDefault()
      switch (command.type) {
        case 'play or pause':
          store.playOrPause()
          return
        case 'step':
          store.moveBy(command.records)
          return
        case 'first':
          store.moveTo(store.view.first)
          return
        case 'live':
          store.follow({ mode: 'live' })
          return
        case 'help':
          showHelp()
          return
      }
      command satisfies never
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  }, [store, showHelp])
}

/** The target of a key event. */
export function focusedIn(target: EventTarget | null): Focused | null {
  if (!(target instanceof HTMLElement)) return null
  const type = target instanceof HTMLInputElement ? target.type : ''
  return { tag: target.tagName, type, isEditable: target.isContentEditable }
}

interface KeyListProps {
  readonly dialog: RefObject<HTMLDialogElement | null>
  readonly isPlayground: boolean
}

/** The list of keys. */
export function KeyList({ dialog, isPlayground }: KeyListProps) {
  return (
    <dialog ref={dialog} class="key-list" aria-labelledby="key-list-title">
      <h2 id="key-list-title">Keys</h2>
      <dl>
        {[...keyList, ...(isPlayground ? playgroundKeyList : [])].map(({ keys, does }) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="notices">
        <a href="THIRD-PARTY-NOTICES.txt" target="_blank" rel="noreferrer">
          Notices of bundled code
        </a>
      </p>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  )
}
