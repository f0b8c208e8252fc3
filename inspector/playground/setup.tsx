import { useState } from 'preact/hooks'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import { isChanged, type Playground, type PlaygroundState } from './playground.ts'
import { scenarioTexts } from './scenario-texts.ts'
import { scenarios } from './scenarios.ts'
import { mostServers } from './session.ts'

interface SetupProps {
  readonly state: PlaygroundState
  readonly playground: Playground
}

const counts = Array.from({ length: mostServers }, (_, place) => place + 1)

/** The choice of a cluster and of its beginning. */
export function Setup({ state, playground }: SetupProps) {
  const { session, opened } = state
  const { setting } = session
  const shown = scenarios.find(({ name }) => name === opened?.name)?.file ?? ''
  const choose = (file: string) => {
    const scenario = scenarios.find((other) => other.file === file)
    if (scenario === undefined) playground.found(setting)
    else playground.open(scenario.name, scenarioTexts[file] ?? '', { atEnd: false })
  }
  return (
    <div class="playground-row">
      <label class="playground-wide">
        Scenario{' '}
        <select value={shown} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="">{shown !== '' || opened === null ? 'choose one…' : opened.name}</option>
          {scenarios.map(({ file, name }) => (
            <option key={file} value={file}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Servers{' '}
        <select
          value={setting.servers}
          onChange={(event) => playground.found({ ...setting, servers: Number(event.currentTarget.value) })}
        >
          {counts.map((count) => (
            <option key={count} value={count}>
              {count}
            </option>
          ))}
        </select>
      </label>
      <label>
        Service{' '}
        <select
          value={setting.service}
          onChange={(event) =>
            playground.found({ ...setting, service: event.currentTarget.value === 'kv' ? 'kv' : 'lock' })
          }
        >
          <option value="lock">locks</option>
          <option value="kv">key-value</option>
        </select>
      </label>
      <button type="button" onClick={() => playground.found(setting)}>
        Empty cluster
      </button>
      {isChanged(state) && opened !== null && (
        <p class="playground-changed">
          Changed: it is no longer as it was opened.{' '}
          <button type="button" onClick={() => playground.returnToOpened()}>
            Back to {shown === '' ? opened.name : 'the scenario'}
          </button>
        </p>
      )}
      <Simulate playground={playground} />
    </div>
  )
}

/** A complete run with faults from a seed, as `paxos simulate --seed` makes it. */
function Simulate({ playground }: { readonly playground: Playground }) {
  const [seed, setSeed] = useState('1')
  const [isRunning, setIsRunning] = useState(false)
  const run = () => {
    setIsRunning(true)
    // The page cannot draw during the run, so it first draws that the run is in progress.
    requestAnimationFrame(() =>
      setTimeout(() => {
        playground.simulate(drawPlan(Number(seed)))
        setIsRunning(false)
      }),
    )
  }
  return (
    <form
      class="playground-row"
      onSubmit={(event) => {
        event.preventDefault()
        run()
      }}
    >
      <label>
        Seed{' '}
        <input
          class="playground-seed"
          type="number"
          required
          min="0"
          max={2 ** 31 - 1}
          step="1"
          value={seed}
          onInput={(event) => setSeed(event.currentTarget.value)}
        />
      </label>
      <button type="submit" aria-disabled={isRunning}>
        {isRunning ? 'Running…' : 'Simulate a storm'}
      </button>
    </form>
  )
}
