import './splitter.css'
import { useRef } from 'preact/hooks'

interface SplitterProps {
  /** The part that it resizes, for a screen reader. */
  readonly label: string
  /** `vertical`: a line from top to bottom, between left and right. */
  readonly orientation: 'vertical' | 'horizontal'
  /** The share of the part after the line. */
  readonly share: number
  readonly onChange: (share: number) => void
}

const least = 0.12
const most = 0.85
const keyStep = 0.03

/**
 * A line between two parts of the page, which the pointer or the arrow keys move. Enter or a double click folds the part after
 * it, or unfolds it.
 */
export function Splitter({ label, orientation, share, onChange }: SplitterProps) {
  const line = useRef<HTMLHRElement>(null)
  const before = useRef(share)
  const isFolded = share === 0
  const fold = () => {
    if (isFolded) onChange(before.current)
    else {
      before.current = share
      onChange(0)
    }
  }
  const change = (to: number) => onChange(Math.min(most, Math.max(least, to)))

  const drag = (event: PointerEvent) => {
    const element = line.current
    const whole = element?.parentElement?.getBoundingClientRect()
    if (!element?.hasPointerCapture(event.pointerId) || whole === undefined) return
    change(
      orientation === 'vertical'
        ? (whole.right - event.clientX) / whole.width
        : (whole.bottom - event.clientY) / whole.height,
    )
  }

  const pressed = (event: KeyboardEvent) => {
    const more = orientation === 'vertical' ? 'ArrowLeft' : 'ArrowUp'
    const less = orientation === 'vertical' ? 'ArrowRight' : 'ArrowDown'
    if (event.key === more) change(share + keyStep)
    else if (event.key === less) change(share - keyStep)
    else if (event.key === 'Enter') fold()
    else if (event.key === 'Home') change(least)
    else if (event.key === 'End') change(most)
    else return
    event.preventDefault()
  }

  return (
    <hr
      ref={line}
      class={`splitter ${orientation}`}
      aria-label={label}
      aria-orientation={orientation}
      title={`${label}: drag, or use the arrow keys; Enter or a double click ${isFolded ? 'unfolds' : 'folds'} it`}
      aria-valuemin={0}
      aria-valuemax={most * 100}
      aria-valuenow={Math.round(share * 100)}
      tabIndex={0}
      onPointerDown={(event) => {
        line.current?.setPointerCapture(event.pointerId)
        event.preventDefault()
      }}
      onPointerMove={drag}
      onDblClick={fold}
      onKeyDown={pressed}
    />
  )
}
