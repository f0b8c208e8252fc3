import { useEffect, useRef, useState } from 'preact/hooks'
import type { LitStep } from '../../charts/lit.ts'
import { chartWord } from '../../charts/lit.ts'
import { colourClass } from './token.tsx'

/** A screen reader is told at most once in so many milliseconds. */
const pauseMs = 2_000

interface SaidProps {
  readonly lit: LitStep | null
  readonly isSelected: boolean
  /** Steps follow each other by themselves: then nothing is read aloud. */
  readonly isMoving: boolean
  /** What is told when there is no step. */
  readonly otherwise: string
}

/** What happened, and what each machine did then and why. */
export function Said({ lit, isSelected, isMoving, otherwise }: SaidProps) {
  return (
    <div class={`charts-said ${colourClass(lit?.colour ?? null)}`}>
      {lit === null ? (
        <p>{otherwise}</p>
      ) : (
        <>
          <p>
            {isSelected && <span class="charts-selected">selected</span>} {lit.cause}
          </p>
          <ul>
            {lit.moves.map(({ chart, text }) => (
              <li key={`${chart} ${text}`}>
                <strong>{chartWord(chart)}</strong> {text}
              </li>
            ))}
          </ul>
        </>
      )}
      <Aloud text={lit === null || isMoving ? '' : aloudText(lit)} />
    </div>
  )
}

function aloudText({ cause, moves }: LitStep): string {
  return [cause, ...moves.map(({ chart, text }) => `${chartWord(chart)}: ${text}`)].join('. ')
}

/** Says the latest text, but not more often than one can listen. */
function Aloud({ text }: { readonly text: string }) {
  const [said, setSaid] = useState('')
  const lastMs = useRef(Number.NEGATIVE_INFINITY)
  useEffect(() => {
    const waitMs = Math.max(0, lastMs.current + pauseMs - performance.now())
    const timer = setTimeout(() => {
      lastMs.current = performance.now()
      setSaid(text)
    }, waitMs)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <p class="charts-aloud" role="status">
      {said}
    </p>
  )
}
