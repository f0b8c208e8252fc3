import './panel.css'
import { useEffect, useState } from 'preact/hooks'
import type { PartProps } from '../view/context.ts'
import { Branches, History } from './history.tsx'
import { Next } from './next.tsx'
import { PlayControls } from './play-controls.tsx'
import type { Playground, PlaygroundState } from './playground.ts'
import { RequestForm } from './request-form.tsx'
import { here } from './session.ts'
import { Setup } from './setup.tsx'
import { Share } from './share.tsx'

/** The state of a playground. The component is drawn again when it changes, at most once a frame. */
export function usePlayground(playground: Playground): PlaygroundState {
  const [state, setState] = useState(playground.state)
  useEffect(() => {
    let frame = 0
    setState(playground.state)
    const end = playground.subscribe(() => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(() => setState(playground.state))
    })
    return () => {
      cancelAnimationFrame(frame)
      end()
    }
  }, [playground])
  return state
}

/** The tab `Next`: the scenario, the possible events, and the past ones. */
export function PlaygroundPanel({ playground }: PartProps & { readonly playground: Playground }) {
  const state = usePlayground(playground)
  const { session, problem, recording } = state
  return (
    <section class="playground" aria-label="Playground">
      <p class="playground-problem" role="alert">
        {problem}
      </p>
      {recording === null ? (
        <>
          <Setup state={state} playground={playground} />
          <PlayControls state={state} playground={playground} />
          <WhatHappened state={state} />
          <Next session={session} playground={playground} />
          <RequestForm state={state} playground={playground} />
          <History session={session} playground={playground} />
          <Branches session={session} playground={playground} />
        </>
      ) : (
        <p>
          Shown: {recording}. It can be looked at, and not gone on with.{' '}
          <button type="button" onClick={() => playground.returnToSession()}>
            Back to the cluster
          </button>
        </p>
      )}
      <Share state={state} playground={playground} />
    </section>
  )
}

function WhatHappened({ state: { session } }: { readonly state: PlaygroundState }) {
  const { line, output, note, failure, depth } = here(session)
  return (
    <section aria-label="What happened">
      {note.length > 0 && <p class="playground-note">{note.join(' ')}</p>}
      <h3>{depth === 0 ? 'Nothing has happened yet' : line}</h3>
      {depth > 0 && output.length > 0 && (
        <ul class="playground-output">
          {output.map((text, place) => (
            <li key={place}>{text}</li>
          ))}
        </ul>
      )}
      {failure !== null && (
        <p class="playground-failure" role="alert">
          Broken: {failure}
        </p>
      )}
    </section>
  )
}
