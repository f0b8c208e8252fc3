import { useEffect, useRef, useState } from 'preact/hooks'
import type { LitStep } from '../../charts/lit.ts'
import { chartWord } from '../../charts/lit.ts'

/** The minimum interval between two announcements to a screen reader, in milliseconds. */
const pauseMs = 2_000

interface AnnouncementProps {
  readonly lit: LitStep | null
  /** Steps advance automatically: then nothing is announced. */
  readonly isMoving: boolean
}

/** Announces the highlighted step to screen readers. Others see it in the time bar or in the details of the selected record. */
export function Announcement({ lit, isMoving }: AnnouncementProps) {
  return <Aloud text={lit === null || isMoving ? '' : aloudText(lit)} />
}

function aloudText({ cause, moves }: LitStep): string {
  return [cause, ...moves.map(({ chart, text }) => `${chartWord(chart)}: ${text}`)].join('. ')
}

/** Announces the latest text, at a rate that a listener can follow. */
function Aloud({ text }: { readonly text: string }) {
  const [announced, setAnnounced] = useState('')
  const lastMs = useRef(Number.NEGATIVE_INFINITY)
  useEffect(() => {
    const waitMs = Math.max(0, lastMs.current + pauseMs - performance.now())
    const timer = setTimeout(() => {
      lastMs.current = performance.now()
      setAnnounced(text)
    }, waitMs)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <p class="visually-hidden" role="status">
      {announced}
    </p>
  )
}
