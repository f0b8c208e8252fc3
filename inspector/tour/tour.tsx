import './tour.css'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { usePlayground } from '../playground/panel.tsx'
import type { Playground } from '../playground/playground.ts'
import { useLook } from './look.ts'
import { paceMs, tourStretches, tourText } from './schedule.ts'
import { type Look, tourSteps } from './steps.ts'

const nothing: readonly Look[] = []

/** Leads through the steps, on a schedule of its own that takes the place of what the playground shows. */
export function Tour({ playground }: { readonly playground: Playground }) {
  const { session, recording } = usePlayground(playground)
  const stretches = useMemo(() => tourStretches(session), [session.path])
  const [step, setStep] = useState(0)
  const [isDoing, setIsDoing] = useState(false)
  const shown = tourSteps[step]!
  const stretch = recording === null ? (stretches?.[step] ?? null) : null
  const isDone = stretch !== null && session.at >= stretch.ends

  useEffect(() => {
    if (stretch === null || !isDoing) return
    if (isDone) {
      setIsDoing(false)
      return
    }
    const timer = setTimeout(() => playground.goTo(session.at + 1), paceMs(stretch))
    return () => clearTimeout(timer)
  }, [stretch, isDoing, isDone, session.at, playground])

  useLook(stretch === null ? nothing : shown.look)

  const show = (to: number) => {
    setIsDoing(false)
    setStep(to)
    playground.goTo(tourStretches(playground.state.session)?.[to]?.begins ?? 0)
  }
  const begin = (at: number) => {
    playground.open('the tour', tourText, { atEnd: false })
    show(at)
  }

  if (stretch === null) return <Invitation step={step} begin={begin} />
  const { begins, ends } = stretch
  const isWithin = session.at >= begins && !isDone
  const event = session.at > begins ? session.path[Math.min(session.at, ends)] : undefined
  return (
    <section class="tour" aria-labelledby="tour-title">
      <p class="tour-aside">
        Step {step + 1} of {tourSteps.length}
      </p>
      <h2 id="tour-title">{shown.title}</h2>
      {shown.text.map((paragraph) => (
        <p key={paragraph}>{paragraph}</p>
      ))}
      <p class="tour-aside">{shown.paper}</p>
      <div class="tour-buttons">
        <button type="button" disabled={step === 0} onClick={() => show(step - 1)}>
          Previous
        </button>
        <button
          type="button"
          class="tour-do"
          onClick={() => {
            if (!isDoing && !isWithin) playground.goTo(begins)
            setIsDoing(!isDoing)
          }}
        >
          {isDoing ? 'Stop' : isDone ? 'Again' : 'Do it'}
        </button>
        <button type="button" disabled={step === tourSteps.length - 1} onClick={() => show(step + 1)}>
          Next
        </button>
      </div>
      {event === undefined ? null : (
        <p class="tour-aside">
          {event.depth - begins} of {ends - begins}: <span class="tour-event">{event.line}</span>
        </p>
      )}
      <div aria-live="polite">{isDone ? <p class="tour-seen">{shown.seen}</p> : null}</div>
    </section>
  )
}

interface InvitationProps {
  /** Where the reader left it. */
  readonly step: number
  readonly begin: (step: number) => void
}

function Invitation({ step, begin }: InvitationProps) {
  return (
    <section class="tour" aria-labelledby="tour-title">
      <h2 id="tour-title">Paxos in twelve steps</h2>
      <p>
        From the first request to a fourth server, on the machines that live servers run. It takes the place
        of what the playground shows now.
      </p>
      <div class="tour-buttons">
        <button type="button" class="tour-do" onClick={() => begin(0)}>
          Begin
        </button>
        {step === 0 ? null : (
          <button type="button" onClick={() => begin(step)}>
            Go on at step {step + 1}
          </button>
        )}
      </div>
    </section>
  )
}
