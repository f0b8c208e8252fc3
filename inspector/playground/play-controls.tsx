import { useEffect } from 'preact/hooks'
import { eventText } from '../../src/transcript/resolve.ts'
import { focusedIn } from '../view/keys.tsx'
import type { Odds } from './chance.ts'
import { playgroundKey } from './keys.ts'
import { nextOf, type Playground, type PlaygroundState } from './playground.ts'
import { here } from './session.ts'

interface PlayControlsProps {
  readonly state: PlaygroundState
  readonly playground: Playground
}

const oddsLabels: Readonly<Record<keyof Odds, string>> = {
  drop: 'a message is dropped',
  duplicate: 'a message is duplicated',
  crash: 'a server crashes',
  restart: 'a server that is down restarts',
  timer: 'a timer fires early',
  request: 'a client sends a request',
}

const speeds = [1, 2, 4, 10, 30]

/** The controls: back, next, run, and how the next event is chosen. */
export function PlayControls({ state, playground }: PlayControlsProps) {
  useEffect(() => obeyKeys(playground), [playground])
  const { session, chooser, isPlaying, perSecond } = state
  const { path, at } = session
  const scripted = path[at + 1]
  return (
    <div class="playground-play">
      <div class="playground-row">
        <button
          type="button"
          disabled={at === 0}
          title="Undo (U)"
          aria-keyshortcuts="U"
          onClick={() => playground.back()}
        >
          ◀ Undo
        </button>
        <button
          type="button"
          class="playground-main"
          title="Next event (N; at the latest record also →)"
          aria-keyshortcuts="N"
          onClick={() => playground.step()}
        >
          Next event ▶
        </button>
        <button
          type="button"
          aria-pressed={isPlaying}
          title="Run or stop (R; at the latest record also Space)"
          aria-keyshortcuts="R"
          onClick={() => playground.playOrPause()}
        >
          {isPlaying ? 'Stop' : 'Run'}
        </button>
        <span class="playground-count">
          event {at} of {path.length - 1}
        </span>
      </div>
      <p class="playground-ahead">
        {scripted === undefined
          ? aheadText(state)
          : `Next in the schedule: ${scripted.line}. After it, decided by:`}
      </p>
      <div class="playground-row">
        <label>
          <input
            type="radio"
            name="chooser"
            checked={chooser === 'order'}
            onChange={() => playground.adjust({ chooser: 'order' })}
          />{' '}
          order
        </label>
        <label>
          <input
            type="radio"
            name="chooser"
            checked={chooser === 'chance'}
            onChange={() => playground.adjust({ chooser: 'chance' })}
          />{' '}
          chance
        </label>
        <label>
          Events a second{' '}
          <select
            value={perSecond}
            onChange={(event) => playground.adjust({ perSecond: Number(event.currentTarget.value) })}
          >
            {speeds.map((speed) => (
              <option key={speed} value={speed}>
                {speed}
              </option>
            ))}
          </select>
        </label>
      </div>
      {chooser === 'chance' && <OddsFields state={state} playground={playground} />}
    </div>
  )
}

function aheadText(playing: PlaygroundState): string {
  const { state, failure } = here(playing.session)
  const next = nextOf(playing)
  if (next !== null) return `Next: ${eventText(state, next)}. Decided by:`
  return failure === null
    ? 'No event is left: send a request as a client. Later events are decided by:'
    : 'No event can follow a failure.'
}

/** Executes the keys' commands. Returns a function that stops this. */
function obeyKeys(playground: Playground): () => void {
  const pressed = (event: KeyboardEvent) => {
    if (event.defaultPrevented || document.querySelector('dialog[open]') !== null) return
    const asked = playgroundKey(event, focusedIn(event.target))
    if (asked === null) return
    event.preventDefault()
    if (asked === 'next') playground.step()
    else if (asked === 'undo') playground.back()
    else playground.playOrPause()
  }
  window.addEventListener('keydown', pressed)
  return () => window.removeEventListener('keydown', pressed)
}

function OddsFields({ state: { seed, odds }, playground }: PlayControlsProps) {
  return (
    <details>
      <summary>Seed {seed}, and how often things go wrong</summary>
      <label class="playground-odds">
        <span>seed</span>
        <input
          type="number"
          min="0"
          step="1"
          value={seed}
          onChange={(event) =>
            playground.adjust({ seed: wholeIn(event.currentTarget.value, seed, 2 ** 31 - 1) })
          }
        />
      </label>
      {(Object.keys(oddsLabels) as (keyof Odds)[]).map((name) => (
        <label key={name} class="playground-odds">
          <span>{oddsLabels[name]}, %</span>
          <input
            type="number"
            min="0"
            max="100"
            step="1"
            value={odds[name]}
            onChange={(event) =>
              playground.adjust({
                odds: { ...odds, [name]: wholeIn(event.currentTarget.value, odds[name], 100) },
              })
            }
          />
        </label>
      ))}
    </details>
  )
}

/** An invalid number leaves the previous value. */
function wholeIn(text: string, before: number, most: number): number {
  const number = Number(text)
  return text !== '' && Number.isInteger(number) && number >= 0 && number <= most ? number : before
}
