import './tabs.css'
import type { ComponentChildren } from 'preact'
import { useId, useRef, useState } from 'preact/hooks'
import { Seldom } from './seldom.ts'

export interface Tab {
  readonly id: string
  readonly label: string
  readonly panel: () => ComponentChildren
}

interface TabsProps {
  /** The purpose of the tabs, for a screen reader. */
  readonly label: string
  readonly tabs: readonly Tab[]
  /** The minimum interval between two drawings of the open tab, in milliseconds; 0: every change is drawn. */
  readonly everyMs: number
}

/** Tabs, of which one is open. A tab that was opened once keeps its state, and is not drawn while another is open. */
export function Tabs({ label, tabs, everyMs }: TabsProps) {
  const id = useId()
  const [chosen, setChosen] = useState<string | null>(null)
  const opened = useRef(new Set<string>())
  const list = useRef<HTMLDivElement>(null)
  const open = tabs.find((tab) => tab.id === chosen) ?? tabs[0]
  if (open === undefined) return null
  opened.current.add(open.id)

  const moveFocus = (event: KeyboardEvent) => {
    const place = placeAfter(event.key, tabs.indexOf(open), tabs.length)
    const next = place === null ? undefined : tabs[place]
    if (next === undefined) return
    event.preventDefault()
    setChosen(next.id)
    list.current?.querySelectorAll<HTMLButtonElement>('[role=tab]')[tabs.indexOf(next)]?.focus()
  }

  return (
    <div class="tabs">
      <div class="tab-list" role="tablist" aria-label={label} ref={list} onKeyDown={moveFocus}>
        {tabs.map((tab) => (
          <button
            type="button"
            role="tab"
            key={tab.id}
            id={`${id}-${tab.id}`}
            aria-controls={`${id}-${tab.id}-panel`}
            aria-selected={tab === open}
            tabIndex={tab === open ? 0 : -1}
            onClick={(event) => {
              setChosen(tab.id)
              // After a click the arrow keys step through time again; after a key press they move through the tabs.
              if (event.detail > 0) event.currentTarget.blur()
            }}
          >
            {tab.label}
          </button>
        ))}
      </div>
      {tabs.map((tab) => (
        <div
          class="tab-panel"
          role="tabpanel"
          key={tab.id}
          id={`${id}-${tab.id}-panel`}
          aria-labelledby={`${id}-${tab.id}`}
          hidden={tab !== open}
          // A scrolling element must be reachable by keyboard.
          tabIndex={tab === open ? 0 : -1}
        >
          {opened.current.has(tab.id) ? (
            <Seldom isShown={tab === open} everyMs={everyMs} panel={tab.panel} />
          ) : null}
        </div>
      ))}
    </div>
  )
}

/** The place that a key leads to among `count` tabs; `null` for none. */
function placeAfter(key: string, place: number, count: number): number | null {
  switch (key) {
    case 'ArrowRight':
      return (place + 1) % count
    case 'ArrowLeft':
      return (place - 1 + count) % count
    case 'Home':
      return 0
    case 'End':
      return count - 1
    default:
      return null
  }
}
