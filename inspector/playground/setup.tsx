import type { Playground, PlaygroundState } from './playground.ts'
import { scenarioTexts } from './scenario-texts.ts'
import { scenarios } from './scenarios.ts'
import { mostServers } from './session.ts'

interface SetupProps {
  readonly state: PlaygroundState
  readonly playground: Playground
}

const counts = Array.from({ length: mostServers }, (_, place) => place + 1)

/** Which cluster, and how it begins. */
export function Setup({ state, playground }: SetupProps) {
  const { setting } = state.session
  const choose = (file: string) => {
    const scenario = scenarios.find((other) => other.file === file)
    if (scenario !== undefined) playground.open(scenario.name, scenarioTexts[file] ?? '', { atEnd: false })
  }
  return (
    <div class="playground-row">
      <label class="playground-wide">
        Scenario{' '}
        <select value="" onChange={(event) => choose(event.currentTarget.value)}>
          <option value="">choose one…</option>
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
    </div>
  )
}
