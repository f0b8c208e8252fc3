import { useEffect, useRef, useState } from 'preact/hooks'
import type { LitStep } from '../../charts/lit.ts'
import { chartWord } from '../../charts/lit.ts'

/** A screen reader is told at most once in so many milliseconds. */
const pauseMs = 2_000

interface SaidProps {
  readonly lit: LitStep | null
  /** Steps follow each other by themselves: then nothing is read aloud. */
  readonly isMoving: boolean
}

/** Reads aloud what is lit; for the eye it stands in the time bar, or in the details of the record that is selected. */
export function Said({ lit, isMoving }: SaidProps) {
  return <Aloud text={lit === null || isMoving ? '' : aloudText(lit)} />
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
    <p class="visually-hidden" role="status">
      {said}
    </p>
  )
}
