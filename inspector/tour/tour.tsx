import './tour.css'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { usePlayground } from '../playground/panel.tsx'
import { type Playground, usualSetting } from '../playground/playground.ts'
import { Citation } from '../view/citation.tsx'
import { Kept, useKept } from '../view/kept.ts'
import { useLook } from './look.ts'
import { paceMs, tourStretches, tourText } from './schedule.ts'
import { type Look, tourSteps } from './steps.ts'

const nothing: readonly Look[] = []

interface TourProps {
  readonly playground: Playground
}

/** The reader's step in the tour, from 0 on. */
const keptStep = new Kept(0)

function show(playground: Playground, step: number): void {
  keptStep.set(step)
  playground.goTo(tourStretches(playground.state.session)?.[step]?.begins ?? 0)
}

/** The step of the tour, on its own schedule. Empty while the playground shows another one. */
export function TourStep({ playground }: TourProps) {
  const { session, recording } = usePlayground(playground)
  const stretches = useMemo(() => tourStretches(session), [session.path])
  const step = useKept(keptStep)
  const [isDoing, setIsDoing] = useState(false)
  const [isFolded, setIsFolded] = useState(false)
  const shown = tourSteps[step]!
  const stretch = recording === null ? (stretches?.[step] ?? null) : null
  const isDone = stretch !== null && session.at >= stretch.ends

  useEffect(() => setIsDoing(false), [step])
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

  if (stretch === null) return null
  const { begins, ends } = stretch
  const isWithin = session.at >= begins && !isDone
  const event = session.at > begins ? session.path[Math.min(session.at, ends)] : undefined
  return (
    <section class="tour tour-step" aria-labelledby="tour-title">
      <div class="tour-head">
        <h2 id="tour-title">{shown.title}</h2>
        <span class="tour-aside">
          Step {step + 1} of {tourSteps.length}
        </span>
        <button type="button" aria-expanded={!isFolded} onClick={() => setIsFolded(!isFolded)}>
          {isFolded ? 'Show text' : 'Hide text'}
        </button>
      </div>
      {isFolded ? null : (
        <div class="tour-text">
          {shown.text.map((paragraph) => (
            <p key={paragraph}>{paragraph}</p>
          ))}
          <p class="tour-aside">
            <Citation text={shown.paper} />
          </p>
        </div>
      )}
      <div class="tour-buttons">
        <button type="button" disabled={step === 0} onClick={() => show(playground, step - 1)}>
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
        <button
          type="button"
          disabled={step === tourSteps.length - 1}
          onClick={() => show(playground, step + 1)}
        >
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

/** Invites the reader to begin the tour, or to continue it. */
export function Tour({ playground }: TourProps) {
  const { session, recording } = usePlayground(playground)
  const step = useKept(keptStep)
  const isUnderWay = useMemo(
    () => recording === null && tourStretches(session) !== null,
    [session.path, recording],
  )
  const begin = (at: number) => {
    playground.open('the tour', tourText, { atEnd: false })
    show(playground, at)
  }
  return (
    <section class="tour" aria-labelledby="tour-invitation">
      <h2 id="tour-invitation">Paxos in twelve steps</h2>
      {isUnderWay ? (
        <p>
          The tour is in progress. Its text stays above the tabs while you look at the ledger, the queues and
          the service.
        </p>
      ) : (
        <p>
          From the first request to a fourth server, with the same machines that live servers execute. The
          tour replaces the present schedule of the playground.
        </p>
      )}
      <div class="tour-buttons">
        <button type="button" class={isUnderWay ? undefined : 'tour-do'} onClick={() => begin(0)}>
          {isUnderWay ? 'Begin again' : 'Begin'}
        </button>
        {isUnderWay || step === 0 ? null : (
          <button type="button" onClick={() => begin(step)}>
            Continue at step {step + 1}
          </button>
        )}
        {isUnderWay ? (
          <button type="button" onClick={() => playground.found(usualSetting)}>
            End the tour
          </button>
        ) : null}
      </div>
    </section>
  )
}
